-- Who owns what, who may do what, and what pg_dump carries.

DO $own$
DECLARE
    o record;
BEGIN
    FOR o IN SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
             FROM pg_class c WHERE c.relnamespace = 'prescale'::regnamespace AND c.relkind IN ('r', 'v', 'S') LOOP
        EXECUTE format('ALTER %s prescale.%I OWNER TO @extowner@', o.kind, o.relname);
    END LOOP;
    -- Pure functions are for everybody, and those on any table, which read what their caller may read; the rest the owner hands on.
    FOR o IN SELECT p.oid::regprocedure AS name, CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind
             FROM pg_proc p WHERE p.pronamespace = 'prescale'::regnamespace AND p.prokind IN ('f', 'p') AND p.provolatile <> 'i'
               AND p.proname NOT IN ('fit_report', 'backtest', 'forecast_table', 'backtest_table', 'series_query', 'check_column_types') LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC', o.kind, o.name);
        EXECUTE format('GRANT EXECUTE ON %s %s TO @extowner@ WITH GRANT OPTION', o.kind, o.name);
    END LOOP;
END
$own$;

GRANT USAGE ON SCHEMA prescale TO PUBLIC;
GRANT EXECUTE ON FUNCTION check_column(regclass, name) TO PUBLIC;

CREATE FUNCTION grant_reader(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA prescale TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.workload_feature_names(int), prescale.find_workload(text), prescale.explain(bigint), prescale.explain(text), '
        'prescale.nearest(float8[], int, int, text, timestamptz, timestamptz), prescale.workload_nearest(text, timestamptz, int, interval, text, timestamptz), '
        'prescale.workload_regimes(text, timestamptz, timestamptz, int, bigint) TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.find_model(text), '
        'prescale.predict(text, interval, jsonb, float8, float8[]) TO %s', role);
END
$$;
COMMENT ON FUNCTION grant_reader(regrole) IS 'Lets a role read everything that prescale stores';

CREATE FUNCTION grant_operator(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM grant_reader(role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.source, prescale.workload, prescale.policy, prescale.retention TO %s', role);
    EXECUTE format('GRANT INSERT, DELETE ON prescale.progress TO %s', role);
    EXECUTE format('GRANT DELETE ON prescale.feature, prescale.fingerprint, prescale.history, prescale.model, prescale.forecast, prescale.outcome, prescale.decision, prescale.capacity TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.source_id, prescale.workload_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.check_select(name, name, name), prescale.check_source_right(), prescale.source_preview(regclass, text, name, name, name, name, int), '
        'prescale.add_source(text, regclass, text, name, name, name, name, text[], name, name, name, name, interval, bool), prescale.set_metrics(text, text[]), prescale.drop_source(text), '
        'prescale.add_workload(text, text, text, text, text, interval, text, interval, jsonb, int), prescale.drop_workload(text), '
        'prescale.set_policy(text, text, float8, float8, float8, int, int, interval, float8, int, float8, float8, float8, float8, interval, int, int, interval, numeric), '
        'prescale.pause(text, text, timestamptz), prescale.resume(text), prescale.notify_worker() TO %s', role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.forecast_model, prescale.forecast_model_version, prescale.forecast_model_series TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.forecast_model_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.check_model_right(), prescale.check_model_owner(prescale.forecast_model), prescale.read_model_spec(jsonb), prescale.best_model_version(bigint), '
        'prescale.qualified_name(regclass), prescale.check_model_relation(regclass, name[]), prescale.check_model_influences(regclass, regclass, name[]), prescale.columns_among(text, name[]), '
        'prescale.rows_of_key(text, name[], name[], regclass, jsonb), '
        'prescale.create_model(text, regclass, name, name, name[], interval, jsonb, regclass, regclass), prescale.fit(text, timestamptz), prescale.add_model_version(prescale.forecast_model, timestamptz), '
        'prescale.finish_model_version(prescale.forecast_model, int, int, int), prescale.observe(text, jsonb, timestamptz, float8, float8[]), prescale.fit_pool(prescale.forecast_model, text, bigint, timestamptz), '
        'prescale.deploy(text, text), prescale.deploy(text, int), prescale.rollback(text), prescale.drop_model(text) TO %s', role);
END
$$;
COMMENT ON FUNCTION grant_operator(regrole) IS 'Lets a role add sources and workloads, set policies, pause and resume';

CREATE FUNCTION grant_worker(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM grant_reader(role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.progress, prescale.feature, prescale.fingerprint, prescale.history, prescale.model, prescale.forecast, '
        'prescale.outcome, prescale.decision, prescale.capacity, prescale.lease TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.model_id, prescale.decision_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.source_bounds(int, timestamptz, timestamptz), prescale.read_windows(int, int[], timestamptz[], timestamptz[]), '
        'prescale.demand_spec(int), prescale.claim_workloads(text, int[], int), prescale.kept(), prescale.open_workloads(int[], timestamptz, timestamptz), prescale.adopt_metrics(int[]), prescale.fit_fingerprint(int[]), '
        'prescale.check_select(name, name, name), prescale.store_features(int, int[], timestamptz[], timestamptz[], timestamptz[]), prescale.store_history(int[], timestamptz[], timestamptz[], interval), '
        'prescale.store_fingerprints(int[], timestamptz[], timestamptz[]), prescale.fit_demand(int[]), prescale.store_forecasts(int[]), '
        'prescale.store_outcomes(int[], timestamptz[], timestamptz[]), prescale.delete_expired(int[]), prescale.advance_workloads(int[], timestamptz), '
        'prescale.refresh_batch(int[], timestamptz), prescale.check_refresh(text, timestamptz), prescale.refresh_workload(text, timestamptz), '
        'prescale.acquire_lease(int, text, interval), prescale.release_lease(int, text, bigint), prescale.check_lease(int, bigint), '
        'prescale.record_decision(int, bigint, text, jsonb, timestamptz), prescale.record_result(int, bigint, jsonb, timestamptz), '
        'prescale.record_capacity(int, bigint, jsonb, timestamptz) TO %s', role);
    EXECUTE format('GRANT EXECUTE ON PROCEDURE prescale.refresh(text, timestamptz) TO %s', role);
END
$$;
COMMENT ON FUNCTION grant_worker(regrole) IS 'Lets a role run the worker; it also needs SELECT on the sources themselves';

REVOKE ALL ON FUNCTION grant_reader(regrole), grant_operator(regrole), grant_worker(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grant_reader(regrole), grant_operator(regrole), grant_worker(regrole) TO @extowner@;

-- A lease is not carried: a restored database has no leader. One statement each: every call updates the same row of pg_extension.
DO $dump$
DECLARE
    o regclass;
BEGIN
    FOR o IN SELECT c.oid FROM pg_class c
             WHERE c.relnamespace = 'prescale'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname <> 'lease' ORDER BY c.relname COLLATE "C" LOOP
        PERFORM pg_extension_config_dump(o, '');
    END LOOP;
END
$dump$;
