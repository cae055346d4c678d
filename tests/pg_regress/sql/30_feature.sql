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
-- latency sketches: quantiles within the error, exact ends and sum, what was left out
CREATE TABLE latency AS SELECT g, exp(g * 37 % 1000 / 100.0)::float8 AS ms FROM generate_series(1, 10000) g;
SELECT p, abs(quantile(s, p) / exact - 1) <= 0.01 AS within, abs(rank(s, exact) - p) < 0.01 AS rank_within FROM (SELECT latency_agg(ms) s FROM latency) a, (SELECT p, percentile_disc(p) WITHIN GROUP (ORDER BY ms) AS exact FROM latency, unnest(ARRAY[0.01, 0.5, 0.9, 0.99]) p GROUP BY p) e ORDER BY p;
SELECT n(s), error(s), min(s), max(s), sum(s), mean(s), quantile(s, ARRAY[0,0.5,1]), rank(s, 0), c.n_null, c.n_nonfinite FROM (SELECT latency_agg(x, 0.05) s FROM unnest(ARRAY[0.1, 0.2, -3, 0, NULL, 'NaN', '-Infinity', 1e200]::float8[]) x) g, counts(s) c;
SELECT n(s), error(s), min(s), sum(s), mean(s), quantile(s, 0.5), quantile(s, ARRAY[0.5]), rank(s, 1) FROM (SELECT latency_agg(ms) s FROM latency WHERE false) g;
SELECT s::text::latency_sketch::text = s::text AS text_form, n(s::text::latency_sketch) FROM (SELECT latency_agg(ms) s FROM latency) g;
SELECT latency_agg(x) FROM unnest(ARRAY[1, 1.03, 0]::float8[]) x;
SELECT latency_agg(ms, g / 1000.0) FROM latency;
\echo :SQLSTATE
SELECT latency_agg(ms, NULL) FROM latency;
\echo :SQLSTATE
SELECT latency_agg(ms, 'NaN') FROM latency;
\echo :SQLSTATE
SELECT quantile(latency_agg(ms), 1.5) FROM latency;
\echo :SQLSTATE
SELECT quantile(latency_agg(ms), ARRAY[0.5,NULL]) FROM latency;
\echo :SQLSTATE
SELECT rank(latency_agg(ms), 'NaN') FROM latency;
\echo :SQLSTATE
SELECT error(rollup(s)), n(rollup(s)) FROM (SELECT latency_agg(NULL, 0.02) UNION ALL SELECT latency_agg(ms, 0.01) FROM latency) p (s);
SELECT rollup(s) FROM (SELECT latency_agg(ms, 0.02) s FROM latency UNION ALL SELECT latency_agg(ms, 0.01) FROM latency) p;
\echo :SQLSTATE
SELECT '{}'::latency_sketch;
\echo :SQLSTATE
-- moving windows: equal to the plain aggregate of their rows
SELECT count(*) AS windows, bool_and(moving::text = plain::text) AS equal FROM (SELECT latency_agg(x) FILTER (WHERE g % 7 > 0) OVER w AS moving, (SELECT latency_agg(x) FILTER (WHERE i.g % 7 > 0) FROM (SELECT g, CASE WHEN g % 11 > 0 THEN ms * (g % 3 - 1) END AS x FROM latency) i WHERE i.g BETWEEN o.g - 20 AND o.g + 2 AND i.g <= 300) AS plain FROM (SELECT g, CASE WHEN g % 11 > 0 THEN ms * (g % 3 - 1) END AS x FROM latency WHERE g <= 300) o WINDOW w AS (ORDER BY g ROWS BETWEEN 20 PRECEDING AND 2 FOLLOWING)) m WHERE true;
-- entropies of keys
SELECT n(s), n_distinct(s), round(entropy(s)::numeric, 6) AS bits, round(entropy(s, normalized => true)::numeric, 6) AS share, round(entropy(s, correction => 'miller_madow')::numeric, 6) AS corrected, share(s, 'a'), share(s, 'z'), c.n_null, c.is_approximate FROM (SELECT entropy_agg(k) s FROM unnest('{a,a,b,c,NULL}'::text[]) k) g, counts(s) c;
SELECT n(s), entropy(s), entropy(s, true), share(s, 'a') FROM (SELECT entropy_agg(NULL) s) g;
SELECT entropy(s, true), entropy(s, NULL), s::text::entropy_state::text = s::text AS text_form FROM (SELECT entropy_agg('one') s) g;
SELECT abs(entropy(s) - log(2, 50000)::float8) < 0.1 AS close, abs(n_distinct(s) - 50000) < 2500 AS about, is_approximate FROM (SELECT entropy_agg('k' || g) s FROM generate_series(1, 50000) g) e, counts(s);
SELECT entropy(entropy_agg('a'), correction => 'jackknife');
\echo :SQLSTATE
SELECT '{"format":1,"n_null":0,"keys":{"format":1,"level":0,"keys":[[1,0]],"buckets":[]}}'::entropy_state;
\echo :SQLSTATE
SELECT bool_and(moving::text = plain::text) AS equal FROM (SELECT entropy_agg((g % 17)::text) OVER (ORDER BY g ROWS 30 PRECEDING) AS moving, (SELECT entropy_agg((i.g % 17)::text) FROM latency i WHERE i.g BETWEEN o.g - 30 AND o.g) AS plain FROM latency o WHERE g <= 200) m WHERE true;
-- requests by kind and actor, and what was seen
SELECT kind_share(s, 'page'), kind_share(s, 'none'), actor_share(s, 'c1'), rate(s, '5 minutes'), c.* FROM (SELECT request_agg(ts, latency_ms, bytes, kind, client) s FROM request_row) g, counts(s) c;
SELECT rate(request_agg(ts, latency_ms, bytes, kind, client), '0') FROM request_row;
\echo :SQLSTATE
-- correlation at lags: b follows a by three minutes
CREATE TABLE pair AS SELECT timestamptz '2024-05-01' + g * interval '1 minute' AS ts, (g * g % 97)::float8 AS a, (CASE WHEN g >= 3 THEN ((g - 3) * (g - 3) % 97) ^ 3 END)::float8 AS b FROM generate_series(0, 199) g;
SELECT lag, n, round(r::numeric, 4) AS r, p_value < 0.001 AS significant, round(n_effective::numeric, 1) AS n_effective FROM (SELECT series_agg(ts, a) a, series_agg(ts, b) b FROM pair) s, correlate(s.a, s.b, max_lag => '4 minutes', method => 'spearman');
SELECT lag, n, round(r::numeric, 4) AS r FROM (SELECT series_agg(ts, a) a, series_agg(ts, b) b FROM pair) s, correlate(s.a, s.b, '10 minutes') ORDER BY abs(r) DESC LIMIT 1;
SELECT * FROM correlate('{"format":1,"ts":[1],"value":[1]}', NULL);
SELECT c.* FROM (SELECT series_agg(ts, 1) a, series_agg(ts, b) b FROM pair) s, correlate(s.a, s.b, '1 minute', '0') c;
SELECT correlate(series_agg(ts, a), series_agg(ts, b), max_lag => '-1 minute') FROM pair;
\echo :SQLSTATE
SELECT correlate(series_agg(ts, a), series_agg(ts, b), '0') FROM pair;
\echo :SQLSTATE
SELECT correlate(series_agg(ts, a), series_agg(ts, b), method => 'kendall') FROM pair;
\echo :SQLSTATE
SELECT correlate(series_agg(ts, a), series_agg(ts, b), '1 second', '1 day') FROM pair;
\echo :SQLSTATE
SELECT rank_corr_agg(a, a ^ 3) AS rising, rank_corr_agg(a, -a) AS falling, rank_corr_agg(a, 1) AS constant, rank_corr_agg(a, NULL) AS none, rank_corr_agg(a, 'NaN') AS nan, rank_corr_agg(a, CASE WHEN a > 50 THEN 'Infinity' ELSE a END) > 0.9 AS infinite FROM pair;
-- series: periods, parts, changes, outliers, named numbers
CREATE TABLE hourly AS SELECT timestamptz '2024-05-01' + h * interval '1 hour' AS ts, h,
    100 + 20 * sin(2 * pi() * h / 24) + 8 * sin(2 * pi() * h / 168) + abs(hashint4(h)::bigint) % 1000 / 250.0 AS y FROM generate_series(0, 24 * 7 * 5 - 1) h WHERE h NOT BETWEEN 300 AND 310;
