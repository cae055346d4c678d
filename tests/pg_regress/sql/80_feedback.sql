-- Stage feedback: scores of a supply, outcomes of forecasts, and why.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT n, round(theta_under::numeric, 4) AS theta_under, round(theta_over::numeric, 4) AS theta_over, tau_under, tau_over, round(instability::numeric, 3) AS instability,
       round(drop_ratio::numeric, 4) AS drop_ratio, round(cost_ratio::numeric, 4) AS cost_ratio, actions
FROM (SELECT series_agg(timestamptz '2024-05-01' + g * interval '1 minute', (ARRAY[10, 20, 30, 20, 10])[g]) d, series_agg(timestamptz '2024-05-01' + g * interval '1 minute', (ARRAY[15, 15, 30, 30, 10])[g]) s
      FROM generate_series(1, 5) g) x, score(x.d, x.s);
SELECT round(pinball(0.9, 10, 12)::numeric, 3) AS above, round(pinball(0.9, 10, 8)::numeric, 3) AS below;
-- outcomes appear when the window of a forecast has closed
SELECT count(*) AS n FROM outcome JOIN workload USING (workload) WHERE name = 'wave';
CALL refresh('wave', '2024-05-08 03:05');
CALL refresh('wave', '2024-05-08 03:30');
SELECT origin, outcome.target, round(actual) AS actual, q[2] >= actual AS covered, pinball[1] > 0 AS scored FROM outcome JOIN workload USING (workload) WHERE name = 'wave' ORDER BY origin;
SELECT workload, level, n, coverage FROM accuracy WHERE workload = 'wave' ORDER BY level;
SELECT day, level, n FROM calibration WHERE workload = 'wave' ORDER BY level;
SELECT workload, source, status, watermark, n_window, n_gap, n_late, n_null, n_nonfinite FROM status WHERE workload = 'wave';
SELECT * FROM explain('wave');
SELECT * FROM explain('nobody');
\echo :SQLSTATE
SELECT * FROM explain(-1);
\echo :SQLSTATE
-- a decision, and what came of it
SELECT acquire_lease(0, 'w', '1 hour') AS generation;
SELECT count(*) FROM record_decision(0, 1, 'w', (SELECT jsonb_build_array(jsonb_build_object('workload_id', f.workload, 'origin', f.origin, 'revision', f.revision,
    'recommendation', jsonb_build_object('mode', 'full', 'demand', f.demand, 'forecast', f.q[2], 'unit_capacity', 20), 'observation', '{"state": "seen", "units_total": 20}'::jsonb,
    'decision', '{"action": "scale_out", "units_before": 20, "units_desired": 22, "units_predicted": 22, "units_reactive": 21, "act": true, "reasons": [{"code": "predicted_out", "text": "the forecast needs 22 units"}]}'::jsonb))
    FROM forecast f JOIN workload w USING (workload) WHERE w.name = 'wave' AND f.origin = '2024-05-08 03:00'), '2024-05-08 03:00:10');
SELECT topic, regexp_replace(detail, 'model \d+', 'model N') AS detail FROM explain('wave');
SELECT workload, action, units_before, units_desired, act_status, target, round(predicted) >= round(actual) AS covered, round(units_needed::numeric) AS units_needed, units_ready FROM decision_outcome;
