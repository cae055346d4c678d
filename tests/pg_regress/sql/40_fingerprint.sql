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
