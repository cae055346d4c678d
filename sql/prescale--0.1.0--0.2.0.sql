\echo Use "ALTER EXTENSION prescale UPDATE TO '0.2.0'" to load this file. \quit

-- resume() ends a pause; the view calibration shows day by day whether quantiles hold; a retention that starves forecasts is refused.

ALTER TABLE retention ADD CONSTRAINT retention_history_check CHECK (relation <> 'history' OR keep >= '10 days');

CREATE FUNCTION resume(workload text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id int := CASE WHEN workload IS NOT NULL THEN find_workload(workload) END;
    n int;
BEGIN
    UPDATE policy p SET pause_direction = NULL, pause_until = NULL, changed_at = now()
    WHERE (id IS NULL OR p.workload = id) AND p.pause_direction IS NOT NULL;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;
COMMENT ON FUNCTION resume(text) IS 'Ends the pause of one workload, or of all; returns how many were paused';
REVOKE ALL ON FUNCTION resume(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resume(text) TO @extowner@ WITH GRANT OPTION;

CREATE VIEW calibration AS
    SELECT w.name AS workload, date_trunc('day', o.target, 'UTC') AS day, l.level, count(*) AS n,
           avg((o.actual <= o.q[l.i])::int) AS coverage, avg((o.actual <= o.q[l.i])::int) - l.level AS deviation
    FROM outcome o JOIN workload w USING (workload) CROSS JOIN LATERAL unnest(o.levels) WITH ORDINALITY l (level, i)
    GROUP BY w.name, date_trunc('day', o.target, 'UTC'), l.level;
COMMENT ON VIEW calibration IS 'Whether quantiles hold what they promise, by day';
COMMENT ON COLUMN calibration.workload IS 'Name of the workload';
COMMENT ON COLUMN calibration.day IS 'Day (UTC)';
COMMENT ON COLUMN calibration.level IS 'Quantile level';
COMMENT ON COLUMN calibration.n IS 'Forecasts with an outcome';
COMMENT ON COLUMN calibration.coverage IS 'Share of outcomes at or below the quantile';
COMMENT ON COLUMN calibration.deviation IS 'coverage minus level';
ALTER VIEW calibration OWNER TO @extowner@;

CREATE OR REPLACE FUNCTION grant_operator(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM grant_reader(role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.source, prescale.workload, prescale.policy, prescale.retention TO %s', role);
    EXECUTE format('GRANT INSERT, DELETE ON prescale.progress TO %s', role);
    EXECUTE format('GRANT DELETE ON prescale.feature, prescale.fingerprint, prescale.history, prescale.model, prescale.forecast, prescale.outcome, prescale.decision, prescale.capacity TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.source_id, prescale.workload_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.check_column(regclass, name), prescale.check_select(name, name, name), prescale.check_source_right(), prescale.source_preview(regclass, text, name, name, name, name, int), '
        'prescale.add_source(text, regclass, text, name, name, name, name, text[], name, name, name, name, interval, bool), prescale.drop_source(text), '
        'prescale.add_workload(text, text, text, text, text, interval, text, interval, jsonb, int), prescale.drop_workload(text), '
        'prescale.set_policy(text, text, float8, float8, float8, int, int, interval, float8, int, float8, float8, float8, float8, interval, int, int, interval, numeric), '
        'prescale.pause(text, text, timestamptz), prescale.resume(text), prescale.notify_worker() TO %s', role);
END
$$;
