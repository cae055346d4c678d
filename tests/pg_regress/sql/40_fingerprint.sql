-- Stage fingerprint: PCA of feature vectors.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE vector AS SELECT g AS id, ARRAY[g % 10, 2.0 * (g % 10) + (g * 7 % 3), (g * 31 % 17)::float8, 5]::float8[] AS x FROM generate_series(1, 200) g;
SELECT n(pca_agg(x)) FROM vector;
SELECT pc, round(eigenvalue::numeric, 6) AS eigenvalue, round(proportion::numeric, 6) AS proportion, round(cumulative::numeric, 6) AS cumulative,
       (SELECT array_agg(round(l::numeric, 4)) FROM unnest(loading) l) AS loading
FROM pca_components((SELECT pca_fit(pca_agg(x), components => 3) FROM vector)) ORDER BY pc;
SELECT (SELECT array_agg(round(l::numeric, 4)) FROM unnest(pca_project((SELECT pca_fit(pca_agg(x), 2) FROM vector), v.x)) l) AS score FROM vector v WHERE id <= 3 ORDER BY id;
-- a missing value counts as the mean
SELECT (SELECT array_agg(round(l::numeric, 4)) FROM unnest(pca_project((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{NULL,NULL,NULL,5}')) l) AS score;
-- parts roll up to the whole
SELECT bool_and(abs(a.eigenvalue - b.eigenvalue) < 1e-9) AS rolled_up FROM pca_components((SELECT pca_fit(pca_agg(x)) FROM vector)) a
JOIN pca_components((SELECT pca_fit(rollup(s)) FROM (SELECT pca_agg(x) s FROM vector GROUP BY id % 7) p)) b USING (pc);
SELECT m::text::pca_model::text = m::text AS text_round_trip FROM (SELECT pca_fit(pca_agg(x)) m FROM vector) g;
-- as many components as explain the share asked for
SELECT count(*) FROM pca_components((SELECT pca_fit(pca_agg(x), variance => 0.6) FROM vector));
SELECT pca_fit(pca_agg(x), 2, 0.9) FROM vector;
\echo :SQLSTATE
SELECT pca_fit(pca_agg(x), variance => 1.5) FROM vector;
\echo :SQLSTATE
SELECT pca_fit(pca_agg(x), components => 0) FROM vector;
\echo :SQLSTATE
SELECT pca_fit(pca_agg(x)) FROM vector WHERE id = 1;
\echo :SQLSTATE
SELECT pca_project((SELECT pca_fit(pca_agg(x)) FROM vector), '{1,2}');
\echo :SQLSTATE
SELECT pca_agg(x) FROM (VALUES ('{1,2}'::float8[]), ('{1,2,3}')) v (x);
\echo :SQLSTATE
-- columns in place of an array, in any order and plan, with NULL and FILTER
SELECT n(pca_agg(x[1], x[2], x[3], x[4])), pca_agg(x[1], x[2], x[3], x[4])::text = pca_agg(x)::text AS same FROM vector;
SELECT n(pca_agg(x)), n(pca_agg(x) FILTER (WHERE id > 1000)), n(pca_agg(x) FILTER (WHERE id <= 60)), n(pca_agg(NULL::float8[])) FROM vector;
SELECT mean(pca_agg(x)), covariance(pca_agg(x)), corr_matrix(pca_agg(x)) FROM (VALUES ('{1,2,5}'::float8[]), ('{2,4,5}'), ('{3,NULL,5}'), ('{4,2,5}')) v (x);
SELECT mean(pca_agg(x)), covariance(pca_agg(x)), corr_matrix(pca_agg(x)) FROM (VALUES ('{1,NaN}'::float8[])) v (x);
SELECT mean(s), covariance(s), corr_matrix(s), (SELECT count(*) FROM correlations(s)), (SELECT count(*) FROM features(s)) FROM (SELECT pca_agg(x) AS s FROM vector WHERE false) e;
SELECT c.x, c.y, round(c.r::numeric, 4) AS r, c.n, round(c.p_value::numeric, 6) AS p_value
FROM correlations((SELECT pca_agg(x) FROM vector WHERE id <= 20), ARRAY['a', 'b', 'c', 'constant']) c;
SELECT f.name, round(f.value::numeric, 4) AS value FROM features((SELECT pca_agg(x) FROM vector WHERE id <= 20)) f;
SELECT * FROM features((SELECT pca_agg(x) FROM vector), ARRAY['a']);
\echo :SQLSTATE
SELECT round(t2::numeric, 4) AS t2, round(spe::numeric, 4) AS spe, round(t2_p_value::numeric, 4) AS t2_p, round(spe_p_value::numeric, 4) AS spe_p, round(p_value::numeric, 6) AS p
FROM (SELECT pca_fit(pca_agg(x), 2) AS model FROM vector) m, (VALUES (1, '{5,10,8,5}'::float8[]), (2, '{9,-9,8,5}'), (3, '{40,80,8,5}'), (4, '{5,10,8,6}'), (5, '{NULL,NULL,NULL,NULL}')) v (id, x),
     pca_anomaly(m.model, v.x) ORDER BY id;
SELECT pca_anomaly((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{5,Infinity,8,5}');
\echo :SQLSTATE
SELECT pca_anomaly((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{NaN,10,8,5}');
\echo :SQLSTATE
SELECT ARRAY(SELECT round(v::numeric, 4) FROM unnest(pca_reconstruct(model, pca_project(model, '{5,10,8,5}'))) v) AS inside,
       ARRAY(SELECT round(v::numeric, 4) FROM unnest(pca_reconstruct(model, '{1,0}')) v) AS first
FROM (SELECT pca_fit(pca_agg(x), 2) AS model FROM vector) m;
SELECT pca_reconstruct((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{1}');
\echo :SQLSTATE
SELECT pca_reconstruct((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{1,NaN}');
\echo :SQLSTATE
SELECT pca_reconstruct((SELECT pca_fit(pca_agg(x), 2) FROM vector), '{1,NULL}');
\echo :SQLSTATE
SELECT pca_agg(array_fill(1.0::float8, ARRAY[1000000]));
\echo :SQLSTATE
SELECT pca_agg('{}'::float8[]);
\echo :SQLSTATE
-- a mean of 1e9 with a spread of 1e-3; NaN and infinity are skipped
SELECT round((covariance(pca_agg(ARRAY[1e9 + id % 5 * 0.001, id % 5]::float8[])))[1][1]::numeric * 1e6, 2) AS spread FROM vector;
SELECT c.*, mean(s) FROM (SELECT pca_agg(x) AS s FROM (VALUES ('{1,2}'::float8[]), ('{3,Infinity}'), ('{NaN,4}'), ('{2,NULL}')) v (x)) a, counts(s) c;
-- a refit on other rows keeps its coordinates; one model serves several groups
SELECT bool_and(abs(a.f[1] - o.f[1]) < 0.2 AND abs(a.f[2] - o.f[2]) < 0.2) AS aligned, round(pca_similarity(new, old)::numeric, 2) AS similarity
FROM (SELECT pca_fit(pca_agg(x), 2) AS old FROM vector WHERE id <= 120) m, (SELECT pca_fit(pca_agg(x), 2) AS new FROM vector WHERE id > 80) r, vector v,
     LATERAL pca_project(pca_align(new, old), v.x) a (f), LATERAL pca_project(old, v.x) o (f)
GROUP BY 2;
SELECT pca_align(pca_fit(pca_agg(x)), NULL)::text = pca_fit(pca_agg(x))::text AS unchanged FROM vector;
SELECT pca_align((SELECT pca_fit(pca_agg(x)) FROM vector), (SELECT pca_fit(pca_agg(x[1:2])) FROM vector));
\echo :SQLSTATE
-- a forced parallel plan
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT pca_agg(x) FROM vector;
SELECT n(pca_agg(x)), round((covariance(pca_agg(x)))[1][3]::numeric, 9) AS c13 FROM vector;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
