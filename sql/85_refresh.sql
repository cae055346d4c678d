-- Moves every workload forward: windows -> features -> fingerprint -> forecast -> recommendation -> outcome.
--
-- What is computed depends on the rows alone, not on how often or when refresh is called:
-- * a window closes at the earlier of the newest row of its source and as_of;
-- * windows within the lateness bound of the watermark are read again, earlier ones never change, later rows are counted;
-- * models are fitted at boundaries of data time, on windows that cannot change any more.
-- OFFSET 0 keeps the planner from turning a look-up by index into a join that reads a whole table.

-- A workload's fits fall on its own minute of the day, so that ten thousand workloads do not fit at once.
-- 7919 is a prime that spreads neighbouring numbers over the day.
CREATE FUNCTION fit_boundary(workload int, ts timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('1 day', ts, timestamptz '2000-01-01 00:00:00+00' + (workload::bigint * 7919 % 1440) * interval '1 minute');
COMMENT ON FUNCTION fit_boundary(int, timestamptz) IS 'The last boundary at or before ts at which models of a workload are fitted';

CREATE FUNCTION window_start(ts timestamptz, step interval) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin(step, ts, timestamptz '1970-01-01 00:00:00+00');
COMMENT ON FUNCTION window_start(timestamptz, interval) IS 'Start of the window that holds ts';

-- Rounded up to a window: a stretch of windows ends there.
CREATE FUNCTION fingerprint_boundary(workload int, ts timestamptz, step interval) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN window_start(fit_boundary(workload, ts) + step - interval '1 microsecond', step);
COMMENT ON FUNCTION fingerprint_boundary(int, timestamptz, interval) IS 'The first window at or after the last fit boundary before ts';

CREATE FUNCTION kept() RETURNS TABLE (relation name, ts_column name, keep interval)
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT d.relation, d.ts_column, coalesce(r.keep, d.keep)
    FROM (VALUES ('feature'::name, 'ts'::name, interval '100 days'), ('fingerprint', 'ts', '100 days'), ('history', 'chunk', '100 days'),
                 ('model', 'boundary', '100 days'), ('forecast', 'origin', '30 days'), ('outcome', 'target', '100 days'),
                 ('decision', 'decided_at', '400 days'), ('capacity', 'ts', '400 days')) d (relation, ts_column, keep)
    LEFT JOIN retention r USING (relation)
$$;
COMMENT ON FUNCTION kept() IS 'How long each table keeps its rows: the default, or what retention says';

CREATE FUNCTION demand_spec(workload int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT jsonb_build_object('step', w.step, 'lead_time', p.lead_time, 'unit_capacity', p.unit_capacity, 'min_units', p.min_units,
                              'levels', jsonb_build_array(0.5, p.quantile))
    FROM workload w JOIN policy p USING (workload) WHERE w.workload = $1
$$;
COMMENT ON FUNCTION demand_spec(int) IS 'What the demand model of a workload must be fitted for';

-- The workloads of one source, step, agg and fill that nobody else is refreshing, locked until the transaction ends.
-- Those in error, and those far behind, are read apart from the others, which need only a short stretch of the source.
CREATE FUNCTION claim_workloads(workload text, done int[], max_workloads int) RETURNS int[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH head AS (
        SELECT w.source, w.step, w.agg, w.fill, g.status = 'error' AS failed, date_bin('1 hour', g.watermark, timestamptz '2000-01-01 00:00:00+00') AS hour
        FROM workload w JOIN progress g USING (workload)
        WHERE w.enabled AND ($1 IS NULL OR w.name = $1) AND w.workload <> ALL ($2)
        ORDER BY g.status = 'error', w.workload LIMIT 1 FOR UPDATE OF g SKIP LOCKED
    ), claimed AS (
        SELECT w.workload FROM workload w JOIN progress g USING (workload)
        JOIN head h ON (w.source, w.step, w.agg, w.fill, g.status = 'error') = (h.source, h.step, h.agg, h.fill, h.failed)
            AND date_bin('1 hour', g.watermark, timestamptz '2000-01-01 00:00:00+00') IS NOT DISTINCT FROM h.hour
        WHERE w.enabled AND ($1 IS NULL OR w.name = $1) AND w.workload <> ALL ($2)
        ORDER BY w.workload LIMIT $3 FOR UPDATE OF g SKIP LOCKED
    ) SELECT array_agg(c.workload ORDER BY c.workload) FROM claimed c
$$;
COMMENT ON FUNCTION claim_workloads(text, int[], int) IS 'Locks a batch of workloads that can be read in one scan';

-- What retention would delete at once is not read.
CREATE FUNCTION open_workloads(ids int[], oldest timestamptz, newest timestamptz) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
    UPDATE progress g SET first_window = f.ts, watermark = f.ts, fingerprint_due = fingerprint_boundary(g.workload, f.ts + interval '2 days', w.step)
    FROM workload w
    CROSS JOIN LATERAL window_start(greatest($2, $3 - (SELECT k.keep FROM kept() k WHERE k.relation = 'feature')), w.step) f (ts)
    WHERE g.workload = ANY ($1) AND g.watermark IS NULL AND w.workload = g.workload
$$;
COMMENT ON FUNCTION open_workloads(int[], timestamptz, timestamptz) IS 'Gives new workloads their first window';

-- When the metrics of a source have changed, stored features get the new order: what is kept stays, what is new was never measured. Old PCAs
-- would misread them, so the next one is fitted at once. The batch is of one source, so that one list of names serves it.
CREATE FUNCTION adopt_metrics(ids int[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    names text[];
    changed int[];
BEGIN
    SELECT source_feature_names(s.kind, s.metrics) INTO names
    FROM workload w JOIN source s USING (source) WHERE w.workload = ids[1];
    SELECT array_agg(g.workload) INTO changed FROM progress g WHERE g.workload = ANY (ids) AND g.feature_names <> names;
    IF changed IS NOT NULL THEN
        UPDATE feature f SET value = ARRAY(SELECT f.value[array_position(g.feature_names, n.name)] FROM unnest(names) WITH ORDINALITY n (name, i) ORDER BY n.i)
        FROM progress g WHERE g.workload = ANY (changed) AND f.workload = g.workload;
        UPDATE progress g SET fingerprint_due = g.watermark
        WHERE g.workload = ANY (changed) AND EXISTS (SELECT FROM model m WHERE m.workload = g.workload AND m.kind = 'pca' AND m.pca IS NOT NULL);
        UPDATE model m SET status = 'retired' WHERE m.workload = ANY (changed) AND m.kind = 'pca' AND m.status = 'ok';
    END IF;
    UPDATE progress g SET feature_names = names WHERE g.workload = ANY (ids) AND g.feature_names IS DISTINCT FROM names;
END
$$;
COMMENT ON FUNCTION adopt_metrics(int[]) IS 'Brings the features of a batch into the order that the metrics of its source ask for';

-- First when one to two days have been seen, then once a week, on four weeks. Scores keep the coordinates of the model before.
CREATE FUNCTION fit_fingerprint(ids int[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO model AS o (workload, kind, boundary, spec, pca, n_train, metric, status)
    SELECT d.workload, 'pca', d.fingerprint_due, d.spec, pca_align(f.pca, b.pca), n(s.state),
           jsonb_strip_nulls(jsonb_build_object('similarity', round(pca_similarity(f.pca, b.pca)::numeric, 6),
               'absent', (SELECT jsonb_agg(n.name ORDER BY n.i) FROM unnest(d.names, mean(s.state)) WITH ORDINALITY n (name, mean, i) WHERE n.mean IS NULL))),
           CASE WHEN f.pca IS NULL THEN 'short' ELSE 'ok' END
    FROM (
        SELECT g.workload, g.fingerprint_due, g.feature_names AS names, to_jsonb(g.feature_names) AS spec, w.step, w.lateness
        FROM progress g JOIN workload w USING (workload) WHERE g.workload = ANY ($1) AND g.watermark >= g.fingerprint_due
    ) d
    CROSS JOIN LATERAL (
        SELECT pca_agg(f.value) AS state FROM feature f
        WHERE f.workload = d.workload AND f.ts >= d.fingerprint_due - interval '28 days' AND f.ts < window_start(d.fingerprint_due - d.lateness, d.step) AND f.n_row > 0
    ) s
    CROSS JOIN LATERAL (SELECT CASE WHEN n(s.state) >= 60 THEN pca_fit(s.state, variance => 0.95) END AS pca OFFSET 0) f
    LEFT JOIN LATERAL (
        SELECT m.pca FROM model m
        WHERE m.workload = d.workload AND m.kind = 'pca' AND m.spec = d.spec AND m.boundary < d.fingerprint_due AND m.pca IS NOT NULL
        ORDER BY m.boundary DESC LIMIT 1
    ) b ON true
    ON CONFLICT (workload, kind, boundary, spec) DO UPDATE SET pca = EXCLUDED.pca, n_train = EXCLUDED.n_train, metric = EXCLUDED.metric, status = EXCLUDED.status
    WHERE o.status = 'retired';
    UPDATE progress g SET fingerprint_due = fingerprint_boundary(g.workload, g.fingerprint_due + interval '7 days', w.step)
    FROM workload w WHERE g.workload = ANY ($1) AND g.watermark >= g.fingerprint_due AND w.workload = g.workload
$$;
COMMENT ON FUNCTION fit_fingerprint(int[]) IS 'Fits the PCA of workloads whose boundary has come, in the coordinates of the one before';

-- check_from .. keep_from: only counted for late rows; keep_from .. until: computed (again).
CREATE FUNCTION store_features(source int, ids int[], check_from timestamptz[], keep_from timestamptz[], until timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    WITH span AS (
        SELECT s.* FROM unnest($2, $4) s (workload, keep_from)
    ), seen AS MATERIALIZED (
        SELECT r.*, s.keep_from FROM read_windows($1, $2, $3, $5) r JOIN span s USING (workload)
    ), late AS (
        UPDATE feature f SET n_late = s.n_row - x.n_row
        FROM seen s
        CROSS JOIN LATERAL (SELECT x.ctid AS row_id, x.n_row, x.n_late FROM feature x WHERE x.workload = s.workload AND x.ts = s.ts OFFSET 0) x
        WHERE s.ts < s.keep_from AND s.n_row > x.n_row + x.n_late AND f.ctid = x.row_id
    ), opened AS (
        -- windows before a workload's first sample are not gaps
        SELECT u.workload, min(s.ts) FILTER (WHERE s.n_row > 0) AS ts
        FROM (SELECT p.workload FROM span p WHERE (SELECT f.ts FROM feature f WHERE f.workload = p.workload ORDER BY f.ts DESC LIMIT 1) IS NULL OFFSET 0) u JOIN seen s USING (workload) GROUP BY u.workload
    )
    INSERT INTO feature AS f (workload, ts, n_row, n_null, n_nonfinite, imputed, demand, value)
    SELECT s.workload, s.ts, s.n_row, s.n_null, s.n_nonfinite, s.imputed, s.demand, s.value
    FROM seen s LEFT JOIN opened o USING (workload)
    WHERE s.ts >= s.keep_from AND (o.workload IS NULL OR s.ts >= o.ts)
    ON CONFLICT (workload, ts) DO UPDATE SET n_row = EXCLUDED.n_row, n_null = EXCLUDED.n_null, n_nonfinite = EXCLUDED.n_nonfinite,
        n_late = 0, imputed = EXCLUDED.imputed, demand = EXCLUDED.demand, value = EXCLUDED.value
    WHERE (f.n_row, f.n_null, f.n_nonfinite, f.imputed, f.demand, f.value)
        IS DISTINCT FROM (EXCLUDED.n_row, EXCLUDED.n_null, EXCLUDED.n_nonfinite, EXCLUDED.imputed, EXCLUDED.demand, EXCLUDED.value)
$$;
COMMENT ON FUNCTION store_features(int, int[], timestamptz[], timestamptz[], timestamptz[]) IS 'Reads the windows of a batch in one scan and stores their features';

CREATE FUNCTION store_history(ids int[], since timestamptz[], until timestamptz[], step interval) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO history (workload, chunk, demand)
    SELECT s.workload, c.chunk, c.demand
    FROM unnest($1, $2, $3) s (workload, since, until)
    CROSS JOIN LATERAL (
        SELECT window_start(f.ts, $4 * 60) AS chunk,
               series_agg(f.ts, f.demand) FILTER (WHERE f.demand IS NOT NULL AND NOT f.imputed) AS demand
        FROM feature f
        WHERE f.workload = s.workload AND f.ts >= window_start(s.since, $4 * 60) AND f.ts < s.until
        GROUP BY 1
    ) c
    ON CONFLICT (workload, chunk) DO UPDATE SET demand = EXCLUDED.demand
$$;
COMMENT ON FUNCTION store_history(int[], timestamptz[], timestamptz[], interval) IS 'Rewrites the chunks of demand that windows from since on fall into';

CREATE FUNCTION store_fingerprints(ids int[], since timestamptz[], until timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO fingerprint AS o (workload, ts, model, fingerprint, utilization)
    SELECT s.workload, f.ts, m.model, pca_project(m.pca, f.value), f.demand / nullif(c.units_ready * p.unit_capacity, 0)
    FROM unnest($1, $2, $3) s (workload, since, until)
    JOIN policy p USING (workload)
    CROSS JOIN LATERAL (
        SELECT m.model, m.pca, m.status, m.boundary, lead(m.boundary, 1, 'infinity') OVER (ORDER BY m.boundary, m.model) AS until
        FROM model m WHERE m.workload = s.workload AND m.kind = 'pca' AND m.boundary < s.until
    ) m
    CROSS JOIN LATERAL (
        SELECT f.ts, f.demand, f.value FROM feature f
        WHERE f.workload = s.workload AND f.ts >= greatest(s.since, m.boundary) AND f.ts < least(s.until, m.until) AND f.n_row > 0
        OFFSET 0
    ) f
    LEFT JOIN LATERAL (SELECT c.units_ready FROM capacity c WHERE c.workload = s.workload AND c.ts <= f.ts ORDER BY c.ts DESC LIMIT 1) c ON true
    WHERE m.pca IS NOT NULL AND m.status <> 'retired' AND m.until > s.since
    ON CONFLICT (workload, ts) DO UPDATE SET model = EXCLUDED.model, fingerprint = EXCLUDED.fingerprint, utilization = EXCLUDED.utilization
    WHERE (o.model, o.fingerprint, o.utilization) IS DISTINCT FROM (EXCLUDED.model, EXCLUDED.fingerprint, EXCLUDED.utilization)
$$;
COMMENT ON FUNCTION store_fingerprints(int[], timestamptz[], timestamptz[]) IS 'Projects windows on the PCA that was current at their time';

CREATE FUNCTION fit_demand(ids int[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO model (workload, kind, boundary, spec, parameter, n_train, metric, status)
    SELECT d.workload, 'demand', d.boundary, d.spec, f.model, f.n_train, jsonb_build_object('pinball', f.pinball), f.status
    FROM (
        SELECT g.workload, w.step, w.lateness, p.lead_time, p.unit_capacity, p.min_units, p.quantile,
               fit_boundary(g.workload, g.watermark) AS boundary, demand_spec(g.workload) AS spec
        FROM progress g JOIN workload w USING (workload) JOIN policy p USING (workload)
        WHERE g.workload = ANY ($1) AND p.unit_capacity IS NOT NULL AND g.watermark > g.first_window
          AND NOT EXISTS (SELECT FROM model m WHERE m.workload = g.workload AND m.kind = 'demand'
                          AND m.boundary = fit_boundary(g.workload, g.watermark) AND m.spec = demand_spec(g.workload))
        OFFSET 0
    ) d
    CROSS JOIN LATERAL (
        SELECT rollup(h.demand) AS demand FROM history h
        WHERE h.workload = d.workload AND h.chunk >= d.boundary - interval '90 days' AND h.chunk < d.boundary
    ) h
    CROSS JOIN LATERAL demand_fit(h.demand, d.step, d.lead_time, d.unit_capacity, d.min_units, ARRAY[0.5, d.quantile], window_start(d.boundary - d.lateness, d.step)) f
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION fit_demand(int[]) IS 'Fits the demand models that are due: daily, and when the policy asks for another one';

CREATE FUNCTION store_forecasts(ids int[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    WITH expected AS MATERIALIZED (
        SELECT g.workload, g.watermark AS origin, m.model, f.*, ARRAY[0.5, p.quantile] AS levels
        FROM progress g JOIN workload w USING (workload) JOIN policy p USING (workload)
        LEFT JOIN LATERAL (
            SELECT m.model, m.parameter FROM model m
            WHERE m.workload = g.workload AND m.kind = 'demand' AND m.boundary <= g.watermark AND m.spec = demand_spec(g.workload) AND m.parameter IS NOT NULL
            ORDER BY m.boundary DESC LIMIT 1
        ) m ON true
        CROSS JOIN LATERAL (
            SELECT rollup(h.demand) AS demand FROM history h
            WHERE h.workload = g.workload AND h.chunk >= g.watermark - interval '7 days 5 hours' - w.step * 60 AND h.chunk < g.watermark
        ) h
        CROSS JOIN LATERAL demand_predict(m.parameter, h.demand, w.step, g.watermark, p.hold, p.scale_in_window) f
        WHERE g.workload = ANY ($1)
    ), last AS (
        SELECT e.workload, l.revision, l.q, l.model, l.demand FROM expected e
        CROSS JOIN LATERAL (SELECT t.revision, t.q, t.model, t.demand FROM forecast t WHERE t.workload = e.workload AND t.origin = e.origin
                            ORDER BY t.revision DESC LIMIT 1) l
    ), appended AS (
        INSERT INTO forecast (workload, origin, revision, target, levels, q, demand, model, status)
        SELECT e.workload, e.origin, coalesce(l.revision + 1, 0), e.target, e.levels, e.q, e.demand, e.model, e.status
        FROM expected e LEFT JOIN last l USING (workload)
        WHERE e.status = 'ok' AND (l.workload IS NULL OR (l.q, l.model, l.demand) IS DISTINCT FROM (e.q, e.model, e.demand))
        RETURNING workload, revision
    )
    UPDATE progress g SET demand = e.demand, demand_peak = e.demand_peak, forecast = e.q[cardinality(e.q)], forecast_peak = e.upper_peak,
        forecast_target = e.target, model = e.model, revision = coalesce(a.revision, l.revision),
        status = CASE WHEN p.unit_capacity IS NULL THEN 'no_capacity' ELSE e.status END,
        message = CASE WHEN p.unit_capacity IS NULL THEN 'the policy does not say what one unit carries'
                       WHEN e.status = 'no_model' THEN 'too little history for a forecast: only the reactive rule applies'
                       WHEN e.status = 'no_history' THEN 'no earlier day is known around this time: only the reactive rule applies'
                       WHEN e.status = 'no_demand' THEN 'the last windows have no sample: capacity is held' END,
        hint = CASE WHEN p.unit_capacity IS NULL THEN 'Give unit_capacity to set_policy.'
                    WHEN e.status = 'no_demand' THEN 'Look whether rows still arrive in the source.' END,
        code = NULL
    FROM expected e LEFT JOIN last l USING (workload) LEFT JOIN appended a USING (workload) JOIN policy p USING (workload)
    WHERE g.workload = e.workload
$$;
COMMENT ON FUNCTION store_forecasts(int[]) IS 'Forecasts demand at the lead time from the newest origin and updates the recommendation';

CREATE FUNCTION store_outcomes(ids int[], since timestamptz[], until timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO outcome AS o (workload, origin, revision, target, levels, q, actual, pinball)
    SELECT s.workload, f.origin, f.revision, f.target, f.levels, f.q, d.demand,
           (SELECT array_agg(pinball(l.level, f.q[l.i], d.demand) ORDER BY l.i) FROM unnest(f.levels) WITH ORDINALITY l (level, i))
    FROM unnest($1, $2, $3) s (workload, since, until)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (t.origin) t.* FROM forecast t
        WHERE t.workload = s.workload AND t.target >= s.since AND t.target < s.until ORDER BY t.origin, t.revision DESC
    ) f
    JOIN LATERAL (SELECT d.demand FROM feature d WHERE d.workload = s.workload AND d.ts = f.target AND d.demand IS NOT NULL AND NOT d.imputed OFFSET 0) d ON true
    ON CONFLICT (workload, origin) DO UPDATE SET revision = EXCLUDED.revision, q = EXCLUDED.q, actual = EXCLUDED.actual, pinball = EXCLUDED.pinball
    WHERE (o.revision, o.actual) IS DISTINCT FROM (EXCLUDED.revision, EXCLUDED.actual)
$$;
COMMENT ON FUNCTION store_outcomes(int[], timestamptz[], timestamptz[]) IS 'Puts beside each forecast what came in its window';

-- The newest model of a kind stays however old it is: nothing could be projected or forecast without it. Rows are found by workload and time one
-- workload after the other: without statistics, as after a first refresh, a join would read whole tables.
CREATE FUNCTION delete_expired(ids int[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    rule record;
BEGIN
    FOR rule IN SELECT k.* FROM kept() k LOOP
        EXECUTE format('DELETE FROM prescale.%1$I t WHERE t.ctid = ANY (ARRAY(SELECT x.row_id FROM prescale.progress g CROSS JOIN LATERAL '
                       '(SELECT x.ctid AS row_id FROM prescale.%1$I x WHERE x.workload = g.workload AND x.%2$I < g.watermark - $2 OFFSET 0) x WHERE g.workload = ANY ($1)))',
                       rule.relation, rule.ts_column)
            || CASE rule.relation WHEN 'model' THEN
                ' AND EXISTS (SELECT FROM prescale.model n WHERE n.workload = t.workload AND n.kind = t.kind AND n.status <> ''short'' AND n.boundary > t.boundary)'
               ELSE '' END
            USING ids, rule.keep;
    END LOOP;
END
$$;
COMMENT ON FUNCTION delete_expired(int[]) IS 'Deletes what retention says is too old';

-- Advances a batch by one stretch; returns the workloads that have caught up with as_of.
-- A stretch holds at most 200,000 windows, which bounds memory and the length of a transaction. All of a batch go to the same instant, so that
-- one scan reads them together the next time too; those with a PCA boundary on the way stop there to be fitted, and follow in another pass.
CREATE FUNCTION advance_workloads(ids int[], as_of timestamptz) RETURNS int[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    batch record;
    bounds record;
    closing timestamptz;
    stretch interval;
    goal timestamptz;
    spans record;
    is_first bool := true;
    caught_up int[] := '{}';
BEGIN
    SELECT w.source, w.step, s.added_by, s.relation_schema, s.relation_name INTO batch
    FROM workload w JOIN source s USING (source) WHERE w.workload = ids[1];
    PERFORM check_select(batch.added_by, batch.relation_schema, batch.relation_name);
    stretch := batch.step * greatest(60, 200000 / cardinality(ids));
    -- The end of a backlog need not be looked for in every stretch: without an index on time that reads the rest of the source.
    SELECT NULL::timestamptz AS oldest, min(g.newest) AS newest, max(g.n_future) AS n_future INTO bounds
    FROM progress g WHERE g.workload = ANY (ids) HAVING bool_and(coalesce(g.newest <= as_of AND g.newest >= g.watermark + stretch, false));
    IF NOT FOUND THEN
        SELECT b.* INTO bounds FROM source_bounds(batch.source,
            (SELECT CASE WHEN bool_and(g.watermark IS NOT NULL) THEN min(g.watermark - w.lateness) END
             FROM progress g JOIN workload w USING (workload) WHERE g.workload = ANY (ids)), as_of) b;
    END IF;
    IF bounds.oldest IS NOT NULL THEN
        PERFORM open_workloads(ids, bounds.oldest, least(bounds.newest, as_of));
    END IF;
    closing := window_start(least(bounds.newest, as_of), batch.step);
    PERFORM adopt_metrics(ids);
    goal := least(closing, (SELECT min(g.watermark) + stretch FROM progress g WHERE g.workload = ANY (ids)));

    LOOP
        PERFORM fit_fingerprint(ids);
        SELECT array_agg(g.workload) AS ids, array_agg(greatest(g.first_window, window_start(g.watermark - 10 * w.lateness, w.step))) AS check_from,
               array_agg(greatest(g.first_window, window_start(g.watermark - w.lateness, w.step))) AS keep_from,
               array_agg(u.until) AS until,
               array_agg(g.workload) FILTER (WHERE fit_boundary(g.workload, g.watermark) < fit_boundary(g.workload, u.until)) AS new_day,
               coalesce(array_agg(g.workload) FILTER (WHERE u.until >= closing), '{}') AS last_stretch
        INTO spans
        FROM progress g JOIN workload w USING (workload)
        CROSS JOIN LATERAL (SELECT greatest(g.watermark, least(goal, g.fingerprint_due)) AS until) u
        WHERE g.workload = ANY (ids) AND (g.watermark < goal OR is_first AND g.watermark IS NOT NULL);
        EXIT WHEN spans.ids IS NULL;
        PERFORM store_features(batch.source, spans.ids, spans.check_from, spans.keep_from, spans.until);
        PERFORM store_history(spans.ids, spans.keep_from, spans.until, batch.step);
        PERFORM store_fingerprints(spans.ids, spans.keep_from, spans.until);
        UPDATE progress g SET watermark = s.until FROM unnest(spans.ids, spans.until) s (workload, until) WHERE g.workload = s.workload;
        PERFORM fit_demand(spans.last_stretch);
        PERFORM store_forecasts(spans.last_stretch);
        PERFORM store_outcomes(spans.ids, spans.keep_from, spans.until);
        PERFORM delete_expired(spans.new_day);
        caught_up := caught_up || spans.last_stretch;
        is_first := false;
    END LOOP;
    UPDATE progress g SET refreshed_at = as_of, newest = bounds.newest, n_future = bounds.n_future WHERE g.workload = ANY (ids);
    UPDATE progress g SET status = 'no_samples', message = 'the source has no row for this workload yet', code = NULL,
        hint = 'Look whether source_key and demand name what is in the source.'
    WHERE g.workload = ANY (ids) AND (SELECT f.ts FROM feature f WHERE f.workload = g.workload ORDER BY f.ts DESC LIMIT 1) IS NULL;
    RETURN caught_up || ARRAY(SELECT g.workload FROM progress g WHERE g.workload = ANY (ids) AND g.watermark IS NULL);
END
$$;
COMMENT ON FUNCTION advance_workloads(int[], timestamptz) IS 'Moves a batch of workloads forward by one stretch; returns those that have caught up';

-- One bad workload becomes a status; halving finds it without trying every other one alone.
CREATE FUNCTION refresh_batch(ids int[], as_of timestamptz) RETURNS int[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    half int := cardinality(ids) / 2;
    what text;
    advice text;
BEGIN
    RETURN advance_workloads(ids, as_of);
EXCEPTION
    WHEN transaction_rollback OR operator_intervention OR insufficient_resources THEN
        RAISE;
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS what = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
        -- class 42 (no such table or column, no right, wrong type) is about the source, which the whole batch shares
        IF half = 0 OR SQLSTATE LIKE '42%' THEN
            UPDATE progress g SET status = 'error', code = SQLSTATE, message = what, hint = nullif(advice, ''), refreshed_at = as_of
            WHERE g.workload = ANY (ids);
            RETURN ids;
        END IF;
        RETURN refresh_batch(ids[:half], as_of) || refresh_batch(ids[half + 1:], as_of);
END
$$;
COMMENT ON FUNCTION refresh_batch(int[], timestamptz) IS 'As advance_workloads, but a failure becomes the status of the workloads that it concerns';

CREATE FUNCTION check_refresh(workload text, as_of timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'refresh writes, and this server is a standby' USING ERRCODE = 'read_only_sql_transaction',
            HINT = 'Call it on the primary; the results come here by replication.';
    END IF;
    IF NOT isfinite(coalesce(as_of, now())) THEN
        RAISE EXCEPTION 'as_of % is not a point in time', as_of USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for now.';
    END IF;
    IF workload IS NOT NULL THEN
        PERFORM find_workload(workload);
    END IF;
END
$$;
COMMENT ON FUNCTION check_refresh(text, timestamptz) IS 'Checks the arguments of refresh';

-- No SET clause is possible in a procedure that commits: hence the first statement of every transaction, and qualified names.
-- Every round gives each workload one stretch, so that a long backlog keeps nobody waiting.
CREATE PROCEDURE refresh(workload text DEFAULT NULL, as_of timestamptz DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    done int[] := '{}';
    behind bool := true;
    seen int[];
    ids int[];
    caught_up int[];
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    PERFORM prescale.check_refresh(workload, as_of);
    COMMIT;
    WHILE behind LOOP
        behind := false;
        seen := done;
        LOOP
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            ids := prescale.claim_workloads(workload, seen, 500);
            EXIT WHEN ids IS NULL;
            caught_up := prescale.refresh_batch(ids, coalesce(as_of, clock_timestamp()));
            COMMIT;
            seen := seen || ids;
            done := done || caught_up;
            behind := behind OR NOT ids <@ caught_up;
        END LOOP;
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE refresh(text, timestamptz) IS
    'Moves one workload, or all, forward to as_of (now); commits in batches, so it cannot run inside a transaction block; concurrent calls share the work';

CREATE FUNCTION refresh_workload(workload text, as_of timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id int := find_workload(workload);
    until timestamptz := coalesce(as_of, clock_timestamp());
    state text;
BEGIN
    PERFORM check_refresh(workload, as_of);
    PERFORM FROM progress g WHERE g.workload = id FOR UPDATE;
    WHILE id <> ALL (refresh_batch(ARRAY[id], until)) LOOP
    END LOOP;
    SELECT g.status INTO state FROM progress g WHERE g.workload = id;
    RETURN state;
END
$$;
COMMENT ON FUNCTION refresh_workload(text, timestamptz) IS 'As refresh, for one workload and inside a transaction; returns its status';
