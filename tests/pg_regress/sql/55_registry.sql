-- Models with a name: made, fitted, asked, moved on, deployed and taken back.
\set SHOW_CONTEXT never
SET search_path = public, prescale;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE shop (ts timestamptz, service text, region int, rps float8);
INSERT INTO shop SELECT timestamptz '2024-05-01' + g * interval '1 hour', s, r, 100 * r + 50 * sin(2 * pi() * g / 24) + (g * 31 % 7)
FROM generate_series(0, 24 * 21 - 1) g, unnest(ARRAY['cart', 'search']) s, generate_series(1, 2) r;
-- what is data and not an error: one row, none with a value, a constant
INSERT INTO shop VALUES ('2024-05-01', 'one', 1, 7), ('2024-05-01', 'null', 1, NULL);
INSERT INTO shop SELECT ts, 'constant', 1, 5 FROM shop WHERE service = 'cart' AND region = 1;
SELECT create_model('demand', 'shop', 'ts', 'rps', '{service,region}', '6 hours', '{"model": "ets", "quantiles": [0.1, 0.9], "keep": 2}');
SELECT name, owner = current_user AS mine, relation_name, by_columns, horizon, spec, deployed, earlier FROM forecast_model;
SELECT count(*) FROM predict('demand');
\echo :SQLSTATE
SELECT key, version, status, round((metrics ->> 'mase')::numeric, 2) AS mase, metrics ->> 'model' AS model, metrics ->> 'n_held_out' AS n_held_out, metrics ->> 'n_obs' AS n_obs
FROM fit('demand') ORDER BY key;
SELECT version, as_of, n_series, n_fitted, score > 0 AS scored FROM forecast_model_version;
SELECT key, version, count(*) AS n, min(ts) AS first, bool_and(lower <= q[1] AND q[1] <= yhat AND yhat <= q[2] AND q[2] <= upper) AS ordered, min(levels::text) AS levels, min(model_used) AS model_used, min(status) AS status
FROM predict('demand') GROUP BY 1, 2 ORDER BY 1;
-- the same as forecast
SELECT count(*), bool_and(f IS NOT DISTINCT FROM p) AS same
FROM (SELECT series_agg(ts, rps) s FROM shop WHERE service = 'cart' AND region = 2) g,
     forecast(g.s, '6 hours', 'ets', quantiles => '{0.1,0.9}') f
JOIN LATERAL (SELECT ts, step, is_history, y, yhat, lower, upper, levels, q, model_used, status FROM predict('demand', key => '{"service": "cart", "region": 2}')) p ON p.ts = f.ts;
SELECT step, ts, levels, cardinality(q) AS n_q FROM predict('demand', '90 minutes', '{"region": 1, "service": "cart"}', 0.5, '{0.25,0.5,0.75}');
-- one more window without a fit
SELECT observe('demand', '{"service": "cart", "region": 1}', '2024-05-22', 150), observe('demand', '{"service": "cart", "region": 1}', '2024-05-22', 150) AS again,
       observe('demand', '{"service": "cart", "region": 1}', '2026-05-22', 150) AS far, observe('demand', '{"service": "cart", "region": 1}', '2024-05-22 01:00', NULL) AS none,
       observe('demand', '{"service": "new", "region": 1}', '2024-05-22', 150) AS new, observe('demand', '{"service": "null", "region": 1}', '2024-05-22', 1) AS unfitted;
