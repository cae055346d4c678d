-- Stage feature: named numbers of every window, from narrow, wide and request sources.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE request_row (ts timestamptz, service text, latency_ms float8, bytes int, kind text, client text, tokens int);
INSERT INTO request_row SELECT timestamptz '2024-05-01' + g * interval '1 second', 'api', 10 + g % 60, 100 * (g % 60), CASE g % 4 WHEN 0 THEN 'page' ELSE 'image' END, 'c' || g % 8, g % 60
FROM generate_series(0, 299) g;
SELECT f.name, round(f.value::numeric, 3) AS value FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client, ARRAY[tokens]) s FROM request_row) g, features(g.s, '{tokens}') f;
SELECT f.name, round(f.value::numeric, 3) AS value FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client) s FROM request_row) g, features(g.s) f;
-- parts roll up to the whole; empty is a value
SELECT bool_and(a.value IS NOT DISTINCT FROM b.value OR abs(a.value - b.value) < 1e-9) AS rolled_up FROM
    (SELECT f.* FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client) s FROM request_row) g, features(g.s) f) a JOIN
    (SELECT f.* FROM (SELECT rollup(s) s FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client) s FROM request_row GROUP BY kind, bytes) p) g, features(g.s) f) b USING (name);
SELECT count(f.value) FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client) s FROM request_row WHERE false) g, features(g.s) f;
SELECT features(request_agg(ts, latency_ms, bytes, kind, client, ARRAY[tokens]), '{a,b}') FROM request_row;
\echo :SQLSTATE
-- managed: a request log
SELECT workload, n_row, n_nonfinite FROM add_source('log', 'request_row', kind => 'request', workload_column => 'service', latency_column => 'latency_ms', bytes_column => 'bytes', kind_column => 'kind', actor_column => 'client', metrics => '{tokens}');
SELECT add_workload('api', 'log') AS workload;
SELECT add_workload('x', 'log', demand => 'latency_ms');
\echo :SQLSTATE
CALL refresh(as_of => '2024-05-01 00:10');
SELECT ts::time, name, round(value::numeric, 3) AS value FROM feature_value WHERE workload = 'api' AND ts IN ('2024-05-01 00:00', '2024-05-01 00:01') ORDER BY ts, name COLLATE "C";
-- managed: wide, with correlation of each metric and demand over the last hour of windows
CREATE TABLE wide_metric AS SELECT timestamptz '2024-05-01' + g * interval '1 minute' AS ts, (100 + g % 13)::int AS rps, (2 * (100 + g % 13) + 5)::numeric AS cpu, (g * 37 % 11)::float8 AS noise FROM generate_series(0, 119) g;
SELECT metric, n_row FROM add_source('wide', 'wide_metric', kind => 'wide', period => '1 minute');
SELECT add_workload('front', 'wide', demand => 'rps') AS workload;
SELECT add_workload('y', 'wide', demand => 'latency');
\echo :SQLSTATE
CALL refresh('front', '2024-05-01 02:00');
SELECT workload_feature_names(workload) FROM workload WHERE name = 'front';
SELECT ts::time, feature.demand, (SELECT array_agg(round(v::numeric, 3)) FROM unnest(value) v) AS value FROM feature JOIN workload USING (workload) WHERE name = 'front' AND ts >= '2024-05-01 01:58' ORDER BY ts;
SELECT drop_workload('front'), drop_workload('api');
-- a request without parameters may come first
SELECT f.name, round(f.value::numeric, 6) AS value FROM (SELECT request_agg(now(), g, g, 'k', 'a', CASE WHEN g > 1 THEN ARRAY[g::float8] END ORDER BY g) s FROM generate_series(1, 9) g) x, features(x.s, '{p}') f WHERE f.name LIKE 'corr%';
