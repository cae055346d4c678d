-- What is known ahead, and what is not: tables of regressors and events for models with a name, covariates.
\set SHOW_CONTEXT never
SET search_path = public, prescale;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TABLE visit (ts timestamptz, shop text, tag text[], n float8);
INSERT INTO visit SELECT timestamptz '2024-05-01' + g * interval '1 hour', s, ARRAY[s], 100 + 50 * sin(2 * pi() * g / 24) + (g * 31 % 7) + CASE WHEN g % 100 BETWEEN 90 AND 93 THEN 200 ELSE 0 END
FROM generate_series(0, 24 * 21 - 1) g, unnest('{a,b}'::text[]) s;
CREATE TABLE fair (shop text, tag text[], name text, since timestamptz, until timestamptz);
INSERT INTO fair SELECT s, ARRAY[s], 'fair', timestamptz '2024-05-01' + g * interval '100 hours' + interval '90 hours', timestamptz '2024-05-01' + g * interval '100 hours' + interval '94 hours'
FROM generate_series(0, 9) g, unnest('{a,b}'::text[]) s;
-- events are known after the horizon too: values go on to be observed, and a fair in what is forecast then
CREATE VIEW fairs AS SELECT name, since, until FROM fair WHERE shop = 'a';
SELECT create_model('visits', 'visit', 'ts', 'n', '{shop}', '6 hours', '{"model": "ets"}', events => 'fairs') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_fair')::numeric, -1) AS effect FROM fit('visits');
SELECT observe('visits', '{"shop": "a"}', '2024-05-22', 100);
SELECT key, count(*), min(status) AS status FROM predict('visits') GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT observe('visits', '{"shop": "a"}', t, 100 + 50 * sin(2 * pi() * extract(hour FROM t)::int / 24))) FROM generate_series(timestamptz '2024-05-22 01:00', '2024-05-25 15:00', '1 hour') t;
SELECT ts, round(yhat::numeric, -2) AS hundreds, status FROM predict('visits', key => '{"shop": "a"}') ORDER BY ts;
-- regressors end: the series says so in its own rows, and takes no more values
CREATE TABLE price AS SELECT ts, g * 7919 % 13 AS price FROM generate_series(timestamptz '2024-05-01', '2024-05-22 05:00', '1 hour') WITH ORDINALITY t (ts, g);
SELECT create_model('priced', 'visit', 'ts', 'n', '{shop}', '6 hours', '{"model": "ets"}', regressors => 'price') IS NOT NULL AS made;
SELECT key, status FROM fit('priced');
SELECT observe('priced', '{"shop": "a"}', '2024-05-22', 100);
SELECT key, count(*), min(status) AS status FROM predict('priced') GROUP BY 1 ORDER BY 1;
SELECT t, observe('priced', '{"shop": "a"}', t, 100) FROM generate_series(timestamptz '2024-05-22 01:00', '2024-05-22 06:00', '1 hour') t;
SELECT key, step, yhat, model_used, status FROM predict('priced', '1 hour', '{"shop": "a"}');
SELECT key, count(*), min(status) AS status FROM predict('priced', '9 hours') GROUP BY 1 ORDER BY 1;
-- a regressor without a number is a gap, in the past; truth values count as 0 and 1, and any column name will do
ALTER TABLE price ALTER price TYPE float8, ADD r bool DEFAULT false, ADD "to_jsonb" numeric DEFAULT 1;
UPDATE price SET price = 'NaN', r = true WHERE ts = '2024-05-03';
UPDATE price SET price = '-Infinity', "to_jsonb" = 'NaN' WHERE ts = '2024-05-04';
SELECT key, status FROM fit('priced');
UPDATE price SET price = 'NaN' WHERE ts IN ('2024-05-21 20:00', '2024-05-22 03:00');
SELECT key, status, metrics -> 'n_held_out' AS n_held_out FROM fit('priced');
DELETE FROM price WHERE ts > '2024-05-22 03:00';
SELECT key, status FROM fit('priced');
-- keys of an array, of another type, and of none
ALTER TABLE fair RENAME shop TO r;
CREATE VIEW tagged AS SELECT tag, name, since, until FROM fair WHERE r = 'a';
SELECT create_model('tags', 'visit', 'ts', 'n', '{tag}', '6 hours', '{"model": "ets"}', events => 'tagged') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_fair')::numeric, -1) AS effect FROM fit('tags');
CREATE VIEW numbered AS SELECT ts, CASE shop WHEN 'a' THEN '1' ELSE 'x' END AS r, n FROM visit UNION ALL SELECT ts, NULL, n FROM visit WHERE shop = 'b';
CREATE VIEW number_fair AS SELECT CASE r WHEN 'a' THEN 1 END AS r, name, since, until FROM fair;
SELECT create_model('numbers', 'numbered', 'ts', 'n', '{r}', '6 hours', '{"model": "ets"}', events => 'number_fair') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_fair')::numeric, -1) AS effect FROM fit('numbers');
CREATE DOMAIN label AS text NOT NULL;
CREATE VIEW sized AS SELECT ts, 2 AS size, shop::varchar(9) AS branch, n FROM visit;
CREATE TABLE size_fair AS SELECT 2.00 AS size, r AS branch, name::label, since, until FROM fair;
SELECT create_model('sizes', 'sized', 'ts', 'n', '{size,branch}', '6 hours', '{"model": "ets"}', events => 'size_fair') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_fair')::numeric, -1) AS effect FROM fit('sizes');
UPDATE size_fair SET branch = 'c';
SELECT key, status, metrics -> 'params' ? 'effect_fair' AS has_effect FROM fit('sizes');
-- events without end, and from ever on
CREATE TABLE era (name text, since timestamptz, until timestamptz);
INSERT INTO era VALUES ('new', '2024-05-15', 'infinity'), ('old', '-infinity', '2024-05-02');
SELECT create_model('eras', 'visit', 'ts', 'n', '{shop}', '6 hours', '{"model": "ets"}', events => 'era') IS NOT NULL AS made;
SELECT key, status FROM fit('eras');
-- dates, and times without a zone, are those of the windows
CREATE TABLE turnover (day date, n float8);
INSERT INTO turnover SELECT d, 100 + CASE WHEN extract(day FROM d) IN (5, 17) THEN 300 ELSE 0 END + CASE WHEN extract(isodow FROM d) > 5 THEN 50 ELSE 0 END + extract(day FROM d)::int % 3
FROM generate_series(date '2024-07-01', '2024-11-01', '1 day') d;
CREATE TABLE payday AS SELECT 'payday' AS name, d::date AS since FROM generate_series(date '2024-07-01', '2024-12-31', '1 day') d WHERE extract(day FROM d) IN (5, 17);
SELECT create_model('days', 'turnover', 'day', 'n', horizon => '7 days', spec => '{"model": "ets", "step": "1 day", "timezone": "America/New_York"}', events => 'payday') IS NOT NULL AS made;
SET timezone = 'Asia/Tokyo';
SELECT key, status, round((metrics -> 'params' ->> 'effect_payday')::numeric, -1) AS effect FROM fit('days');
SELECT ts AT TIME ZONE 'America/New_York' AS ts, round(yhat::numeric, -2) AS hundreds FROM predict('days') ORDER BY ts;
CREATE TABLE working AS SELECT d::date AS ts, extract(day FROM d) NOT IN (5, 17) AS working FROM generate_series(date '2024-07-01', '2024-12-31', '1 day') d;
SELECT create_model('days', 'turnover', 'day', 'n', horizon => '7 days', spec => '{"model": "ets", "step": "1 day", "timezone": "America/New_York"}', regressors => 'working') IS NOT NULL AS made;
SELECT key, status, round((metrics -> 'params' ->> 'effect_working')::numeric, -1) AS effect FROM fit('days');
SELECT ts AT TIME ZONE 'America/New_York' AS ts, round(yhat::numeric, -2) AS hundreds FROM forecast((SELECT resample(series_agg(day::timestamp AT TIME ZONE 'America/New_York', n), '1 day', timezone => 'America/New_York') FROM turnover),
    '5 days', 'ets', events => (SELECT jsonb_agg(p) FROM payday p)) ORDER BY ts;