SELECT d.period, d.lag, d.score > 0.6 AS is_sure FROM (SELECT series_agg(ts, y) s FROM hourly) g, detect_periods(g.s) d ORDER BY d.score DESC;
SELECT count(*), count(d.y), count(d.remainder), max(abs(d.y - d.trend - (d.seasonal->>'1 day')::float8 - (d.seasonal->>'7 days')::float8 - d.remainder)) < 1e-9 AS adds_up,
    bool_and(d.seasonal->'90 days' = 'null') AS too_long FROM (SELECT series_agg(ts, y) s FROM hourly) g, decompose(g.s, '{1 day,7 days,90 days}') d;
SELECT DISTINCT d.seasonal FROM (SELECT series_agg(ts, y) s FROM hourly WHERE h < 20) g, decompose(g.s) d;
SELECT c.ts, c.kind, round(c.after - c.before) AS shift, c.score > 1 AS is_sure FROM (SELECT series_agg(ts, y + CASE WHEN h >= 500 THEN 10 ELSE 0 END) s FROM hourly) g, changepoints(g.s) c;
SELECT o.ts, round(o.y - o.expected) AS off FROM (SELECT series_agg(ts, y + CASE WHEN h IN (77, 600) THEN 30 ELSE 0 END) s FROM hourly) g, outliers(g.s) o;
SELECT f.name, round(f.value::numeric, 4) AS value, f.status FROM (SELECT series_agg(ts, y) s FROM hourly) g, features(g.s) f;
SELECT f.status, count(*), count(f.value) FROM (SELECT series_agg(ts, 5.0) s FROM hourly) g, features(g.s) f GROUP BY 1 ORDER BY 1;
SELECT f.status, count(*), count(f.value) FROM (SELECT series_agg(ts, y) s FROM hourly WHERE false) g, features(g.s) f GROUP BY 1 ORDER BY 1;
SELECT f.status, count(*), count(f.value) FROM (SELECT series_agg(ts, y) s FROM hourly WHERE h = 1) g, features(g.s) f GROUP BY 1 ORDER BY 1;
SELECT f.status, count(*), count(f.value) FROM (SELECT series_agg(ts, CASE h % 2 WHEN 0 THEN 1e300 ELSE -1e300 END) s FROM hourly) g, features(g.s) f GROUP BY 1 ORDER BY 1;
SELECT array_length(v, 1) AS n, array_length(series_feature_names(), 1) AS named, v[1] AS n_windows, v[46] IS NULL AS undefined
FROM (SELECT feature_values(series_agg(ts, y), '6 hours') v FROM hourly WHERE h < 100) g;
SELECT count(*) FROM detect_periods(NULL) UNION ALL SELECT count(*) FROM decompose(NULL) UNION ALL SELECT count(*) FROM changepoints(NULL) UNION ALL SELECT count(*) FROM outliers(NULL)
UNION ALL SELECT count(*) FROM features(NULL::series) UNION ALL SELECT count(feature_values(NULL));
-- nothing, one value, two values, one value many times, a huge gap
SELECT what, (SELECT count(*) FROM detect_periods(s)) AS periods, (SELECT count(*) FROM decompose(s)) AS parts, (SELECT count(*) FROM changepoints(s)) AS changes, (SELECT count(*) FROM outliers(s)) AS outliers
FROM (SELECT 1 AS i, 'none' AS what, series_agg(ts, y) s FROM hourly WHERE false UNION ALL SELECT 2, 'one', series_agg(ts, y) FROM hourly WHERE h = 1
      UNION ALL SELECT 3, 'two', series_agg(ts, y) FROM hourly WHERE h < 2 UNION ALL SELECT 4, 'null', series_agg(ts, NULL) FROM hourly
      UNION ALL SELECT 5, 'constant', series_agg(ts, 7) FROM hourly UNION ALL SELECT 6, 'same time', series_agg('2024-05-01', y) FROM hourly) g ORDER BY i;