SELECT last_ts, n_observed FROM forecast_model_series WHERE key = '{"service": "cart", "region": 1}';
SELECT min(ts) FROM predict('demand', key => '{"service": "cart", "region": 1}');
SELECT observe('demand', '{"service": "cart", "region": 1}', '2024-05-22 01:00', 'NaN');
\echo :SQLSTATE
SELECT observe('demand', NULL, '2024-05-22 01:00', 1);
\echo :SQLSTATE
SELECT count(*) FROM predict('demand', key => '{"service": "nobody"}');
\echo :SQLSTATE
SELECT count(*) FROM predict('demand', '0 hours');
\echo :SQLSTATE
SELECT count(*) FROM predict('demand', level => 1);
\echo :SQLSTATE
-- versions: each fit one more, rollback goes back and never forth, what is deployed or was before is kept
SELECT DISTINCT version FROM fit('demand', '2024-05-20');
SELECT DISTINCT version FROM fit('demand', '2024-05-21');
SELECT deployed, earlier FROM forecast_model;
SELECT deploy('demand', 2);
SELECT deploy('demand', 'most_recent');
SELECT deployed, earlier FROM forecast_model;
SELECT rollback('demand');
SELECT rollback('demand');
SELECT rollback('demand');
\echo :SQLSTATE
SELECT deployed, earlier FROM forecast_model;
SELECT deploy('demand', 3), deploy('demand', 1), deploy('demand', 1), deploy('demand', '3');
SELECT deployed, earlier FROM forecast_model;
SELECT deploy('demand', 'previous'), deploy('demand', 'best_score') IN (1, 2, 3) AS best;
SELECT deploy('demand', 9);
\echo :SQLSTATE
SELECT deploy('demand', 'newest');
\echo :SQLSTATE
SELECT deploy('demand', 1);
SELECT DISTINCT version FROM fit('demand', '2024-05-21');
SELECT DISTINCT version FROM fit('demand', '2024-05-21');
SELECT version FROM forecast_model_version ORDER BY 1;
SELECT deployed, earlier FROM forecast_model;
-- the best by what was held out: a model that sees the season beats one that repeats the last value
SELECT create_model('best', 'shop', 'ts', 'rps', '{service,region}', '24 hours', '{"model": "last_value"}') IS NOT NULL AS made;
SELECT DISTINCT version FROM fit('best');
SELECT create_model('best', 'shop', 'ts', 'rps', '{service,region}', '24 hours', '{"model": "ets"}') IS NOT NULL AS changed;
SELECT DISTINCT version FROM fit('best');
SELECT create_model('best', 'shop', 'ts', 'rps', '{service,region}', '24 hours', '{"model": "drift"}') IS NOT NULL AS changed;
SELECT DISTINCT version FROM fit('best');
SELECT deploy('best', 'best_score');
-- no series, no value, a model that has to be fitted again, windows of their own
SELECT create_model('whole', 'shop', 'ts', 'rps', horizon => '2 hours', spec => '{"step": "1 hour", "agg": "sum", "fill": "zero", "model": "ensemble", "floor": 0}') IS NOT NULL AS made;
SELECT key, version, status, metrics ->> 'step' AS step, metrics ->> 'n_dup' AS n_dup FROM fit('whole', '2024-05-20 12:30');
SELECT ts, step, yhat >= 0 AS floored, status FROM predict('whole') ORDER BY ts;
SELECT observe('whole', '{}', '2024-05-20 13:00', 800);
-- a time is one of the window that it lies in, not of the nearest
SELECT create_model('within', 'shop', 'ts', 'rps', horizon => '2 hours', spec => '{"step": "1 hour", "model": "ets"}') IS NOT NULL AS made;
SELECT status FROM fit('within', '2024-05-20 05:00');
SELECT t, observe('within', '{}', t::timestamptz, 800) FROM unnest('{2024-05-20 04:40,2024-05-20 05:40,2024-05-20 06:40,2024-05-20 06:59:59.9}'::text[]) t;
SELECT last_ts FROM forecast_model_series JOIN forecast_model USING (forecast_model) WHERE name = 'within';
-- a day of a zone, also after its clocks changed
CREATE TABLE daily AS SELECT timestamptz '2024-03-01' + g * interval '1 hour' AS ts, 1.0 + g % 24 + g / 24 % 7 AS value FROM generate_series(0, 24 * 28) g;
SELECT create_model('daily', 'daily', 'ts', 'value', horizon => '2 days', spec => '{"step": "1 day", "timezone": "Europe/Berlin", "model": "ets"}') IS NOT NULL AS made;
SELECT status FROM fit('daily', '2024-03-28 23:00');
SELECT t, observe('daily', '{}', t::timestamptz, 20) FROM unnest('{2024-03-29 22:59,2024-03-30 22:30,2024-03-31 21:30,2024-03-31 21:59,2024-03-31 22:00}'::text[]) t;
SELECT ts FROM predict('daily', '3 days') ORDER BY ts;
SELECT count(*) FROM predict('whole', '3 hours');
\echo :SQLSTATE
-- nothing after as_of is seen, also where windows and gaps reach across it
CREATE TABLE before AS SELECT * FROM shop WHERE ts < '2024-05-20 12:30';
SELECT create_model('blind', 'before', 'ts', 'rps', horizon => '2 hours', spec => '{"step": "2 hours", "model": "ets"}') IS NOT NULL AS made;
SELECT create_model('seeing', 'shop', 'ts', 'rps', horizon => '2 hours', spec => '{"step": "2 hours", "model": "ets"}') IS NOT NULL AS made;
SELECT (SELECT metrics FROM fit('seeing', '2024-05-20 12:30')) = (SELECT metrics FROM fit('blind', '2024-05-20 12:30')) AS equal;
SELECT (SELECT state FROM forecast_model_series JOIN forecast_model USING (forecast_model) WHERE name = 'seeing')
     = (SELECT state FROM forecast_model_series JOIN forecast_model USING (forecast_model) WHERE name = 'blind') AS equal;
