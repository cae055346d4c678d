-- Stage feedback: what was predicted and decided, and what came.

CREATE TABLE outcome (
    workload int NOT NULL,
    origin   timestamptz NOT NULL,
    revision int NOT NULL,
    target   timestamptz NOT NULL,
    levels   float8[] NOT NULL,
    q        float8[] NOT NULL,
    actual   float8 NOT NULL,
    pinball  float8[] NOT NULL,
    PRIMARY KEY (workload, origin)
);
CREATE INDEX outcome_target ON outcome (workload, target);
COMMENT ON INDEX outcome_target IS 'Finds outcomes by the window that they are for';
COMMENT ON TABLE outcome IS 'Every forecast beside what came; the newest revision of each origin';
COMMENT ON COLUMN outcome.workload IS 'Workload';
COMMENT ON COLUMN outcome.origin IS 'Origin of the forecast';
COMMENT ON COLUMN outcome.revision IS 'Its revision';
COMMENT ON COLUMN outcome.target IS 'Window that it was for';
COMMENT ON COLUMN outcome.levels IS 'Quantile levels';
COMMENT ON COLUMN outcome.q IS 'Quantiles that were forecast';
COMMENT ON COLUMN outcome.actual IS 'Demand that came';
COMMENT ON COLUMN outcome.pinball IS 'Pinball loss of each quantile';

CREATE VIEW accuracy AS
    SELECT w.name AS workload, l.level, count(*) AS n, avg(o.pinball[l.i]) AS pinball,
           avg((o.actual <= o.q[l.i])::int) AS coverage, avg(o.actual) AS mean_actual, avg(o.q[l.i]) AS mean_forecast
    FROM outcome o JOIN workload w USING (workload) CROSS JOIN LATERAL unnest(o.levels) WITH ORDINALITY l (level, i)
    GROUP BY w.name, l.level;
COMMENT ON VIEW accuracy IS 'How good the forecasts of each workload were, by quantile level';
COMMENT ON COLUMN accuracy.workload IS 'Name of the workload';
COMMENT ON COLUMN accuracy.level IS 'Quantile level';
COMMENT ON COLUMN accuracy.n IS 'Forecasts with an outcome';
COMMENT ON COLUMN accuracy.pinball IS 'Mean pinball loss, in the unit of demand';
COMMENT ON COLUMN accuracy.coverage IS 'Share of outcomes at or below the quantile; the level, when calibrated';
COMMENT ON COLUMN accuracy.mean_actual IS 'Mean demand that came';
COMMENT ON COLUMN accuracy.mean_forecast IS 'Mean of the quantile';

CREATE VIEW calibration AS
    SELECT w.name AS workload, date_trunc('day', o.target, 'UTC') AS day, l.level, count(*) AS n,
           avg((o.actual <= o.q[l.i])::int) AS coverage, avg((o.actual <= o.q[l.i])::int) - l.level AS deviation, avg(o.pinball[l.i]) AS pinball
    FROM outcome o JOIN workload w USING (workload) CROSS JOIN LATERAL unnest(o.levels) WITH ORDINALITY l (level, i)
    GROUP BY w.name, date_trunc('day', o.target, 'UTC'), l.level;
COMMENT ON VIEW calibration IS 'Whether quantiles hold what they promise, by day';
COMMENT ON COLUMN calibration.workload IS 'Name of the workload';
COMMENT ON COLUMN calibration.day IS 'Day (UTC)';
COMMENT ON COLUMN calibration.level IS 'Quantile level';
COMMENT ON COLUMN calibration.n IS 'Forecasts with an outcome';
COMMENT ON COLUMN calibration.coverage IS 'Share of outcomes at or below the quantile';
COMMENT ON COLUMN calibration.deviation IS 'coverage minus level';
COMMENT ON COLUMN calibration.pinball IS 'Mean pinball loss, in the unit of demand';

CREATE VIEW decision_outcome AS
    SELECT w.name AS workload, d.decision, d.decided_at, d.action, d.units_before, d.units_desired, d.act_status,
           o.target, (d.recommendation ->> 'forecast')::float8 AS predicted, o.actual,
           o.actual / (d.recommendation ->> 'unit_capacity')::float8 AS units_needed, c.units_ready
    FROM decision d
    JOIN workload w USING (workload)
    LEFT JOIN outcome o ON o.workload = d.workload AND o.origin = d.origin
    LEFT JOIN LATERAL (SELECT c.units_ready FROM capacity c WHERE c.workload = d.workload AND c.ts <= o.target ORDER BY c.ts DESC LIMIT 1) c ON true;
