-- How the replayed days went, beside the rule of Kubernetes' HorizontalPodAutoscaler on the same minutes and the same units.
\pset format aligned
\pset border 2
\pset null '-'
SET search_path = prescale, pg_catalog;
CREATE TEMP TABLE demand_of AS
    SELECT 'replay' AS span, series_agg(ts, demand) AS s FROM feature WHERE ts >= :'from' AND ts < :'until' AND NOT imputed
    UNION ALL SELECT 'past', series_agg(ts, demand) FROM feature WHERE ts < :'from' AND NOT imputed;
CREATE TEMP TABLE hpa AS
    SELECT d.span, t.target, c.*
    FROM demand_of d, (SELECT g / 100.0::float8 AS target FROM generate_series(20, 100) g) t
    CROSS JOIN LATERAL (SELECT series_agg(r.ts, r.units_ready * 10.0) AS supply
                        FROM simulate_reactive(d.s, 10, target_utilization => t.target, min_units => 2, max_units => 100, ready_after => '5 minutes') r) x
    CROSS JOIN LATERAL score(d.s, x.supply) c;
CREATE TEMP TABLE ours AS
    SELECT c.* FROM demand_of d, (SELECT series_agg(ts, units_ready * 10.0) AS supply FROM capacity WHERE ts < :'until') x
    CROSS JOIN LATERAL score(d.s, x.supply) c WHERE d.span = 'replay';
CREATE TEMP TABLE compared AS
    SELECT 1 AS place, 'prescale (0.99 quantile, 5 min ahead)' AS rule, NULL::float8 AS target, o.* FROM ours o
    UNION ALL
    SELECT 2, 'HPA at the usual 70 %', h.target, h.n, h.theta_under, h.theta_over, h.tau_under, h.tau_over, h.instability, h.drop_ratio, h.cost_ratio, h.actions
    FROM hpa h WHERE h.span = 'replay' AND h.target = 0.7
    UNION ALL
    SELECT 3, 'HPA, target chosen on the past for 0.1 % dropped', h.target, h.n, h.theta_under, h.theta_over, h.tau_under, h.tau_over, h.instability, h.drop_ratio, h.cost_ratio, h.actions
    FROM hpa h WHERE h.span = 'replay' AND h.target = (SELECT max(p.target) FROM hpa p WHERE p.span = 'past' AND p.drop_ratio <= 0.001)
    UNION ALL
    SELECT 4, 'HPA, target known in hindsight for equal dropped load', h.target, h.n, h.theta_under, h.theta_over, h.tau_under, h.tau_over, h.instability, h.drop_ratio, h.cost_ratio, h.actions
    FROM hpa h WHERE h.span = 'replay' AND h.target = (SELECT max(p.target) FROM hpa p, ours o WHERE p.span = 'replay' AND p.drop_ratio <= o.drop_ratio);
\echo
\echo 'How supply met demand, minute by minute (dropped: load above the ready units; cost: capacity paid for over load served):'
SELECT rule, round(100 * target::numeric) AS "target %", round(100 * drop_ratio::numeric, 3) AS "dropped %", round(100 * tau_under::numeric, 2) AS "time under %",
       round(100 * theta_over::numeric, 1) AS "mean surplus %", round(cost_ratio::numeric, 3) AS cost, actions,
       '$' || round(unit_cost((cost_ratio * d.load / 10 * 60)::bigint, p.price_per_unit_hour), 2) AS paid
FROM compared, (SELECT sum(u.value) AS load FROM demand_of, unnest(s) u WHERE span = 'replay') d, policy p ORDER BY place;
\echo 'What was predicted, and what came (replayed days):'
SELECT l.level, count(*) AS forecasts, round(avg(o.q[l.i])::numeric, 1) AS "mean forecast", round(avg(o.actual)::numeric, 1) AS "mean demand",
       round(100 * avg((o.actual <= o.q[l.i])::int), 2) AS "demand was within, %"
FROM outcome o, unnest(o.levels) WITH ORDINALITY l (level, i) WHERE o.target >= :'from' GROUP BY l.level ORDER BY l.level;
\echo 'What was decided:'
SELECT action, act_status, count(*) AS decisions, min(units_desired) AS "smallest size", max(units_desired) AS "largest size"
FROM decision WHERE act GROUP BY action, act_status ORDER BY 1, 2;
SELECT coalesce('At the same dropped load prescale cost ' || round((a.cost_ratio / b.cost_ratio)::numeric, 3)
                    || format(' of what the HPA rule cost, with %s actions instead of %s.', a.actions, b.actions),
                'At no target does the HPA rule drop as little load.') AS "In one sentence"
FROM compared a LEFT JOIN compared b ON b.place = 4 WHERE a.place = 1;