SELECT count(*) FROM features((SELECT series_agg(t, 1.0) FROM unnest(ARRAY[timestamptz '1900-01-01', timestamptz '1900-01-01 00:00:01', timestamptz '2024-01-01']) t));
\echo :SQLSTATE
SELECT count(*) FROM features((SELECT series_agg(t, 1.0) FROM unnest(ARRAY[timestamptz '1900-01-01', timestamptz '1900-01-01 00:00:01', timestamptz '2024-01-01']) t), '30 days');
CREATE VIEW one AS SELECT series_agg(ts, y) s FROM hourly;
SELECT count(*) FROM one, detect_periods(s, '0');
\echo :SQLSTATE
SELECT count(*) FROM one, detect_periods(s, min_score => 'NaN');
\echo :SQLSTATE
SELECT count(*) FROM one, detect_periods(s, min_score => 2);
\echo :SQLSTATE
SELECT count(*) FROM one, detect_periods(s, max_periods => -1);
\echo :SQLSTATE
SELECT count(*) FROM one, detect_periods(s, max_periods => NULL);
\echo :SQLSTATE
SELECT count(*) FROM one, decompose(s, '{0 days}');
\echo :SQLSTATE
SELECT count(*) FROM one, decompose(s, '{1 month}');
\echo :SQLSTATE
SELECT count(*) FROM one, decompose(s, ARRAY[NULL]::interval[]);
\echo :SQLSTATE
SELECT count(*) FROM one, changepoints(s, penalty => 'Infinity');
\echo :SQLSTATE
SELECT count(*) FROM one, changepoints(s, penalty => 0);
\echo :SQLSTATE
SELECT count(*) FROM one, outliers(s, threshold => 'NaN');
\echo :SQLSTATE
SELECT count(*) FROM one, outliers(s, '-1 hour');
\echo :SQLSTATE
SELECT feature_values(s, '1 month') FROM one;
\echo :SQLSTATE
SELECT count(*) FROM decompose((SELECT series_agg(ts, CASE h % 2 WHEN 0 THEN 1e300 ELSE -1e300 END) FROM hourly));
\echo :SQLSTATE
DROP VIEW one;
DROP TABLE hourly;