-- and of UTC where there are no windows, in every session
SELECT ts AT TIME ZONE 'UTC' AS ts, round(yhat::numeric, -2) AS hundreds FROM forecast_table('turnover', 'day', 'n', '5 days', model => 'ets', events => (SELECT jsonb_agg(p) FROM payday p)) ORDER BY ts;
SET timezone = 'UTC';
-- what a planned price that never changed does, nobody knows
SELECT round(max(abs(f.yhat - g.yhat))) AS apart FROM (SELECT series_agg(ts, n) s FROM visit WHERE shop = 'a') v, forecast(v.s, '6 hours', 'ets') g
JOIN LATERAL forecast(v.s, '6 hours', 'ets', regressors => (SELECT jsonb_agg(jsonb_build_object('ts', t, 'price', CASE WHEN t < '2024-05-22' THEN 19.99 ELSE 24.99 END)) FROM generate_series(timestamptz '2024-05-01', '2024-05-23', '1 hour') t)) f ON f.ts = g.ts;
SELECT message FROM (SELECT series_agg(ts, n) s FROM visit WHERE shop = 'a') v, fit_report(v.s, '6 hours', 'ets', regressors => (SELECT jsonb_agg(jsonb_build_object('ts', t, 'price', CASE WHEN t < '2024-05-22' THEN 19.99 ELSE 24.99 END)) FROM generate_series(timestamptz '2024-05-01', '2024-05-23', '1 hour') t));
SELECT count(*) FROM (SELECT series_agg(ts, n) s FROM visit) v, forecast(v.s, '6 hours', 'ets', events => '[{"name": "x", "since": "infinity"}]');
SELECT count(*) FROM (SELECT series_agg(ts, n) s FROM visit) v, forecast(v.s, '6 hours', 'ets', events => '[{"name": "x", "since": null}]');
SELECT observe('visits', '{"shop": "b"}', '2024-05-22', 1e300);
\echo :SQLSTATE
-- what no fit could read is refused at once, and at a fit after the table was changed
CREATE TABLE odd (id int, name text, since timestamptz, ts text, remark text);
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', events => 'odd');
\echo :SQLSTATE
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', regressors => 'odd');
\echo :SQLSTATE
ALTER TABLE odd ALTER ts TYPE timestamptz USING NULL;
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', regressors => 'odd');
\echo :SQLSTATE
ALTER TABLE odd DROP id, DROP remark, DROP ts;
ALTER TABLE odd ALTER since TYPE text;
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', events => 'odd');
\echo :SQLSTATE
ALTER TABLE odd ALTER since TYPE date USING NULL, ALTER name TYPE int USING NULL;
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', events => 'odd');
\echo :SQLSTATE
CREATE TABLE bare (ts timestamptz, shop text);
SELECT create_model('x', 'visit', 'ts', 'n', '{shop}', '1 hour', regressors => 'bare');
\echo :SQLSTATE
ALTER TABLE price ADD remark text;
SELECT fit('priced');
\echo :SQLSTATE
-- a window that is not over is not seen, at as_of and now
BEGIN;
CREATE TABLE minute AS SELECT now() - g * interval '1 minute' AS ts, 1 AS n FROM generate_series(0, 60 * 24 * 3) g;
SELECT create_model('sums', 'minute', 'ts', 'n', horizon => '3 hours', spec => '{"model": "last_value", "step": "1 hour", "agg": "sum"}') IS NOT NULL AS made;
SELECT status FROM fit('sums');
SELECT step, ts = date_trunc('hour', now()) + (step - 1) * interval '1 hour' AS next, yhat FROM predict('sums') ORDER BY step;
SELECT status FROM fit('sums', now() - interval '26 hours');
SELECT deploy('sums', 'most_recent');
SELECT step, ts = date_trunc('hour', now()) + (step - 27) * interval '1 hour' AS next, yhat FROM predict('sums') ORDER BY step;
SELECT f.step, f.ts = date_trunc('hour', now()) + (f.step - 27) * interval '1 hour' AS next, f.yhat
FROM (SELECT resample(series_agg(ts, n), '1 hour', agg => 'sum') s FROM minute) m, forecast(m.s, '3 hours', 'last_value', as_of => now() - interval '26 hours') f ORDER BY 1;
COMMIT;
-- half of the windows are missing: a model with a step knows which, a series that was filled before does not
CREATE TABLE half AS SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, 100 + g::bigint * g % 7 + 50 * (g % 50 < 3)::int AS n, (g % 50 < 3)::int AS sale
FROM generate_series(0, 1199) g;
CREATE VIEW half_sale AS SELECT ts, sale FROM half;
CREATE VIEW half_seen AS SELECT ts, n FROM half WHERE ts < '2024-06-10' AND hashint4(extract(epoch FROM ts)::int / 3600) % 2 = 0;
SELECT create_model('half', 'half_seen', 'ts', 'n', horizon => '1 day', spec => '{"model": "ets", "step": "1 hour"}', regressors => 'half_sale') > 0 AS made;
SELECT round((metrics -> 'params' ->> 'effect_sale')::numeric / 50, 1) AS share, metrics -> 'n_gap' > '400' AS gaps, metrics -> 'n_imputed' AS n_imputed FROM fit('half');
SELECT fill, round((f.params ->> 'effect_sale')::numeric / 50, 1) = 1 AS whole, regexp_replace(f.message, '\d+', 'N') AS message
FROM (SELECT series_agg(ts, n) AS s FROM half_seen) h, unnest('{none,linear}'::text[]) fill,
     fit_report(resample(h.s, '1 hour', fill), '1 day', 'ets', regressors => (SELECT jsonb_agg(x) FROM half_sale x)) f;
