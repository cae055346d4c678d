\pset format aligned
\pset border 2
\echo
\echo 'Three queries to try next:'
\echo
\echo '1. Why is it the size that it is?      SELECT * FROM prescale.explain(''front'');'
SELECT * FROM prescale.explain('front');
\echo '2. A forecast of any series, nothing to register:'
\echo '   SELECT f.ts, round(f.yhat) AS expected, round(f.lower) AS lower, round(f.upper) AS upper, f.model_used'
\echo '   FROM (SELECT prescale.resample(prescale.series_agg(ts, requests), ''1 hour'', agg => ''sum'') AS s FROM web.request_count WHERE ts < ''1995-07-22'') g,'
\echo '        prescale.forecast(g.s, ''6 hours'', floor => 0) f;'
SELECT f.ts, round(f.yhat) AS expected, round(f.lower) AS lower, round(f.upper) AS upper, f.model_used
FROM (SELECT prescale.resample(prescale.series_agg(ts, requests), '1 hour', agg => 'sum') AS s FROM web.request_count WHERE ts < '1995-07-22') g,
     prescale.forecast(g.s, '6 hours', floor => 0) f;
\echo '3. The scale-outs before the highest demand:'
\echo '   SELECT decided_at, units_before, units_desired, round(predicted) AS predicted, actual, units_ready'
\echo '   FROM prescale.decision_outcome WHERE action = ''scale_out'' ORDER BY actual DESC, decided_at LIMIT 5;'
SELECT decided_at, units_before, units_desired, round(predicted) AS predicted, actual, units_ready
FROM prescale.decision_outcome WHERE action = 'scale_out' ORDER BY actual DESC, decided_at LIMIT 5;
