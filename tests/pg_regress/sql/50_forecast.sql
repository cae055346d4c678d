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

-- what a forecast is made of: the parts add up, in the past and in the horizon, and it is the forecast
SELECT m.model, bool_and(abs(e.trend + s.season + e.event_effect + e.step_change - e.yhat) < 1e-9) AS adds_up, count(*) FILTER (WHERE e.is_history) AS history,
       count(*) FILTER (WHERE NOT e.is_history) AS future, bool_and(e.residual = e.y - e.yhat) AS residual, min(e.model_used) AS model_used, min(e.status) AS status
FROM unnest(ARRAY['auto', 'seasonal_naive', 'last_value', 'drift', 'ets', 'theta', 'dynamic_theta', 'mstl', 'ridge', 'ensemble', 'prophet', 'lstm']) WITH ORDINALITY m (model, i),
     (SELECT series_agg(ts, value) s FROM hourly) g, explain_forecast(g.s, '6 hours', m.model) e,
     LATERAL (SELECT coalesce(sum(v::float8), 0) FROM jsonb_each_text(e.seasonal) p (period, v)) s (season)
GROUP BY m.i, m.model ORDER BY m.i;
SELECT bool_and(e.yhat = f.yhat AND e.lower = f.lower AND e.upper = f.upper) AS same, array_agg(DISTINCT p ORDER BY p) AS seasons
FROM (SELECT series_agg(ts, value) s FROM hourly) g, explain_forecast(g.s, '6 hours', 'mstl', level => 0.8) e JOIN forecast(g.s, '6 hours', 'mstl', level => 0.8) f USING (ts),
     jsonb_object_keys(e.seasonal) p;
SELECT * FROM explain_forecast((SELECT series_agg(ts, value) FROM hourly WHERE false), '2 hours');
SELECT * FROM explain_forecast(NULL, '2 hours');
-- an outlier and a shift of level are named
SELECT r.model_used, r.form, r.step, r.periods_used, r.n_obs, r.n_gap, r.n_dup, r.n_imputed, r.outliers, r.level_shift, r.aicc IS NOT NULL AS aicc, r.fit_ms > 0 AS timed, r.status, r.message
FROM (SELECT series_agg(ts, CASE WHEN ts = '2024-05-10' THEN 5000 WHEN ts >= '2024-05-15' THEN value + 900 ELSE value END) s
      FROM (SELECT * FROM hourly WHERE ts <> '2024-05-02 07:00' UNION ALL SELECT * FROM hourly WHERE ts = '2024-05-03') h) g, fit_report(g.s, '6 hours', 'ets') r;
SELECT model_used, params, step, n_obs, status, message FROM fit_report((SELECT series_agg(ts, value) FROM hourly WHERE ts < '2024-05-01 04:00'), '2 hours', 'mstl');
SELECT model_used, params, step, periods_used, n_obs, outliers, status, message FROM fit_report((SELECT series_agg(ts, value) FROM hourly WHERE false));
-- periods that are not used as they were asked for
SELECT r.periods_used, r.status, r.message FROM (SELECT series_agg(ts, value) s FROM hourly) g, fit_report(g.s, '3 hours', 'ets', periods => '{1 day,40 days,90 minutes}') r;
-- earlier origins see nothing of what they are judged by: the rows from the origin to a horizon later
SELECT b.model, b.origin, b.n, b.mae = (SELECT avg(abs(h.value - f.yhat)) FROM forecast(g.s, '3 hours', b.model, as_of => b.origin) f JOIN hourly h USING (ts)
                                        WHERE h.ts >= b.origin AND h.ts < b.origin + interval '3 hours') AS mae
FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', windows => 2, models => '{ets}') b ORDER BY 2;
SELECT b.model, b.origin, b.n, b.mae = avg(abs(h.value - f.yhat)) AS mae, b.status
FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', step => '1 day', windows => 2, models => '{ets,seasonal_naive}') b,
     LATERAL forecast((SELECT series_agg(ts, value) FROM hourly WHERE ts < b.origin), '3 hours', b.model) f JOIN hourly h USING (ts)