SELECT drop_model('half');
DROP VIEW half_sale, half_seen;
DROP TABLE half;
-- covariates in all doors: a load that runs an hour ahead
CREATE TABLE lead AS SELECT ts, shop, 10 * v AS n, 10 * lead(v) OVER (PARTITION BY shop ORDER BY ts) AS load, g
FROM (SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, shop, g, 50 + (g::bigint * g % 41) + length(shop) AS v FROM generate_series(0, 899) g, unnest('{a,bc}'::text[]) shop) t;
CREATE VIEW lead_series AS SELECT shop, series_agg(ts, n) AS s, series_agg(ts, load) AS load FROM lead GROUP BY shop;
SELECT g.shop, (SELECT avg(mae) FROM backtest(g.s, '1 hour', windows => 20, models => '{ridge}', covariates => ARRAY[g.load])) < .5 * (SELECT avg(mae) FROM backtest(g.s, '1 hour', windows => 20, models => '{ridge}')) AS better
FROM lead_series g ORDER BY 1;
SELECT key, model, round((avg(mae) FILTER (WHERE c) / avg(mae) FILTER (WHERE NOT c))::numeric, 1) AS ratio
FROM (SELECT true AS c, t.* FROM backtest_table('lead', 'ts', 'n', '1 hour', '{shop}', windows => 20, models => '{ridge,ets}', covariates => '{load}') t
      UNION ALL SELECT false, t.* FROM backtest_table('lead', 'ts', 'n', '1 hour', '{shop}', windows => 20, models => '{ridge,ets}') t) t GROUP BY 1, 2 ORDER BY 1, 2;
