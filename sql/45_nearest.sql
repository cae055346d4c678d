-- Stage fingerprint: searching and grouping the fingerprints of managed workloads.

CREATE FUNCTION nearest(fingerprint float8[], k int DEFAULT 5, model int DEFAULT NULL, among text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (workload text, ts timestamptz, distance float8, utilization float8)
-- The arguments decide which conditions there are at all: each call is planned for its own.
LANGUAGE plpgsql STABLE ROWS 5 COST 100000 SET search_path = pg_catalog, prescale, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    owner int := CASE WHEN among IS NOT NULL THEN find_workload(among) END;
    used int := $3;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k must be at least 1, not %', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give how many fingerprints to return.';
    END IF;
    IF $1 IS NULL THEN
        RETURN;
    END IF;
    -- NULL elements and NaN are refused also where there is nothing to compare with
    PERFORM fingerprint_distance($1, $1);
    IF used IS NULL AND owner IS NOT NULL THEN
        SELECT f.model INTO used FROM prescale.fingerprint f WHERE f.workload = owner ORDER BY f.ts DESC LIMIT 1;
    ELSIF used IS NULL THEN
        RAISE EXCEPTION 'neither model nor among is given' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Fingerprints of different models cannot be compared: give the model of this one, or the workload to search among.';
    END IF;
    RETURN QUERY
        SELECT w.name, n.ts, n.distance, n.utilization
        FROM (SELECT f.workload, f.ts, f.utilization, fingerprint_distance(f.fingerprint, $1) AS distance
              FROM prescale.fingerprint f
              WHERE f.model = used AND (owner IS NULL OR f.workload = owner) AND ($5 IS NULL OR f.ts >= $5) AND ($6 IS NULL OR f.ts < $6)
              ORDER BY 4, f.ts DESC, f.workload LIMIT $2) n
        LEFT JOIN prescale.workload w USING (workload)
        ORDER BY n.distance, n.ts DESC, n.workload;
END
$$;
COMMENT ON FUNCTION nearest(float8[], int, int, text, timestamptz, timestamptz) IS
    'The k stored fingerprints nearest to one, among those of the same model (default: the newest of the workload among), in [since, until)';

CREATE FUNCTION workload_nearest(name text, at timestamptz DEFAULT NULL, k int DEFAULT 5, apart interval DEFAULT '1 hour',
    among text DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (workload text, ts timestamptz, distance float8, utilization float8)
LANGUAGE sql STABLE ROWS 5 COST 100000 SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT n.*
    FROM (SELECT f.* FROM prescale.fingerprint f WHERE f.workload = find_workload($1) AND f.ts <= coalesce($2, 'infinity') ORDER BY f.ts DESC LIMIT 1) f,
         nearest(f.fingerprint, $3, f.model, $5, $6, f.ts - $4) n
$$;
COMMENT ON FUNCTION workload_nearest(text, timestamptz, int, interval, text, timestamptz) IS
    'The k windows before, apart at least, that were most like the newest window of a workload (or the one at a time)';

CREATE FUNCTION workload_regimes(workload text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, k int DEFAULT NULL, seed bigint DEFAULT 1)
RETURNS TABLE (regime int, name text, n bigint, share float8, feature text[], centre float8[], difference float8[])
LANGUAGE sql STABLE ROWS 4 COST 1000000 SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH inside AS MATERIALIZED (
        SELECT f.* FROM prescale.fingerprint f
        WHERE f.workload = find_workload($1) AND ($2 IS NULL OR f.ts >= $2) AND ($3 IS NULL OR f.ts < $3)
    ), newest AS (
        SELECT m.model, m.pca, ARRAY(SELECT jsonb_array_elements_text(m.spec)) AS feature
        FROM inside i JOIN prescale.model m USING (model) ORDER BY i.ts DESC LIMIT 1
    )
    SELECT r.regime, r.name, r.n, r.share, m.feature, r.centre, r.difference
    FROM newest m,
         LATERAL (SELECT regime_fit(vector_agg(extract(epoch FROM i.ts)::bigint, i.fingerprint), $4, $5) AS fit FROM inside i WHERE i.model = m.model) f,
         regimes(f.fit, m.feature, m.pca) r
$$;
COMMENT ON FUNCTION workload_regimes(text, timestamptz, timestamptz, int, bigint) IS
    'Operating regimes of a workload in [since, until), among the fingerprints of the newest model there, in terms of its features';
