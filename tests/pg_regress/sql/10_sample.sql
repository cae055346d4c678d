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