COMMENT ON VIEW decision_outcome IS 'Every decision beside the demand that it was made for';
COMMENT ON COLUMN decision_outcome.workload IS 'Name of the workload';
COMMENT ON COLUMN decision_outcome.decision IS 'Number of the decision';
COMMENT ON COLUMN decision_outcome.decided_at IS 'When it was decided';
COMMENT ON COLUMN decision_outcome.action IS 'hold, scale_out or scale_in';
COMMENT ON COLUMN decision_outcome.units_before IS 'Units before';
COMMENT ON COLUMN decision_outcome.units_desired IS 'Units decided';
COMMENT ON COLUMN decision_outcome.act_status IS 'What came of carrying it out';
COMMENT ON COLUMN decision_outcome.target IS 'Window that the forecast was for; NULL while it has not closed';
COMMENT ON COLUMN decision_outcome.predicted IS 'High quantile that was forecast';
COMMENT ON COLUMN decision_outcome.actual IS 'Demand that came';
COMMENT ON COLUMN decision_outcome.units_needed IS 'Units that the demand would have filled';
COMMENT ON COLUMN decision_outcome.units_ready IS 'Units that were ready';

CREATE VIEW capacity_plan AS
    SELECT r.workload, r.origin, r.forecast_target AS ts, r.demand, r.forecast, c.units_total AS units_now,
           greatest(r.units_predicted, r.units_reactive) AS units_needed, r.mode, r.status
    FROM recommendation r
    LEFT JOIN LATERAL (SELECT c.units_total FROM capacity c WHERE c.workload = r.workload_id ORDER BY c.ts DESC LIMIT 1) c ON true;
COMMENT ON VIEW capacity_plan IS 'How many units each workload has, and how many it needs at the lead time';
COMMENT ON COLUMN capacity_plan.workload IS 'Name of the workload';
COMMENT ON COLUMN capacity_plan.origin IS 'End of the last closed window';
COMMENT ON COLUMN capacity_plan.ts IS 'Window that the plan is for';
COMMENT ON COLUMN capacity_plan.demand IS 'Demand now';
COMMENT ON COLUMN capacity_plan.forecast IS 'High quantile of demand then';
COMMENT ON COLUMN capacity_plan.units_now IS 'Units that the target asks for';
COMMENT ON COLUMN capacity_plan.units_needed IS 'The larger of predicted and reactive units';
COMMENT ON COLUMN capacity_plan.mode IS 'Mode of the workload';
COMMENT ON COLUMN capacity_plan.status IS 'ok, or why there is less';

CREATE VIEW status AS
    SELECT w.name AS workload, s.name AS source, w.enabled, p.mode, g.status, g.code, g.message, g.hint, g.watermark,
           now() - g.watermark AS lag, g.refreshed_at, g.n_future, f.n_window, f.n_gap, f.n_late, f.n_null, f.n_nonfinite, m.missing_metrics
    FROM workload w
    JOIN source s USING (source)
    JOIN policy p USING (workload)
    JOIN progress g USING (workload)
    CROSS JOIN LATERAL (
        SELECT count(*) AS n_window, count(*) FILTER (WHERE f.n_row = 0) AS n_gap, coalesce(sum(f.n_late), 0) AS n_late,
               coalesce(sum(f.n_null), 0) AS n_null, coalesce(sum(f.n_nonfinite), 0) AS n_nonfinite
        FROM feature f WHERE f.workload = w.workload AND f.ts >= g.watermark - interval '1 day'
    ) f
    CROSS JOIN LATERAL (
        SELECT array_agg(n.name ORDER BY n.i) AS missing_metrics FROM unnest(g.feature_names) WITH ORDINALITY n (name, i)
        WHERE n.name = ANY (s.metrics) AND s.kind <> 'request'
          AND (SELECT every(f.value[n.i] IS NULL) FROM feature f
               WHERE f.workload = w.workload AND f.ts >= g.watermark - greatest(interval '1 hour', 12 * w.step) AND f.n_row > 0)
    ) m;