CREATE TABLE nothing (ts timestamptz, value numeric, service text);
SELECT create_model('nothing', 'nothing', 'ts', 'value', '{service}', '1 hour') IS NOT NULL AS made;
SELECT count(*) FROM fit('nothing');
SELECT n_series, n_fitted, score FROM forecast_model_version JOIN forecast_model USING (forecast_model) WHERE name = 'nothing';
SELECT deploy('nothing', 1);
\echo :SQLSTATE
SELECT deploy('nothing', 'best_score');
\echo :SQLSTATE
-- a series that fails is a row
INSERT INTO nothing SELECT to_timestamp(g), g % 3, 'fast' FROM generate_series(1, 100) g;
INSERT INTO nothing SELECT timestamptz '2024-05-01' + g * interval '1 day', g % 3, 'slow' FROM generate_series(1, 100) g;
INSERT INTO nothing SELECT timestamptz '2024-05-01', 1, string_agg(md5(g::text), '') FROM generate_series(1, 200) g;
SELECT create_model('nothing', 'nothing', 'ts', 'value', '{service}', '3 days', '{"model": "drift"}') IS NOT NULL AS changed;
SELECT left(key ->> 'service', 4) AS service, status, metrics ->> 'model' AS model FROM fit('nothing') ORDER BY key;
SELECT key, step, status FROM predict('nothing') ORDER BY key, step;
-- names are quoted
CREATE TABLE "Odd ""Table" ("a time" timestamp, "sel'ect" int, "by" bool);
INSERT INTO "Odd ""Table" SELECT timestamp '2024-05-01' + g * interval '1 minute', g % 5, g % 2 = 0 FROM generate_series(1, 60) g;
SELECT create_model('odd "name''s', '"Odd ""Table"', 'a time', 'sel''ect', '{by}', '2 minutes', '{"model": "seasonal_naive"}') IS NOT NULL AS made;
SELECT key, status FROM fit('odd "name''s') ORDER BY key;
-- what is checked before it is stored
-- one network for all series, with a covariate that is missing here and there
CREATE VIEW wide AS SELECT ts, service, region, rps, CASE WHEN extract(day FROM ts) <> 7 THEN CASE WHEN extract(hour FROM ts) = 3 THEN 'NaN' ELSE rps / 2 END END AS cpu, 'x' AS note FROM shop
UNION ALL SELECT ts, 'new', 1, 7 * rps, rps, '' FROM shop WHERE service = 'cart' AND region = 1 AND ts >= '2024-05-20';
SELECT create_model('pool', 'wide', 'ts', 'rps', '{service,region}', '6 hours',
    '{"model": "lstm", "pooled": true, "step": "1 hour", "covariates": ["cpu"], "options": {"updates": 200, "hidden": 16}}') IS NOT NULL AS made;
