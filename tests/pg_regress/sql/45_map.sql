-- Stage fingerprint: map, nearest fingerprints, regimes.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE point AS SELECT g AS id, ARRAY[(g % 3) * 20 + 2 * sin(g * g) + 2 * sin(7 * g * g) + 2 * sin(31 * g * g), 6 + sin(3 * g * g) + sin(11 * g * g) + sin(g), (g % 3) * -8 + sin(5 * g * g) + sin(13 * g * g) + cos(g)] AS x FROM generate_series(1, 300) g;
-- what is in a set and what was left out
SELECT c.* FROM counts((SELECT vector_agg(id, x) FROM point)) c;
SELECT c.* FROM counts((SELECT vector_agg(id, x) FROM (VALUES (1::bigint, '{1,2}'::float8[]), (2, '{1,NULL}'), (3, '{NaN,2}'), (4, '{-Infinity,2}'), (5, NULL), (NULL, '{1,2}'), (6, '{1e141,0}')) v (id, x))) c;
SELECT c.* FROM counts((SELECT vector_agg(id, x) FROM point WHERE false)) c;
SELECT c.* FROM counts((SELECT vector_agg(id, x) FILTER (WHERE id < 3) FROM point)) c;
SELECT vector_agg(id, ARRAY[id, 0.5]) FROM (VALUES (2), (-0), (1)) v (id);
SELECT vector_agg(id, x)::text::vector_set::text = vector_agg(id, x)::text AS text_round_trip FROM point;
-- the same set, however its rows came
SELECT (SELECT vector_agg(id, x ORDER BY id DESC) FROM point)::text = (SELECT rollup(s) FROM (SELECT vector_agg(id, x) AS s FROM point GROUP BY id % 7) p)::text AS rolled_up;
SELECT vector_agg(id, x) FROM (VALUES (1, '{1,2}'::float8[]), (2, '{1,2,3}')) v (id, x);
\echo :SQLSTATE
SELECT vector_agg(1, '{}');
\echo :SQLSTATE
SELECT vector_agg(1, array_fill(1.0::float8, ARRAY[1000000]));
\echo :SQLSTATE
SELECT '{"format":1,"dimension":2,"n_null":0,"n_nonfinite":0,"id":[1],"value":[1]}'::vector_set;
\echo :SQLSTATE
SELECT '{"format":2,"dimension":1,"n_null":0,"n_nonfinite":0,"id":[1],"value":[1]}'::vector_set;
\echo :SQLSTATE

-- tsne: the nearest on the map is of the same kind; the seed decides, the order of rows does not
CREATE TABLE place AS SELECT t.* FROM (SELECT vector_agg(id, x) AS v FROM point) g, tsne(g.v, iterations => 400) t;
SELECT count(*), count(DISTINCT id), avg((SELECT (n.id % 3 = p.id % 3)::int FROM place n WHERE n.id <> p.id ORDER BY (n.x - p.x) ^ 2 + (n.y - p.y) ^ 2 LIMIT 1)) > 0.98 AS alike FROM place p;
SELECT bool_and((a.x, a.y) = (b.x, b.y)) AS same_bits FROM place a JOIN (SELECT t.* FROM (SELECT vector_agg(id, x ORDER BY id DESC) AS v FROM point) g, tsne(g.v, iterations => 400) t) b USING (id);
SELECT bool_or(a.x <> b.x) AS another FROM place a JOIN (SELECT t.* FROM (SELECT vector_agg(id, x) AS v FROM point) g, tsne(g.v, iterations => 400, seed => 2) t) b USING (id);
SELECT count(*) FROM tsne(NULL);
SELECT count(*) FROM tsne((SELECT vector_agg(id, x) FROM point WHERE false));
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point WHERE id = 7));
SELECT count(*) FROM tsne((SELECT vector_agg(id, x) FROM point WHERE id < 3));
SELECT count(*), bool_and(abs(x) < 1e6 AND abs(y) < 1e6) AS finite FROM tsne((SELECT vector_agg(g, '{1,1}') FROM generate_series(1, 1000) g), iterations => 20);
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point), 'NaN');
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point), 0.5);
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point), NULL);
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point), iterations => 0);
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(id, x) FROM point), iterations => -1);
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(g, ARRAY[g]) FROM generate_series(1, 50001) g));
\echo :SQLSTATE
SELECT * FROM tsne((SELECT vector_agg(g, ARRAY[g]) FROM generate_series(1, 20000) g), 1000);
\echo :SQLSTATE

