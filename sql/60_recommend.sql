-- Stage recommend: the policy of each workload and what it asks for now.

CREATE TABLE policy (
    workload            int PRIMARY KEY REFERENCES workload ON DELETE CASCADE,
    mode                text NOT NULL DEFAULT 'observe' CHECK (mode IN ('observe', 'floor', 'out', 'full')),
    unit_capacity       float8 CHECK (unit_capacity > 0 AND unit_capacity < 'Infinity'),
    target_utilization  float8 NOT NULL DEFAULT 0.7 CHECK (target_utilization > 0 AND target_utilization <= 1),
    headroom            float8 NOT NULL DEFAULT 1 CHECK (headroom > 0 AND headroom <= 10),
    min_units           int NOT NULL DEFAULT 1 CHECK (min_units >= 0),
    max_units           int NOT NULL DEFAULT 100 CONSTRAINT policy_max_units_check CHECK (max_units >= min_units),
    lead_time           interval NOT NULL DEFAULT '5 minutes' CHECK (lead_time > '0' AND lead_time <= '7 days'),
    quantile            float8 NOT NULL DEFAULT 0.99 CHECK (quantile > 0.5 AND quantile < 1),
    hold                int NOT NULL DEFAULT 5 CHECK (hold BETWEEN 0 AND 1440),
    band_out            float8 NOT NULL DEFAULT 0.1 CHECK (band_out BETWEEN 0 AND 10),
    band_slack          float8 NOT NULL DEFAULT 0.25 CHECK (band_slack BETWEEN 0 AND 10),
    band_in             float8 NOT NULL DEFAULT 0.1 CONSTRAINT policy_band_in_check CHECK (band_in BETWEEN 0 AND band_slack),
    tolerance           float8 NOT NULL DEFAULT 0.1 CHECK (tolerance BETWEEN 0 AND 1),
    scale_in_window     interval NOT NULL DEFAULT '5 minutes' CHECK (scale_in_window >= '0' AND scale_in_window <= '7 days'),
    max_scale_out       int CHECK (max_scale_out > 0),
    max_scale_in        int CHECK (max_scale_in > 0),
    stale_after         interval NOT NULL DEFAULT '5 minutes' CHECK (stale_after > '0' AND stale_after <= '7 days'),
    price_per_unit_hour numeric CHECK (price_per_unit_hour >= 0 AND price_per_unit_hour < 'Infinity'),
    pause_direction     text CHECK (pause_direction IN ('both', 'out', 'in')),
    pause_until         timestamptz,
    changed_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE policy IS 'How each workload is scaled; changed by set_policy, pause and resume';
COMMENT ON COLUMN policy.workload IS 'Workload';
COMMENT ON COLUMN policy.mode IS 'observe (decide, never act), floor (raise only), out (out on either rule, in on the reactive rule), full (out and in on the forecast)';
COMMENT ON COLUMN policy.unit_capacity IS 'Demand that one unit carries; without it there is no recommendation';
COMMENT ON COLUMN policy.target_utilization IS 'Utilisation that the reactive rule aims at';
COMMENT ON COLUMN policy.headroom IS 'Factor on the forecast quantile';
COMMENT ON COLUMN policy.min_units IS 'Smallest size';
COMMENT ON COLUMN policy.max_units IS 'Largest size';
COMMENT ON COLUMN policy.lead_time IS 'From a decision until its units are ready: the horizon of the forecast';
COMMENT ON COLUMN policy.quantile IS 'Quantile of demand that the size must carry';
COMMENT ON COLUMN policy.hold IS 'Windows that a surplus must last before units are removed';
COMMENT ON COLUMN policy.band_out IS 'Share added on top when scaling out';
COMMENT ON COLUMN policy.band_slack IS 'Surplus share that is tolerated before scaling in';
COMMENT ON COLUMN policy.band_in IS 'Share kept on top when scaling in';
COMMENT ON COLUMN policy.tolerance IS 'Deviation that the reactive rule tolerates (0.1 in Kubernetes)';
COMMENT ON COLUMN policy.scale_in_window IS 'Scale-in of the reactive rule follows the largest demand in this long';
COMMENT ON COLUMN policy.max_scale_out IS 'Most units added by one decision; NULL is no limit';
COMMENT ON COLUMN policy.max_scale_in IS 'Most units removed by one decision; NULL is no limit';
COMMENT ON COLUMN policy.stale_after IS 'Age of the last window beyond which capacity is held';
COMMENT ON COLUMN policy.price_per_unit_hour IS 'Price of one unit for one hour, for cost reports';
COMMENT ON COLUMN policy.pause_direction IS 'Paused: both, out or in; NULL is not paused';
COMMENT ON COLUMN policy.pause_until IS 'End of the pause; NULL is until resume';
COMMENT ON COLUMN policy.changed_at IS 'When it was changed';
CREATE TRIGGER notify_worker AFTER INSERT OR UPDATE OR DELETE ON policy FOR EACH STATEMENT EXECUTE FUNCTION notify_worker();
COMMENT ON TRIGGER notify_worker ON policy IS 'Wakes workers when a policy changes';

CREATE FUNCTION set_policy(
    workload text,
    mode text DEFAULT NULL,
    unit_capacity float8 DEFAULT NULL,
    target_utilization float8 DEFAULT NULL,
    headroom float8 DEFAULT NULL,
    min_units int DEFAULT NULL,
    max_units int DEFAULT NULL,
    lead_time interval DEFAULT NULL,
    quantile float8 DEFAULT NULL,
    hold int DEFAULT NULL,
    band_out float8 DEFAULT NULL,
    band_slack float8 DEFAULT NULL,
    band_in float8 DEFAULT NULL,
    tolerance float8 DEFAULT NULL,
    scale_in_window interval DEFAULT NULL,
    max_scale_out int DEFAULT NULL,
    max_scale_in int DEFAULT NULL,
    stale_after interval DEFAULT NULL,
    price_per_unit_hour numeric DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id int := find_workload(workload);
    broken text;
    offending text;
BEGIN
    UPDATE policy p SET
        mode = coalesce(mode, p.mode),
        unit_capacity = coalesce(unit_capacity, p.unit_capacity),
        target_utilization = coalesce(target_utilization, p.target_utilization),
        headroom = coalesce(headroom, p.headroom),
        min_units = coalesce(min_units, p.min_units),
        max_units = coalesce(max_units, p.max_units),
        lead_time = coalesce(lead_time, p.lead_time),
        quantile = coalesce(quantile, p.quantile),
        hold = coalesce(hold, p.hold),
        band_out = coalesce(band_out, p.band_out),
        band_slack = coalesce(band_slack, p.band_slack),
        band_in = coalesce(band_in, p.band_in),
        tolerance = coalesce(tolerance, p.tolerance),
        scale_in_window = coalesce(scale_in_window, p.scale_in_window),
        max_scale_out = nullif(coalesce(max_scale_out, p.max_scale_out), 0),
        max_scale_in = nullif(coalesce(max_scale_in, p.max_scale_in), 0),
        stale_after = coalesce(stale_after, p.stale_after),
        price_per_unit_hour = coalesce(price_per_unit_hour, p.price_per_unit_hour),
        changed_at = now()
    WHERE p.workload = id;
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
    SELECT pg_get_constraintdef(c.oid) INTO offending FROM pg_constraint c WHERE c.conname = broken AND c.conrelid = 'prescale.policy'::regclass;
    RAISE EXCEPTION 'policy of workload "%" is not valid: %', workload, regexp_replace(broken, '^policy_|_check\d*$', '', 'g')
        USING ERRCODE = 'invalid_parameter_value',
        DETAIL = format('Given: %s.', jsonb_strip_nulls(jsonb_build_object('mode', mode, 'unit_capacity', unit_capacity,
            'target_utilization', target_utilization, 'headroom', headroom, 'min_units', min_units, 'max_units', max_units,
            'lead_time', lead_time, 'quantile', quantile, 'hold', hold, 'band_out', band_out, 'band_slack', band_slack, 'band_in', band_in,
            'tolerance', tolerance, 'scale_in_window', scale_in_window, 'max_scale_out', max_scale_out, 'max_scale_in', max_scale_in,
            'stale_after', stale_after, 'price_per_unit_hour', price_per_unit_hour))),
        HINT = format('It must hold that %s.', regexp_replace(regexp_replace(offending, '^CHECK \(\((.*)\)\)$', '\1'), '::[a-z ]+(\[\])?', '', 'g'));
END
$$;
COMMENT ON FUNCTION set_policy(text, text, float8, float8, float8, int, int, interval, float8, int, float8, float8, float8, float8, interval, int, int, interval, numeric) IS
    'Changes how a workload is scaled; what is not given stays as it is, max_scale_out or max_scale_in 0 takes that limit back';

CREATE FUNCTION pause(workload text DEFAULT NULL, direction text DEFAULT 'both', until timestamptz DEFAULT NULL) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id int := CASE WHEN workload IS NOT NULL THEN find_workload(workload) END;
    n int;
BEGIN
    IF direction IS NULL OR direction NOT IN ('both', 'out', 'in') THEN
        RAISE EXCEPTION 'direction "%" is not known', direction USING ERRCODE = 'invalid_parameter_value', HINT = 'Known: both, out, in.';
    END IF;
    UPDATE policy p SET pause_direction = direction, pause_until = until, changed_at = now() WHERE id IS NULL OR p.workload = id;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;
COMMENT ON FUNCTION pause(text, text, timestamptz) IS 'Stops scaling of one workload, or of all, until a time or until resume; returns how many';

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

CREATE VIEW recommendation AS
    SELECT w.workload AS workload_id, w.name AS workload, w.target, w.shard, w.step, p.mode,
           g.watermark AS origin, g.revision, g.demand, g.demand_peak, g.forecast, g.forecast_peak, g.forecast_target, g.model,
           p.unit_capacity, p.target_utilization, p.headroom, p.min_units, p.max_units, p.tolerance,
           p.band_out, p.band_slack, p.band_in, p.max_scale_out, p.max_scale_in, p.stale_after,
           (p.pause_direction IN ('both', 'out') AND (p.pause_until IS NULL OR p.pause_until > now())) IS TRUE AS paused_out,
           (p.pause_direction IN ('both', 'in') AND (p.pause_until IS NULL OR p.pause_until > now())) IS TRUE AS paused_in,
           required_capacity(g.forecast * p.headroom, p.unit_capacity, 1, p.min_units, p.max_units) AS units_predicted,
           required_capacity(g.demand, p.unit_capacity, p.target_utilization, p.min_units, p.max_units) AS units_reactive,
           g.status
    FROM workload w JOIN policy p USING (workload) JOIN progress g USING (workload)
    WHERE w.enabled;
COMMENT ON VIEW recommendation IS 'What each workload needs now: polled by the worker';
COMMENT ON COLUMN recommendation.workload_id IS 'Number of the workload';
COMMENT ON COLUMN recommendation.workload IS 'Name of the workload';
COMMENT ON COLUMN recommendation.target IS 'What the worker scales';
COMMENT ON COLUMN recommendation.shard IS 'Shard of the workload';
COMMENT ON COLUMN recommendation.step IS 'Length of a window';
COMMENT ON COLUMN recommendation.mode IS 'observe, floor, out or full';
COMMENT ON COLUMN recommendation.origin IS 'End of the last closed window';
COMMENT ON COLUMN recommendation.revision IS 'Revision of the forecast of that origin';
COMMENT ON COLUMN recommendation.demand IS 'Demand in the last closed window';
COMMENT ON COLUMN recommendation.demand_peak IS 'Largest demand in the scale-in window';
COMMENT ON COLUMN recommendation.forecast IS 'High quantile of demand at the lead time';
COMMENT ON COLUMN recommendation.forecast_peak IS 'Largest such quantile over the hold windows';
COMMENT ON COLUMN recommendation.forecast_target IS 'Window that the forecast is for';
COMMENT ON COLUMN recommendation.model IS 'Model of the forecast';
COMMENT ON COLUMN recommendation.unit_capacity IS 'Demand that one unit carries';
COMMENT ON COLUMN recommendation.target_utilization IS 'Utilisation that the reactive rule aims at';
COMMENT ON COLUMN recommendation.headroom IS 'Factor on the forecast quantile';
COMMENT ON COLUMN recommendation.min_units IS 'Smallest size';
COMMENT ON COLUMN recommendation.max_units IS 'Largest size';
COMMENT ON COLUMN recommendation.tolerance IS 'Deviation that the reactive rule tolerates';
COMMENT ON COLUMN recommendation.band_out IS 'Share added on top when scaling out';
COMMENT ON COLUMN recommendation.band_slack IS 'Surplus share that is tolerated';
COMMENT ON COLUMN recommendation.band_in IS 'Share kept on top when scaling in';
COMMENT ON COLUMN recommendation.max_scale_out IS 'Most units added by one decision';
COMMENT ON COLUMN recommendation.max_scale_in IS 'Most units removed by one decision';
COMMENT ON COLUMN recommendation.stale_after IS 'Age of origin beyond which capacity is held';
COMMENT ON COLUMN recommendation.paused_out IS 'Whether scaling out is paused';
COMMENT ON COLUMN recommendation.paused_in IS 'Whether scaling in is paused';
COMMENT ON COLUMN recommendation.units_predicted IS 'Units that carry the forecast, before bands, rates and the current size';
COMMENT ON COLUMN recommendation.units_reactive IS 'Units that the reactive rule asks for, before its tolerance';
COMMENT ON COLUMN recommendation.status IS 'ok, or why there is less than a full recommendation';