SELECT key, status, metrics ->> 'model' AS model, metrics ->> 'form' AS form, metrics -> 'params' -> 'updates' AS updates, metrics ->> 'n_obs' AS n_obs, metrics ->> 'n_held_out' AS n_held_out
FROM fit('pool') ORDER BY key;
SELECT n_series, n_fitted, score < 1.5 AS scored, length(network) > 10000 AS network FROM forecast_model_version JOIN forecast_model USING (forecast_model) WHERE name = 'pool';
SELECT key, count(*) AS n, bool_and(lower <= yhat AND yhat <= upper) AS ordered, min(model_used) AS model_used, min(status) AS status FROM predict('pool') GROUP BY 1 ORDER BY 1;
SELECT observe('pool', '{"service": "new", "region": 1}', '2024-05-22', 700, '{350}'), observe('pool', '{"service": "new", "region": 1}', '2024-05-22 03:00', 700),
       observe('pool', '{"service": "new", "region": 1}', '2024-05-22 03:00', 700, '{NULL}') AS again;
SELECT observe('pool', '{"service": "new", "region": 1}', '2024-05-22 04:00', 700, '{350,1}');
\echo :SQLSTATE
SELECT min(ts) FROM predict('pool', key => '{"service": "new", "region": 1}');
SELECT count(*) FROM forecast_model_series s, predict_series(s.state, '1 hour', 0.9, NULL) WHERE s.metrics ->> 'form' = 'pooled';
\echo :SQLSTATE
-- a network of its own for each series reads them as well
SELECT create_model('own', 'wide', 'ts', 'rps', '{service,region}', '6 hours', '{"model": "lstm", "covariates": ["cpu"], "options": {"updates": 20, "hidden": 8}}') IS NOT NULL AS made;
SELECT status, count(*), sum((metrics -> 'params' ->> 'updates')::float8) AS updates FROM fit('own') GROUP BY 1 ORDER BY 1;
SELECT observe('own', '{"service": "cart", "region": 1}', '2024-05-22', 150, '{70}');
SELECT count(*) FROM predict('own', key => '{"service": "cart", "region": 1}');
-- so does ridge, also within auto
CREATE TABLE quarters AS SELECT timestamptz '2024-05-01' + g * interval '15 minutes' AS ts, 100 + 50 * sin(2 * pi() * g / 96) + g * 31 % 17 AS rps, g * 31 % 17 AS load
FROM generate_series(0, 96 * 14 - 1) g;
SELECT create_model('beside', 'quarters', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "auto", "covariates": ["load"]}') IS NOT NULL AS made;
SELECT status, metrics ->> 'model' AS model, (metrics -> 'params' ->> 'covariates')::float8 <= 1 AS at_most_one FROM fit('beside');
SELECT create_model('beside', 'quarters', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "ridge", "covariates": ["load"]}') IS NOT NULL AS made;
SELECT status, metrics ->> 'model' AS model, (metrics -> 'params' ->> 'covariates')::float8 <= 1 AS at_most_one FROM fit('beside');
SELECT observe('beside', '{}', '2024-05-15', 100, '{3}');
SELECT create_model('x', 'quarters', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "ets", "covariates": ["load"]}');
\echo :SQLSTATE
-- what is known ahead, from tables: for all series, or for those with the same values in the columns of by
CREATE TABLE promotion (name text, since timestamptz, until timestamptz, region int);
INSERT INTO promotion SELECT 'sale', d, d + interval '6 hours', r FROM unnest('{2024-05-06,2024-05-11,2024-05-16,2024-05-22}'::timestamptz[]) d, generate_series(1, 2) r WHERE r = 1 OR d < '2024-05-20';
CREATE VIEW sold AS SELECT s.ts, s.service, s.region, s.rps + CASE WHEN p.name IS NULL THEN 0 ELSE 200 END AS rps
FROM shop s LEFT JOIN promotion p ON s.ts >= p.since AND s.ts < p.until AND s.region = p.region WHERE s.service IN ('cart', 'search');
SELECT create_model('sales', 'sold', 'ts', 'rps', '{service,region}', '6 hours', '{"model": "ets"}', events => 'promotion') IS NOT NULL AS made;
SELECT regressors, events FROM forecast_model WHERE name = 'sales';
SELECT count(*), min(status) AS status FROM fit('sales');
SELECT key, round(avg(yhat) / 100) AS hundreds FROM predict('sales') GROUP BY 1 ORDER BY 1;
-- a column of by that is named as one of events is none of theirs
CREATE VIEW named AS SELECT ts, service AS name, rps FROM sold WHERE region = 1;
CREATE VIEW promoted AS SELECT name, since, until FROM promotion WHERE region = 1;
SELECT create_model('names', 'named', 'ts', 'rps', '{name}', '6 hours', '{"model": "ets"}', events => 'promoted') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_sale')::numeric / 100) AS hundreds FROM fit('names') ORDER BY key;
SELECT key, round(avg(yhat) / 100) AS hundreds, min(status) AS status
FROM forecast_table('named', 'ts', 'rps', '6 hours', '{name}', 'ets', events => (SELECT jsonb_agg(p) FROM promoted p)) GROUP BY 1 ORDER BY 1;
CREATE TABLE weather AS SELECT ts, 20 + g % 13 AS warmth FROM generate_series(timestamptz '2024-05-01', '2024-05-23', '1 hour') WITH ORDINALITY t (ts, g);
SELECT create_model('warm', 'shop', 'ts', 'rps', '{service,region}', '6 hours', '{"model": "prophet"}', regressors => 'weather') IS NOT NULL AS made;
SELECT status, count(*) FROM fit('warm') GROUP BY 1 ORDER BY 1;
ALTER TABLE weather ADD service text;
UPDATE weather SET service = 'cart';
SELECT key, status FROM fit('warm') ORDER BY key;
DELETE FROM weather WHERE ts > '2024-05-22 02:30';
SELECT key, status FROM fit('warm') WHERE key ->> 'service' = 'cart' ORDER BY key;
DROP TABLE weather;
SELECT fit('warm');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', regressors => 'promotion');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', events => 'quarters');
\echo :SQLSTATE
SELECT create_model('x', 'wide', 'ts', 'rps', '{service,region}', '6 hours', '{"model": "lstm", "pooled": true, "step": "1 hour"}', events => 'promotion');
\echo :SQLSTATE
SELECT create_model('', 'shop', 'ts', 'rps', horizon => '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps');
\echo :SQLSTATE
SELECT create_model('x', 'absent', 'ts', 'rps', horizon => '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rate', horizon => '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'service', 'rps', horizon => '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'service', horizon => '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', '{service,NULL}', '1 hour');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '0');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 month');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => NULL);
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '[1]');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"levels": 0.9}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"level": "high"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"level": 1.5}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"quantiles": 0.9}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"periods": ["a day"]}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "oracle"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"floor": 5, "ceiling": 1}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"keep": 0}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"options": {"alpha": 1}}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"fill": "zero"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"step": "0"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"step": "1 hour", "timezone": "Mars/Olympus"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "ets", "pooled": true}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "theta", "covariates": ["rps"]}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "pooled": true}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "pooled": true, "step": "1 hour", "options": {"clean": true}}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "covariates": ["region", "load"]}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "covariates": ["region", "service"]}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "covariates": "region"}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "covariates": [null]}');
\echo :SQLSTATE
SELECT create_model('x', 'shop', 'ts', 'rps', horizon => '1 hour', spec => '{"model": "lstm", "pooled": "perhaps"}');
\echo :SQLSTATE
CREATE TEMPORARY TABLE passing (ts timestamptz, value float8);
SELECT create_model('x', 'passing', 'ts', 'value', horizon => '1 hour');
\echo :SQLSTATE
SELECT count(*) FROM forecast_model WHERE name = 'x';
SELECT fit('absent');
\echo :SQLSTATE
ALTER TABLE shop RENAME TO store;
SELECT fit('demand');
\echo :SQLSTATE
ALTER TABLE store RENAME TO shop;
SELECT drop_model(name) FROM forecast_model;
SELECT (SELECT count(*) FROM forecast_model) AS models, (SELECT count(*) FROM forecast_model_version) AS versions, (SELECT count(*) FROM forecast_model_series) AS series;
SELECT drop_model('demand');
\echo :SQLSTATE
