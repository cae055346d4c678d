-- Stage forecast: quantiles over a horizon, and every kind of series that is data and not an error.
\set SHOW_CONTEXT never
SET search_path = prescale, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE hourly AS SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, 100 + 50 * sin(2 * pi() * g / 24) + (g * 31 % 7) AS value FROM generate_series(0, 24 * 21 - 1) g;
SELECT f.model_used, f.status, count(*) AS n, bool_and(f.lower <= f.yhat AND f.yhat <= f.upper) AS ordered,
       round(avg(abs(f.yhat - (100 + 50 * sin(2 * pi() * (503 + f.step) / 24))))::numeric, 0) AS mean_error
FROM unnest(ARRAY['auto', 'seasonal_naive', 'mstl', 'ets']) WITH ORDINALITY m (model, i), (SELECT series_agg(ts, value) s FROM hourly) g, forecast(g.s, '24 hours', m.model) f GROUP BY m.i, f.model_used, f.status ORDER BY m.i;
SELECT f.ts, f.step, f.levels, cardinality(f.q) AS n_q, f.q[1] <= f.q[2] AND f.q[2] <= f.q[3] AS ordered FROM (SELECT series_agg(ts, value) s FROM hourly) g,
    forecast(g.s, '3 hours', 'seasonal_naive', quantiles => '{.1,.5,.9}') f;
-- nothing after as_of is seen
SELECT bool_and(a.yhat = b.yhat) AS blind FROM (SELECT series_agg(ts, value) s FROM hourly) g, (SELECT series_agg(ts, value) s FROM hourly WHERE ts < '2024-05-15') h,
    LATERAL forecast(g.s, '6 hours', as_of => '2024-05-15') a JOIN LATERAL forecast(h.s, '6 hours') b USING (ts);
SELECT min(yhat) >= 60 AS floored, max(yhat) <= 140 AS capped FROM (SELECT series_agg(ts, value) s FROM hourly) g, forecast(g.s, '24 hours', floor => 60, ceiling => 140) f;
SELECT count(*) FILTER (WHERE is_history) AS history, count(*) FILTER (WHERE NOT is_history) AS future FROM (SELECT series_agg(ts, value) s FROM hourly) g, forecast(g.s, '5 hours', with_history => true) f;
-- empty, one row, constant, with a gap
SELECT ts, yhat, model_used, status FROM forecast((SELECT series_agg(ts, value) FROM hourly WHERE false), '2 hours');
SELECT step, yhat, status FROM forecast((SELECT series_agg(ts, value) FROM hourly WHERE ts = '2024-05-01'), '2 hours');
SELECT step, yhat, status FROM forecast((SELECT series_agg(ts, 7) FROM hourly), '2 hours');
SELECT count(*), min(status) FROM forecast((SELECT series_agg(ts, value) FROM hourly WHERE ts NOT BETWEEN '2024-05-03' AND '2024-05-04'), '2 hours');
SELECT forecast(series_agg(ts, value), '2 hours', 'oracle') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '0 hours') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', level => 1) FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', quantiles => '{.5,1.5}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', quantiles => '{.5,NULL}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', periods => '{-1 day}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', options => '{"alpha": 1}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', floor => 'NaN') FROM hourly;
\echo :SQLSTATE