SELECT t.key, t.yhat = f.yhat AS same, t.yhat = (SELECT yhat FROM explain_forecast(g.s, '1 hour', 'ridge', as_of => '2024-06-07', covariates => ARRAY[g.load]) WHERE NOT is_history) AS explained
FROM forecast_table('lead', 'ts', 'n', '1 hour', '{shop}', 'ridge', as_of => '2024-06-07', covariates => '{load}') t
JOIN lead_series g ON g.shop = t.key ->> 'shop', forecast(g.s, '1 hour', 'ridge', as_of => '2024-06-07', covariates => ARRAY[g.load]) f ORDER BY 1;
SELECT (params ->> 'covariates')::float8 AS used, message FROM lead_series g, fit_report(g.s, '1 hour', 'ridge', covariates => ARRAY[g.load]) WHERE shop = 'a';
SELECT model_used, params -> 'covariates' AS used, message FROM lead_series g, fit_report(g.s, '1 hour', covariates => ARRAY[g.load]) WHERE shop = 'a';
SELECT level, n FROM lead_series g, calibration(g.s, '1 hour', windows => 3, models => '{ridge}', levels => '{0.9}', covariates => ARRAY[g.load]) WHERE shop = 'a';
SELECT count(*) FROM lead_series g, forecast(g.s, '1 hour', 'ets', covariates => ARRAY[g.load]);
\echo :SQLSTATE
SELECT count(*) FROM lead_series g, backtest(g.s, '1 hour', models => '{ets,theta}', covariates => ARRAY[g.load]);
\echo :SQLSTATE
SELECT count(*) FROM lead_series g, forecast(g.s, '1 hour', 'ridge', covariates => ARRAY[NULL::series]);
\echo :SQLSTATE
SELECT count(*) FROM lead_series g, forecast(g.s, '1 hour', 'ridge', covariates => array_fill(g.load, ARRAY[33]));
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('lead', 'ts', 'n', '1 hour', '{shop}', covariates => '{shop}');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('lead', 'ts', 'n', '1 hour', '{shop}', 'ets', covariates => '{load}');
\echo :SQLSTATE
SELECT count(*) FROM forecast_table('lead', 'ts', 'n', '1 hour', '{shop}', covariates => NULL);
\echo :SQLSTATE
SELECT drop_model(name) FROM forecast_model WHERE name IN ('visits', 'priced', 'tags', 'numbers', 'eras', 'days', 'sizes', 'sums') ORDER BY name;
DROP TABLE visit, fair, price, era, turnover, payday, working, odd, bare, lead, size_fair, minute CASCADE;
DROP DOMAIN label;