-- regimes: as many as stand apart, and what distinguishes them
CREATE TABLE fitted AS SELECT regime_fit(vector_agg(id, x)) AS model FROM point;
SELECT r.regime, r.name, r.n, round(r.share::numeric, 3) AS share, ARRAY(SELECT round(c::numeric, 2) FROM unnest(r.centre) c) AS centre, ARRAY(SELECT round(d::numeric, 2) FROM unnest(r.difference) d) AS difference
FROM fitted, regimes(fitted.model, ARRAY['rate', 'noise', 'latency']) r;
SELECT count(DISTINCT (regime_of(model, x), id % 3)) AS pairs, count(DISTINCT regime_of(model, x)) AS regimes FROM fitted, point;
SELECT regime_of(model, '{0,NULL,0}') AS gap, regime_of(model, '{0,NaN,0}') AS nan, regime_of(model, NULL) AS none FROM fitted;
SELECT model::text::regime_model::text = model::text AS text_round_trip FROM fitted;
SELECT (SELECT regime_fit(vector_agg(id, x ORDER BY id DESC))::text FROM point) = model::text AS same_bits FROM fitted;
-- one cloud, equal vectors, one vector, none
SELECT r.regime, r.name, r.n FROM regimes((SELECT regime_fit(vector_agg(g, ARRAY[sin(g * g) + sin(g * 7 * g) + sin(g * 31 * g), cos(3 * g * g) + cos(11 * g * g) + cos(23 * g * g)])) FROM generate_series(1, 500) g)) r;
SELECT r.* FROM regimes((SELECT regime_fit(vector_agg(g, '{1,2}')) FROM generate_series(1, 1000) g)) r;
SELECT r.* FROM regimes((SELECT regime_fit(vector_agg(1, '{1,2}')))) r;
SELECT regime_fit(vector_agg(id, x)) IS NULL AS none, (SELECT count(*) FROM regimes(NULL)) AS rows FROM point WHERE false;
-- a number of regimes of one's own
SELECT k, (SELECT count(*) FROM regimes(regime_fit(v, k)) r) AS regimes FROM (SELECT vector_agg(id, x) AS v FROM point) p, unnest(ARRAY[1, 2, 5]) k;
-- of fingerprints, in terms of the features
SELECT r.regime, r.name, r.n, ARRAY(SELECT round(c::numeric, 1) FROM unnest(r.centre) c) AS centre
FROM (SELECT pca_fit(pca_agg(x), variance => 1) AS pca FROM point) p,
     LATERAL (SELECT regime_fit(vector_agg(id, pca_project(p.pca, x))) AS model FROM point) f, regimes(f.model, ARRAY['rate', 'noise', 'latency'], p.pca) r;
SELECT regime_fit(vector_agg(id, x), 0) FROM point;
\echo :SQLSTATE
SELECT regime_fit(vector_agg(id, x), 33) FROM point;
\echo :SQLSTATE
SELECT regime_fit(vector_agg(id, x), 5) FROM point WHERE id < 4;
\echo :SQLSTATE
SELECT regime_fit(vector_agg(id, x), seed => NULL) FROM point;
\echo :SQLSTATE
SELECT regime_fit(vector_agg(1, array_fill(1.0::float8, ARRAY[65])));
\echo :SQLSTATE
SELECT regimes(model, ARRAY['rate']) FROM fitted;
\echo :SQLSTATE
SELECT regimes(model, ARRAY['rate', NULL, 'latency']) FROM fitted;
\echo :SQLSTATE
SELECT regime_of(model, '{1,2}') FROM fitted;
\echo :SQLSTATE
SELECT '{"format":1,"mean":[0],"covariance":[1],"regimes":[]}'::regime_model;
\echo :SQLSTATE

-- distances
SELECT fingerprint_distance('{1,2}', '{4,6}') AS five, fingerprint_distance('{}', '{}') AS none, fingerprint_distance(NULL, '{1}') AS null,
       fingerprint_distance('{1e200}', '{-1e200}') AS large, fingerprint_distance('{3e-200,0}', '{0,4e-200}') AS small;