GROUP BY b.model, b.origin, b.n, b.mae, b.status ORDER BY 1, 2;
SELECT model, count(*), bool_and(mase > 0 AND rmse >= mae AND smape BETWEEN 0 AND 200 AND pinball > 0 AND coverage BETWEEN 0 AND 1 AND msis > 0 AND fit_ms > 0) AS scored
FROM backtest((SELECT series_agg(ts, value) FROM hourly), '3 hours') GROUP BY 1 ORDER BY 1;
SELECT model, origin, n, mae, status FROM backtest((SELECT series_agg(ts, value) FROM hourly WHERE false), '3 hours', models => '{ets}');
SELECT max(origin) FROM backtest((SELECT series_agg(ts, value) FROM hourly), '3 hours', as_of => '2024-05-10', models => '{last_value}');
SELECT model, level, n, abs(coverage + below + above - 1) < 1e-9 AS shares, width > 0 AS width, pinball > 0 AS pinball, msis > 0 AS msis
FROM calibration((SELECT series_agg(ts, value) FROM hourly), '3 hours', levels => '{.5,.9}', models => '{ets,seasonal_naive}');
SELECT b.* FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', windows => 0) b;
\echo :SQLSTATE
SELECT b.* FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', windows => -1) b;
\echo :SQLSTATE
SELECT b.* FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', step => '0') b;
\echo :SQLSTATE
SELECT b.* FROM (SELECT series_agg(ts, value) s FROM hourly) g, backtest(g.s, '3 hours', models => '{ets,oracle}') b;
\echo :SQLSTATE
SELECT b.* FROM (SELECT series_agg(ts, value) s FROM hourly) g, calibration(g.s, '3 hours', levels => '{1}') b;
\echo :SQLSTATE

-- many series of a table: a bad one is a row
CREATE TABLE many AS SELECT ts::timestamp AS "at", kind AS "Kind", g AS n, (value * g)::numeric AS "a value" FROM hourly, (VALUES ('x', 1), ('y', 2)) k (kind, g);
INSERT INTO many VALUES ('2024-05-01', NULL, 0, NULL), ('2024-05-01', 'tiny step', 1, 1), ('2024-05-01 00:00:00.000001', 'tiny step', 1, 2), ('2024-05-01 00:00:00.000002', 'tiny step', 1, 3);
SELECT f.key, f.ts, f.step, f.yhat = b.yhat AND f.q = b.q AS same, f.levels, f.model_used, f.status
FROM forecast_table('many', 'at', 'a value', '2 hours', by => '{Kind,n}', model => 'seasonal_naive', quantiles => '{.9}') f
LEFT JOIN (SELECT jsonb_build_object('Kind', g.kind, 'n', g.n) AS key, b.* FROM (SELECT "Kind" AS kind, n, series_agg("at", "a value"::float8) s FROM many WHERE "Kind" IN ('x', 'y') GROUP BY 1, 2) g,
           forecast(g.s, '2 hours', 'seasonal_naive', quantiles => '{.9}') b) b USING (key, ts) ORDER BY 1, 2;
SELECT key, model, origin, n, mase > 0 AS scored, status FROM backtest_table('many', 'at', 'a value', '2 hours', by => '{Kind}', models => '{ets}', windows => 2);
SELECT count(*) FROM forecast_table('many', 'at', 'a value', '2 hours') WHERE key = '{}' AND status = 'ok';
SELECT count(*) FROM forecast_table('many', 'at', 'a value', '2 hours', by => '{Kind}', on_error => 'raise');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', 'at', 'a value', '2 hours', on_error => 'stop');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', 'at', 'a value', '2 hours', model => 'oracle');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', 'at', 'Kind', '2 hours');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', 'n', 'a value', '2 hours');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', 'at', 'a value', '2 hours', by => '{kind}');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many', NULL, 'a value', '2 hours');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('many"; DROP TABLE many; --', 'at', 'a value', '2 hours');
\echo :SQLSTATE
DROP TABLE many;

-- options of a model; what another model knows is not known to this one
SELECT m.model, f.model_used, f.status, bool_and(f.lower <= f.yhat AND f.yhat <= f.upper) AS ordered, avg(abs(f.yhat - (100 + 50 * sin(2 * pi() * (503 + f.step) / 24)))) < 25 AS near
FROM (VALUES ('prophet', '{"growth": "flat", "daily": 6, "weekly": false}'::jsonb), ('lstm', '{"hidden": 16, "updates": 200, "seed": 2}'), ('ets', '{"transform": "log"}'),
             ('mstl', '{"transform": "box_cox", "clean": false}'), ('auto', '{"transform": {"box_cox": 0.5}}')) m (model, options),
     (SELECT series_agg(ts, value) s FROM hourly) g, forecast(g.s, '24 hours', m.model, options => m.options) f GROUP BY 1, 2, 3 ORDER BY 1;
SELECT forecast(series_agg(ts, value), '2 hours', 'ets', options => '{"growth": "flat"}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', 'prophet', options => '{"growth": "round"}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', 'lstm', options => '{"hidden": "many"}') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value), '2 hours', options => '[]') FROM hourly;
\echo :SQLSTATE
SELECT forecast(series_agg(ts, value - 200), '2 hours', options => '{"transform": "log"}') FROM hourly;
\echo :SQLSTATE
-- what is known about the future: rows of tables
CREATE TABLE sale AS SELECT 'sale' AS name, d::date AS since, 'north' AS region FROM unnest('{2024-05-04,2024-05-09,2024-05-15,2024-05-18,2024-05-22}'::date[]) d;
CREATE TABLE weather AS SELECT t AS ts, 20 + 5 * sin(extract(epoch FROM t) / 50000) AS temperature FROM generate_series(timestamptz '2024-05-01', '2024-05-23', '1 hour') t;
CREATE TABLE moved AS SELECT h.ts, CASE r WHEN 'north' THEN 1 ELSE 2 END AS n, r AS region,
    h.value + 8 * w.temperature + CASE WHEN s.since IS NULL OR r = 'south' THEN 0 ELSE 150 END AS value