COMMENT ON VIEW status IS 'How each workload is doing; counts are over the last day of its data';
COMMENT ON COLUMN status.workload IS 'Name of the workload';
COMMENT ON COLUMN status.source IS 'Name of its source';
COMMENT ON COLUMN status.enabled IS 'Whether it is refreshed and scaled';
COMMENT ON COLUMN status.mode IS 'observe, floor, out or full';
COMMENT ON COLUMN status.status IS 'ok, new, no_samples, no_capacity, no_model, no_history, no_demand or error';
COMMENT ON COLUMN status.code IS 'SQLSTATE of the error';
COMMENT ON COLUMN status.message IS 'What was wrong';
COMMENT ON COLUMN status.hint IS 'What to do about it';
COMMENT ON COLUMN status.watermark IS 'End of its last closed window';
COMMENT ON COLUMN status.lag IS 'How far the watermark is behind now';
COMMENT ON COLUMN status.refreshed_at IS 'as_of of the last refresh';
COMMENT ON COLUMN status.n_future IS 'Rows of the source beyond as_of, at the last refresh';
COMMENT ON COLUMN status.n_window IS 'Windows';
COMMENT ON COLUMN status.n_gap IS 'Windows without a row';
COMMENT ON COLUMN status.n_late IS 'Rows that came after the lateness bound';
COMMENT ON COLUMN status.n_null IS 'Rows without a value';
COMMENT ON COLUMN status.n_nonfinite IS 'Rows that were NaN or infinite';
COMMENT ON COLUMN status.missing_metrics IS 'Metrics of its source without a value in the last hour, or twelve windows if longer; NULL if none';

CREATE FUNCTION explain(decision bigint) RETURNS TABLE (topic text, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_column
DECLARE
    d prescale.decision;
    r jsonb;
BEGIN
    SELECT t.* INTO d FROM prescale.decision t WHERE t.decision = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'decision % does not exist', $1 USING ERRCODE = 'undefined_object',
            HINT = 'SELECT max(decision) FROM prescale.decision is the newest one.';
    END IF;
    r := d.recommendation;
    RETURN QUERY
    SELECT 'decision', format('%s: %s, %s -> %s units, at %s in mode %s (%s)', w.name, d.action, coalesce(d.units_before::text, '?'),
                              coalesce(d.units_desired::text, '?'), d.decided_at, d.mode, d.act_status)
    FROM workload w WHERE w.workload = d.workload
    UNION ALL
    SELECT 'demand', format('%s in the last window before %s', round((r ->> 'demand')::numeric, 2), coalesce(d.origin::text, '?'))
    WHERE r ->> 'demand' IS NOT NULL
    UNION ALL
    SELECT 'forecast', concat('at most ', round((r ->> 'forecast')::numeric, 2),
                              (SELECT format(' at %s with probability %s, by model %s', f.target, f.levels[cardinality(f.levels)], coalesce(f.model::text, 'none'))
                               FROM forecast f WHERE f.workload = d.workload AND f.origin = d.origin AND f.revision = d.revision))
    WHERE r ->> 'forecast' IS NOT NULL
    UNION ALL
    SELECT 'rules', format('forecast alone: %s units, reactive rule alone: %s units, one unit carries %s', coalesce(d.units_predicted::text, '?'),
                           coalesce(d.units_reactive::text, '?'), r ->> 'unit_capacity')
    UNION ALL
    SELECT 'reason', format('%s (%s)', e.reason ->> 'text', e.reason ->> 'code') FROM jsonb_array_elements(d.reasons) e (reason)
    UNION ALL
    SELECT 'outcome', format('%s came at %s, %s the forecast', round(o.actual::numeric, 2), o.target,
                             CASE WHEN o.actual <= (r ->> 'forecast')::float8 THEN 'within' ELSE 'above' END)
    FROM outcome o WHERE o.workload = d.workload AND o.origin = d.origin AND r ->> 'forecast' IS NOT NULL;
END
$$;
COMMENT ON FUNCTION explain(bigint) IS 'Why a decision was made, in words and numbers, and what came of it';

CREATE FUNCTION explain(workload text) RETURNS TABLE (topic text, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_column
DECLARE
    id int := find_workload($1);
    newest bigint;
BEGIN
    RETURN QUERY
    SELECT 'status', concat_ws(': ', g.status, g.message, g.hint) FROM progress g WHERE g.workload = id AND g.status <> 'ok';
    SELECT d.decision INTO newest FROM decision d WHERE d.workload = id ORDER BY d.decided_at DESC, d.decision DESC LIMIT 1;
    IF newest IS NULL THEN
        RETURN QUERY SELECT 'decision', format('none yet for %s: a worker makes decisions', $1);
    ELSE
        RETURN QUERY SELECT * FROM explain(newest);
    END IF;
END
$$;
COMMENT ON FUNCTION explain(text) IS 'Why the newest decision about a workload was made';