SELECT fingerprint_distance('{1,2}', '{1}');
\echo :SQLSTATE
SELECT fingerprint_distance('{1,NULL}', '{1,2}');
\echo :SQLSTATE
SELECT fingerprint_distance('{1,NaN}', '{1,2}');
\echo :SQLSTATE
SELECT fingerprint_distance('{1.7e308}', '{-1.7e308}');
\echo :SQLSTATE

-- nearest, against a plain query; in a transaction of its own, since these tables are shared with other tests
BEGIN;
CREATE TABLE point_load (ts timestamptz, value float8);
SELECT count(*) FROM add_source('map', 'point_load');
INSERT INTO workload (workload, name, source) SELECT 9001, 'map-one', s.source FROM source s WHERE s.name = 'map';
INSERT INTO model (model, workload, kind, boundary, spec, pca, n_train, status)
SELECT 9001, 9001, 'pca', '2026-01-01', '["rate", "noise", "latency"]', pca_fit(pca_agg(x), variance => 1), 300, 'ok' FROM point;
INSERT INTO fingerprint (workload, ts, model, fingerprint, utilization)
SELECT 9001, timestamptz '2026-01-01 00:00:00+00' + id * interval '1 minute', 9001, pca_project(m.pca, x), id / 300.0 FROM point, model m WHERE m.model = 9001;
INSERT INTO fingerprint (workload, ts, model, fingerprint) SELECT 9002, ts, 9002, '{0}' FROM fingerprint WHERE workload = 9001;
SELECT n.workload, n.ts, round(n.distance::numeric, 4) AS distance, round(n.utilization::numeric, 3) AS utilization FROM nearest('{0,0,0}', 3, model => 9001) n;
SELECT count(*) AS n, bool_and(n.distance = p.distance AND n.ts = p.ts) AS exact
FROM (SELECT row_number() OVER () AS nth, n.* FROM nearest('{1,-1,0.5}', 20, among => 'map-one', since => '2026-01-01 01:00:00+00', until => '2026-01-01 03:00:00+00') n) n
JOIN (SELECT row_number() OVER (ORDER BY d.distance, d.ts DESC) AS nth, d.* FROM
      (SELECT f.ts, sqrt((f.fingerprint[1] - 1) ^ 2 + (f.fingerprint[2] + 1) ^ 2 + (f.fingerprint[3] - 0.5) ^ 2) AS distance FROM fingerprint f
       WHERE f.workload = 9001 AND f.ts >= '2026-01-01 01:00:00+00' AND f.ts < '2026-01-01 03:00:00+00') d) p USING (nth);
SELECT count(*) FROM nearest('{0,0,0}', 1000, among => 'map-one');
SELECT count(*) FROM nearest(NULL, among => 'map-one');
SELECT n.workload, n.ts, round(n.distance::numeric, 4) AS distance FROM workload_nearest('map-one', k => 2, apart => '2 hours') n;
SELECT n.workload, n.ts, round(n.distance::numeric, 4) AS distance FROM workload_nearest('map-one', '2026-01-01 02:00:30+00', 1) n;
SELECT r.regime, r.name, r.n, r.feature, ARRAY(SELECT round(c::numeric, 1) FROM unnest(r.centre) c) AS centre FROM workload_regimes('map-one') r;
SELECT r.regime, r.n FROM workload_regimes('map-one', until => '2026-01-01 00:30:00+00', k => 2) r;
SELECT count(*) FROM workload_regimes('map-one', since => '2027-01-01');
ROLLBACK;
SELECT * FROM nearest('{1,2}', 0, model => 1);
\echo :SQLSTATE
SELECT * FROM nearest('{1,2}');
\echo :SQLSTATE
SELECT * FROM nearest('{1,NULL}', model => 1);
\echo :SQLSTATE
SELECT * FROM nearest('{1,Infinity}', model => 1);
\echo :SQLSTATE
SELECT * FROM nearest('{1,2}', among => 'nobody');
\echo :SQLSTATE
SELECT count(*) FROM nearest('{1,2}', model => -1);
