-- Stage recommend: units for a demand, policies, and the recommendation of a workload with a daily wave.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT required_capacity(95, 10), required_capacity(95, 10, 1), required_capacity(70, 10, 0.7), required_capacity(0, 10, min => 2), required_capacity(1e9, 10, max => 50);
SELECT required_capacity('NaN', 10);
\echo :SQLSTATE
SELECT required_capacity(10, 0);
\echo :SQLSTATE
SELECT required_capacity(10, 10, 1.5);
\echo :SQLSTATE
SELECT required_capacity(10, 10, 0.7, 5, 2);
\echo :SQLSTATE
SELECT unit_cost(36000, 0.0416), unit_cost(1, 0.05), unit_cost(0, 1);
SELECT unit_cost(-1, 1);
\echo :SQLSTATE
SELECT unit_cost(1, 'NaN');
\echo :SQLSTATE
CREATE TABLE wave AS SELECT t AS ts, 200 + 150 * sin(2 * pi() * extract(epoch FROM t) / 86400) + (extract(epoch FROM t)::bigint / 60 * 31 % 17) AS value
FROM generate_series(timestamptz '2024-05-01', '2024-05-09', '1 minute') t;
SELECT count(*) FROM add_source('wave', 'wave', period => '1 minute');
SELECT add_workload('wave', 'wave') IS NOT NULL AS added;
CALL refresh('wave', '2024-05-08 03:00');
SELECT workload, mode, origin, status, units_predicted, units_reactive FROM recommendation WHERE workload = 'wave';
SELECT set_policy('wave', mode => 'full', unit_capacity => 20, lead_time => '10 minutes', min_units => 2, max_units => 40);
CALL refresh('wave', '2024-05-08 03:00');
-- demand rises: the forecast of ten minutes ahead is above it, and close to what comes
SELECT r.origin, r.forecast_target, round(r.demand) AS demand, r.forecast > r.demand AS above, r.forecast_peak >= r.forecast AS peak, abs(r.forecast / w.value - 1) < 0.1 AS close, r.units_predicted, r.status
FROM recommendation r JOIN wave w ON w.ts = r.forecast_target WHERE r.workload = 'wave';
SELECT kind, boundary, status, n_train > 5000 AS trained FROM model JOIN workload USING (workload) WHERE name = 'wave' ORDER BY kind, boundary;
SELECT origin, revision, forecast.target, levels, q[1] < q[2] AS ordered, status FROM forecast JOIN workload USING (workload) WHERE name = 'wave';
SELECT set_policy('nobody');
\echo :SQLSTATE
SELECT set_policy('wave', mode => 'auto');
\echo :SQLSTATE
SELECT set_policy('wave', unit_capacity => 0);
\echo :SQLSTATE
SELECT set_policy('wave', min_units => 50);
\echo :SQLSTATE
SELECT set_policy('wave', lead_time => '-1 minute');
\echo :SQLSTATE
SELECT set_policy('wave', target_utilization => 'NaN');
\echo :SQLSTATE
SELECT pause('wave', 'in'), pause('wave', 'sideways');
\echo :SQLSTATE
SELECT pause('wave', 'in');
SELECT paused_out, paused_in FROM recommendation WHERE workload = 'wave';
SELECT resume('wave'), resume('wave');
SELECT pause() = (SELECT count(*) FROM workload) AS all_paused;
SELECT pause('wave', until => now() - interval '1 minute');
SELECT paused_out, paused_in FROM recommendation WHERE workload = 'wave';
SELECT resume() > 0 AS resumed;
