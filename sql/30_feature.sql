-- Stage feature: named numbers of every window.

CREATE TABLE feature (
    workload    int NOT NULL,
    ts          timestamptz NOT NULL,
    n_row       int NOT NULL,
    n_null      int NOT NULL,
    n_nonfinite int NOT NULL,
    n_late      int NOT NULL DEFAULT 0,
    imputed     bool NOT NULL,
    demand      float8,
    value       float8[] NOT NULL,
    PRIMARY KEY (workload, ts)
);
COMMENT ON TABLE feature IS 'One row a window: demand and the feature vector; names are in the view feature_value';
COMMENT ON COLUMN feature.workload IS 'Workload';
COMMENT ON COLUMN feature.ts IS 'Start of the window';
COMMENT ON COLUMN feature.n_row IS 'Rows of the source that fell into it; 0 is a gap';
COMMENT ON COLUMN feature.n_null IS 'Of these, rows without a value';
COMMENT ON COLUMN feature.n_nonfinite IS 'Of these, rows that were NaN or infinite';
COMMENT ON COLUMN feature.n_late IS 'Rows that came after the lateness bound: counted here, not in the features';
COMMENT ON COLUMN feature.imputed IS 'Whether demand was filled in';
COMMENT ON COLUMN feature.demand IS 'Demand, in the unit of the workload';
COMMENT ON COLUMN feature.value IS 'Feature vector, in the order of workload_feature_names(workload)';

CREATE FUNCTION source_feature_names(kind text, metrics text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN kind = 'request' THEN feature_names(request_feature_names(metrics), false) ELSE feature_names(metrics, true) END;
COMMENT ON FUNCTION source_feature_names(text, text[]) IS 'Names of the values of feature vectors from a source of this kind with these metrics';

CREATE FUNCTION workload_feature_names(workload int) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT coalesce(g.feature_names, source_feature_names(s.kind, s.metrics))
    FROM workload w JOIN source s USING (source) LEFT JOIN progress g USING (workload) WHERE w.workload = $1
$$;
COMMENT ON FUNCTION workload_feature_names(int) IS 'Names of the values of a workload''s feature vectors';

CREATE VIEW feature_value AS
    SELECT w.name AS workload, f.ts, n.name, f.value[n.ordinality] AS value
    FROM workload w JOIN feature f USING (workload)
    CROSS JOIN LATERAL unnest(workload_feature_names(w.workload)) WITH ORDINALITY n (name, ordinality);
COMMENT ON VIEW feature_value IS 'Features by name: one row a workload, window and feature';
COMMENT ON COLUMN feature_value.workload IS 'Name of the workload';
COMMENT ON COLUMN feature_value.ts IS 'Start of the window';
COMMENT ON COLUMN feature_value.name IS 'Name of the feature';
COMMENT ON COLUMN feature_value.value IS 'Value; NULL where the window does not have it';