FROM hourly h JOIN weather w USING (ts) LEFT JOIN sale s ON s.since = h.ts::date, unnest('{north,south}'::text[]) r;
SELECT m.model, f.model_used, count(*), bool_and(abs(f.yhat - h.value) < 45) AS knows
FROM unnest('{prophet,ets,mstl,ridge,ensemble}'::text[]) m (model), (SELECT series_agg(ts, value) s FROM moved WHERE region = 'north') g,
     forecast(g.s, '6 hours', m.model, regressors => (SELECT jsonb_agg(w) FROM weather w), events => (SELECT jsonb_agg(to_jsonb(x) - 'region') FROM sale x)) f,
     LATERAL (SELECT 100 + 50 * sin(2 * pi() * (503 + f.step) / 24) + 150 + 8 * w.temperature FROM weather w WHERE w.ts = f.ts) h (value)
GROUP BY 1, 2 ORDER BY 1;
SELECT bool_and(abs(e.event_effect) > 100) AS effect, bool_and(abs(e.trend + s.season + e.event_effect + e.step_change - e.yhat) < 1e-9) AS adds_up
FROM (SELECT series_agg(ts, value) s FROM moved WHERE region = 'north') g, explain_forecast(g.s, '6 hours', 'ets', events => (SELECT jsonb_agg(to_jsonb(x) - 'region') FROM sale x)) e,
     LATERAL (SELECT coalesce(sum(v::float8), 0) FROM jsonb_each_text(e.seasonal) p (period, v)) s (season) WHERE e.step > 0;
-- an event of one group is none of another
SELECT f.key, round(min(f.yhat)::numeric, -2) AS low, round(max(f.yhat)::numeric, -2) AS high, min(f.status) AS status
FROM forecast_table('moved', 'ts', 'value', '6 hours', by => '{region}', model => 'ets', regressors => (SELECT jsonb_agg(w) FROM weather w), events => (SELECT jsonb_agg(x) FROM sale x)) f GROUP BY 1 ORDER BY 1;
-- columns of the group as text are of the group too; one without its own regressors is told
SELECT f.key, round(min(f.yhat)::numeric, -2) AS low, min(f.status) AS status
FROM forecast_table('moved', 'ts', 'value', '6 hours', by => '{n}', model => 'ets', events => (SELECT jsonb_agg(jsonb_build_object('name', name, 'since', since, 'n', '1')) FROM sale)) f GROUP BY 1 ORDER BY 1;
SELECT f.key, count(f.yhat) AS n, f.status
FROM forecast_table('moved', 'ts', 'value', '6 hours', by => '{n}', model => 'ets', regressors => (SELECT jsonb_agg(to_jsonb(w) || '{"n": "1"}') FROM weather w)) f GROUP BY 1, 3 ORDER BY 1;
SELECT b.key, b.n, b.status
FROM backtest_table('moved', 'ts', 'value', '6 hours', by => '{n}', windows => 1, models => '{ets}', regressors => (SELECT jsonb_agg(to_jsonb(w) || '{"n": "1"}') FROM weather w)) b ORDER BY 1;
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 days', 'ets', regressors => (SELECT jsonb_agg(w) FROM weather w)) f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', events => '[{"name": "x", "since": "now"}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', events => '[{"name": "x", "since": "2024-05-01", "until": "2024-05-01"}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', events => '{"name": 1}') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', regressors => '[{"ts": "2024-05-01", "x": "high"}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', regressors => '[{"x": 1}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', regressors => '[{"ts": 1714521600, "x": 1}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', regressors => (SELECT jsonb_agg(w) || '{"ts": "2024-05-07", "temperature": 3}' FROM weather w)) f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', events => '[{"name": "x", "since": "2024-05-01", "untill": "2024-05-03"}]') f;
\echo :SQLSTATE
SELECT count(f.*) FROM (SELECT series_agg(ts, value) s FROM moved) g, forecast(g.s, '6 hours', events => '[["x", "2024-05-01", "2024-05-03"]]') f;
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('moved', 'ts', 'value', '6 hours', by => '{region}', events => '[{"name": "x", "since": "soon"}]');
\echo :SQLSTATE
DROP TABLE sale, weather, moved;
