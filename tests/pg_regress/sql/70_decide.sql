-- Stage decide: the rule, the lease and the ledger.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE FUNCTION pg_temp.decided(recommendation jsonb, observation jsonb) RETURNS TABLE (action text, units text, act text, code text, reason text) LANGUAGE sql AS $$
    SELECT d ->> 'action', concat(d ->> 'units_before', ' -> ', d ->> 'units_desired'), d ->> 'act', e ->> 'code', e ->> 'text'
    FROM (SELECT prescale.decide('{"mode": "full", "origin": 1714550400000000, "demand": 100, "demand_peak": 100, "forecast": 100, "forecast_peak": 100, "unit_capacity": 10,
        "target_utilization": 0.7, "headroom": 1, "min_units": 1, "max_units": 100, "tolerance": 0.1, "band_out": 0.1, "band_slack": 0.25, "band_in": 0.1,
        "max_scale_out": null, "max_scale_in": null, "stale_after": 300000000, "paused_out": false, "paused_in": false}'::jsonb || recommendation,
        '{"state": "seen", "units_total": 15, "units_ready": 15, "version": null}'::jsonb || observation, '2024-05-01 08:00:30') d) x, jsonb_array_elements(d -> 'reasons') e
$$;
SELECT 'peak ahead' AS what, d.* FROM pg_temp.decided('{"forecast": 300, "forecast_peak": 300}', '{}') d;
SELECT 'steady' AS what, d.* FROM pg_temp.decided('{}', '{}') d;
SELECT 'quiet' AS what, d.* FROM pg_temp.decided('{"demand": 20, "demand_peak": 20, "forecast": 30, "forecast_peak": 40}', '{}') d;
SELECT 'quiet, mode out' AS what, d.* FROM pg_temp.decided('{"mode": "out", "demand": 20, "demand_peak": 20, "forecast": 30, "forecast_peak": 40}', '{}') d;
SELECT 'quiet, mode floor' AS what, d.* FROM pg_temp.decided('{"mode": "floor", "demand": 20, "demand_peak": 20, "forecast": 30, "forecast_peak": 40}', '{}') d;
SELECT 'peak, mode observe' AS what, d.* FROM pg_temp.decided('{"mode": "observe", "forecast": 300, "forecast_peak": 300}', '{}') d;
SELECT 'no forecast' AS what, d.* FROM pg_temp.decided('{"demand": 200, "demand_peak": 200, "forecast": null, "forecast_peak": null}', '{}') d;
SELECT 'stale' AS what, d.* FROM pg_temp.decided('{"origin": 1714550000000000, "demand": 1, "demand_peak": 1, "forecast": 1, "forecast_peak": 1}', '{}') d;
SELECT 'paused' AS what, d.* FROM pg_temp.decided('{"forecast": 300, "forecast_peak": 300, "paused_out": true}', '{}') d;
SELECT 'too large' AS what, d.* FROM pg_temp.decided('{"forecast": 3000, "forecast_peak": 3000}', '{}') d;
SELECT 'slowly' AS what, d.* FROM pg_temp.decided('{"forecast": 300, "forecast_peak": 300, "max_scale_out": 4}', '{}') d;
SELECT 'gone' AS what, action, code FROM pg_temp.decided('{}', '{"state": "unavailable", "why": "deployments \"front\" not found"}');
SELECT prescale.decide('{}', '{}', now());
\echo :SQLSTATE
-- the lease
SELECT acquire_lease(9, 'a', '1 hour') AS generation, acquire_lease(9, 'a', '1 hour') AS renewed, acquire_lease(9, 'b', '1 hour') AS refused;
SELECT release_lease(9, 'a', 99) AS wrong_generation, release_lease(9, 'a', 1) AS released;
SELECT acquire_lease(9, 'b', '1 hour') AS taken_over;
SELECT check_lease(9, 1);
\echo :SQLSTATE
-- the ledger: an intent first, its result after it; a hold for the same reasons is stored once
SELECT * FROM record_decision(9, 1, 'a', '[]');
\echo :SQLSTATE
SELECT d.workload_id IS NOT NULL AS stored FROM record_decision(9, 2, 'b', jsonb_build_array(jsonb_build_object('workload_id', 1, 'origin', '2024-05-01T08:00:00Z', 'revision', 0,
    'recommendation', '{"mode": "full"}'::jsonb, 'observation', '{"state": "seen"}'::jsonb,
    'decision', '{"action": "scale_out", "units_before": 2, "units_desired": 5, "units_predicted": 5, "units_reactive": 3, "act": true, "reasons": [{"code": "predicted_peak", "text": "because"}]}'::jsonb)), '2024-05-01 08:00:30') d;
SELECT count(*) FROM generate_series(1, 3), LATERAL record_decision(9, 2, 'b', jsonb_build_array(jsonb_build_object('workload_id', 1, 'origin', '2024-05-01T08:01:00Z', 'revision', 0,
    'recommendation', '{"mode": "full"}'::jsonb, 'observation', '{"state": "seen"}'::jsonb,
    'decision', '{"action": "hold", "units_before": 5, "units_desired": 5, "units_predicted": 5, "units_reactive": 3, "act": false, "reasons": [{"code": "within_band", "text": "fine"}]}'::jsonb)), '2024-05-01 08:01:30') d;
SELECT record_result(9, 2, jsonb_build_array(jsonb_build_object('decision', (SELECT min(decision) FROM decision WHERE shard = 9), 'status', 'done', 'result', '{"units": 5}'::jsonb)), '2024-05-01 08:00:31');
SELECT decided_at, action, units_before, units_desired, act, act_status, acted_at, result FROM decision WHERE shard = 9 ORDER BY decision;
SELECT record_capacity(9, 2, '[{"workload_id": 1, "units_total": 5, "units_ready": 2}]', '2024-05-01 08:00:31') AS first,
       record_capacity(9, 2, '[{"workload_id": 1, "units_total": 5, "units_ready": 2}]', '2024-05-01 08:01:31') AS unchanged;
-- the reactive rule on a step of demand: units are asked for at once and ready five minutes later
SELECT ts::time, demand, units_total, units_ready FROM simulate_reactive((SELECT series_agg(timestamptz '2024-05-01' + g * interval '1 minute', CASE WHEN g < 3 THEN 20 ELSE 100 END) FROM generate_series(0, 10) g), 10) ORDER BY ts;
SELECT * FROM simulate_reactive((SELECT series_agg(now(), 1)), -1);
\echo :SQLSTATE
DELETE FROM decision WHERE shard = 9;
DELETE FROM capacity WHERE workload = 1;
DELETE FROM lease;
