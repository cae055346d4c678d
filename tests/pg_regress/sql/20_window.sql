-- Stage window: fixed steps, gaps filled and flagged, and workloads.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE window_row (ts timestamptz, value float8);
INSERT INTO window_row VALUES ('2024-05-01 00:00:10', 1), ('2024-05-01 00:00:50', 3), ('2024-05-01 00:01:30', 4), ('2024-05-01 00:04:00', 10);
SELECT f.fill, r.ts::time, r.y, r.imputed, r.n_raw
FROM unnest(ARRAY['none', 'zero', 'linear', 'locf']) WITH ORDINALITY f (fill, i), (SELECT series_agg(ts, value) s FROM window_row) g, regularize(g.s, '1 minute', f.fill) r ORDER BY f.i, r.ts;
SELECT a.agg, r.y FROM unnest(ARRAY['mean', 'sum', 'min', 'max', 'count', 'last']) WITH ORDINALITY a (agg, i), (SELECT series_agg(ts, value) s FROM window_row) g,
    regularize(g.s, '1 minute', 'none', a.agg) r WHERE r.ts = '2024-05-01 00:00' ORDER BY a.i;
SELECT c.n, c.n_imputed FROM (SELECT resample(series_agg(ts, value), '1 minute') s FROM window_row) g, counts(g.s) c;
-- days follow the local calendar: 23 hours when the clock goes forward
SELECT r.ts AT TIME ZONE 'Europe/Berlin' AS local_day, r.n_raw
FROM (SELECT series_agg(t, 1.0) s FROM generate_series(timestamptz '2024-03-30 00:00+01', '2024-04-01 23:00+02', '1 hour') t) g, regularize(g.s, '1 day', 'none', 'sum', 'Europe/Berlin') r ORDER BY 1;
-- six o'clock stays six o'clock across the change: the gap of 1 April is filled from the same local hour of other days
SELECT (r.ts AT TIME ZONE 'Europe/Berlin')::time AS local_time, r.y, r.imputed
FROM (SELECT series_agg(t, CASE extract(hour FROM t AT TIME ZONE 'Europe/Berlin') WHEN 6 THEN 100 ELSE 1 END) s
      FROM generate_series(timestamptz '2024-03-28 00:00+01', '2024-04-03 23:00+02', '1 hour') t WHERE t NOT BETWEEN '2024-04-01 04:00+02' AND '2024-04-01 08:00+02') g,
    regularize(g.s, '1 hour', 'seasonal', 'mean', 'Europe/Berlin') r WHERE r.ts BETWEEN '2024-04-01 03:00+02' AND '2024-04-01 09:00+02' ORDER BY r.ts;
SELECT c.n, c.n_imputed FROM (SELECT resample(series_agg(t, 1), '1 day', 'seasonal') s FROM generate_series(timestamptz '2024-03-01', '2024-03-31', '1 day') t WHERE extract(day FROM t) NOT BETWEEN 10 AND 13) g, counts(g.s) c;
SELECT count(*) FROM regularize((SELECT series_agg(ts, value) FROM window_row), '7 minutes', 'seasonal');
\echo :SQLSTATE
-- empty and single
SELECT count(*) FROM regularize((SELECT series_agg(ts, value) FROM window_row WHERE false), '1 minute');
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row WHERE value = 10), '1 hour');
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '0');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '-1 minute');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '1 month');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '1 minute', 'spline');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '1 minute', agg => 'median');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(ts, value) FROM window_row), '1 minute', timezone => 'Mars/Olympus');
\echo :SQLSTATE
SELECT * FROM regularize((SELECT series_agg(t, 1.0) FROM unnest(ARRAY[timestamptz '1900-01-01', timestamptz '2024-01-01']) t), '1 second');
\echo :SQLSTATE
-- workloads
SELECT count(*) FROM add_source('window', 'window_row');
SELECT add_workload('a', 'window', step => '1 minute') AS workload;
SELECT name, source_key, demand, agg, step, fill, lateness, target, shard, enabled FROM workload;
SELECT workload, mode, unit_capacity, min_units, max_units FROM policy;
SELECT workload, status FROM progress;
SELECT add_workload('a', 'window');
\echo :SQLSTATE
SELECT add_workload('b', 'nowhere');
\echo :SQLSTATE
SELECT add_workload('b', 'window', step => '0');
\echo :SQLSTATE
SELECT add_workload('b', 'window', step => '1 month');
\echo :SQLSTATE
SELECT add_workload('b', 'window', agg => 'median');
\echo :SQLSTATE
SELECT add_workload('b', 'window', fill => 'spline');
\echo :SQLSTATE
SELECT add_workload('b', 'window', source_key => 'x');
\echo :SQLSTATE
SELECT add_workload('b', 'window', target => '{}');
\echo :SQLSTATE
SELECT drop_source('window');
\echo :SQLSTATE
SELECT drop_workload('a');
SELECT drop_workload('a');
\echo :SQLSTATE
SELECT drop_source('window');
