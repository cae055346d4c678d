-- Stage sample: series from rows in any order, and where rows come from.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE sample_row (ts timestamptz, value float8, part int);
INSERT INTO sample_row VALUES
    ('2024-05-01 00:02', 3, 1), ('2024-05-01 00:00', 1, 1), ('2024-05-01 00:01', 2, 2), ('2024-05-01 00:01', 5, 2),
    (NULL, 7, 1), ('2024-05-01 00:03', NULL, 2), ('2024-05-01 00:04', 'NaN', 2), ('2024-05-01 00:05', '-Infinity', 1);
SELECT n, n_null, n_nonfinite, n_dup, first_ts, last_ts FROM counts((SELECT series_agg(ts, value) FROM sample_row));
SELECT u.* FROM (SELECT series_agg(ts, value) s FROM sample_row) g, unnest(g.s) u;
-- any order, any split: the same bits
SELECT (SELECT series_agg(ts, value ORDER BY ts) FROM sample_row)::text = (SELECT series_agg(ts, value ORDER BY ts DESC NULLS LAST) FROM sample_row)::text AS any_order,
       (SELECT rollup(s) FROM (SELECT series_agg(ts, value) s FROM sample_row GROUP BY part) p)::text = (SELECT series_agg(ts, value) FROM sample_row)::text AS rolled_up;
-- empty is a value, not NULL
SELECT n(series_agg(ts, value)) FROM sample_row WHERE false;
SELECT n(series_agg(ts, value) FILTER (WHERE part = 99)) FROM sample_row;
-- text and binary round trip
SELECT s::text::series::text = s::text AS text_round_trip, series_agg::text IS NOT NULL AS shown FROM (SELECT series_agg(ts, value) s, series_agg(ts, value) FROM sample_row) g;
SET timezone = 'Asia/Tokyo';
SELECT series_agg(ts, value)::text FROM sample_row WHERE ts = '2024-05-01 00:00+00';
SET timezone = 'UTC';
-- parallel plans
CREATE TABLE sample_many AS SELECT timestamptz '2024-05-01' + g * interval '1 second' AS ts, (g * 7919 % 1000)::float8 AS value FROM generate_series(1, 50000) g;
ALTER TABLE sample_many SET (parallel_workers = 2);
ANALYZE sample_many;
CREATE TABLE sample_serial AS SELECT series_agg(ts, value)::text AS s FROM sample_many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT series_agg(ts, value) FROM sample_many;
SELECT (SELECT series_agg(ts, value)::text FROM sample_many) = s AS parallel_equals_serial FROM sample_serial;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- what is not a series
SELECT 'not json'::series;
\echo :SQLSTATE
SELECT '{"format": 9}'::series;
\echo :SQLSTATE
-- sources
SELECT * FROM add_source('s', 'sample_row', dry_run => true);
SELECT count(*) FROM source;
SELECT * FROM add_source('s', 'sample_row');
SELECT name, relation_schema, relation_name, kind, ts_column, value_column, metrics FROM source;
CREATE TABLE wide_row (ts timestamptz, host text, rps int, cpu numeric, note text);
SELECT workload, metric, n_row FROM add_source('w', 'wide_row', kind => 'wide', workload_column => 'host');
SELECT metrics FROM source WHERE name = 'w';
SELECT * FROM add_source('s', 'sample_row');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'no_such_table');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'sample_row', value_column => 'valeu');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'sample_row', ts_column => 'part');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'wide_row', value_column => 'note');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'sample_row', kind => 'tall');
\echo :SQLSTATE
SELECT * FROM add_source('x', 'sample_row', period => '1 month');
\echo :SQLSTATE
SELECT * FROM add_source(NULL, 'sample_row');
\echo :SQLSTATE
SELECT drop_source('w');
SELECT drop_source('w');
\echo :SQLSTATE
-- rates of a counter: it restarts once, rows come in any order, some are no samples
SELECT u.ts, u.value, n_reset(s), c.n, c.n_null, c.n_nonfinite, c.n_dup FROM (SELECT rate_agg(ts, v) s FROM (VALUES (timestamptz '2024-01-01 00:00:20', 4::float8), ('2024-01-01 00:00:00', 100), ('2024-01-01 00:00:10', 150), ('2024-01-01 00:00:10', 120), (NULL, 1), ('2024-01-01 00:00:15', NULL), ('2024-01-01 00:00:15', 'NaN'), ('2024-01-01 00:00:15', -1), ('infinity', 7)) r (ts, v)) g, unnest(s) u, counts(s) c;
-- a part that ends where the next begins has no rate across the border; rolled up it has
WITH sample AS (SELECT timestamptz '2024-01-01' + g * interval '1 minute' AS ts, (g * 37 % 100)::float8 AS v FROM generate_series(0, 99) g), part AS (SELECT rate_agg(ts, v) AS s FROM sample GROUP BY extract(minute FROM ts)::int / 7)
SELECT (SELECT sum(n(s)) FROM part) AS apart, n(rollup(s)) AS rolled_up, rollup(s)::text = (SELECT rate_agg(ts, v)::text FROM sample) AS same, rollup(s)::text = (SELECT rate(series_agg(ts, v))::text FROM sample) AS of_series FROM part;
SELECT rate_agg(ts, v), n_reset(series_agg(ts, v)), rate_agg(NULL, NULL) FROM (VALUES (timestamptz '2024-01-01', 1::float8)) r (ts, v);
SELECT rollup(s) FROM (SELECT rate_agg(timestamptz '2024-01-01', 1) UNION ALL SELECT series_agg(timestamptz '2024-01-01', 1)) p (s);
\echo :SQLSTATE
SELECT rate(rate_agg(timestamptz '2024-01-01', 1));
\echo :SQLSTATE
SELECT '{"format":1,"ts":[1],"value":[-1],"counter":true}'::series;
\echo :SQLSTATE
