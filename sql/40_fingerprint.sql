-- Stage fingerprint: feature vectors in few numbers, beside utilisation.

CREATE SEQUENCE model_id;
COMMENT ON SEQUENCE model_id IS 'Numbers models';

CREATE TABLE model (
    model     int PRIMARY KEY DEFAULT nextval('prescale.model_id'),
    workload  int NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('pca', 'demand')),
    boundary  timestamptz NOT NULL,
    spec      jsonb NOT NULL,
    pca       pca_model,
    parameter jsonb,
    n_train   int NOT NULL,
    metric    jsonb NOT NULL DEFAULT '{}',
    status    text NOT NULL,
    UNIQUE (workload, kind, boundary, spec)
);
COMMENT ON TABLE model IS 'Fitted models: one row a workload, kind, boundary in data time and specification; a model has seen earlier windows only';
COMMENT ON COLUMN model.model IS 'Number of the model';
COMMENT ON COLUMN model.workload IS 'Workload';
COMMENT ON COLUMN model.kind IS 'pca (fingerprint) or demand (quantile regression at the lead time)';
COMMENT ON COLUMN model.boundary IS 'It serves windows from here on';
COMMENT ON COLUMN model.spec IS 'What it was fitted for; another policy needs another model';
COMMENT ON COLUMN model.pca IS 'The PCA';
COMMENT ON COLUMN model.parameter IS 'The coefficients of a demand model';
COMMENT ON COLUMN model.n_train IS 'Rows it was fitted on';
COMMENT ON COLUMN model.metric IS 'pca: similarity to the model before, and absent features; demand: how well it fits';
COMMENT ON COLUMN model.status IS 'ok, short, constant, or retired (made for other features than the workload has now)';

CREATE TABLE fingerprint (
    workload    int NOT NULL,
    ts          timestamptz NOT NULL,
    model       int NOT NULL,
    fingerprint float8[] NOT NULL,
    utilization float8,
    PRIMARY KEY (workload, ts)
);
COMMENT ON TABLE fingerprint IS 'Principal components of every window''s features, beside the utilisation of the target';
COMMENT ON COLUMN fingerprint.workload IS 'Workload';
COMMENT ON COLUMN fingerprint.ts IS 'Start of the window';
COMMENT ON COLUMN fingerprint.model IS 'PCA that it was computed with';
COMMENT ON COLUMN fingerprint.fingerprint IS 'Scores, largest component first';
COMMENT ON COLUMN fingerprint.utilization IS 'Demand over the capacity of the ready units; NULL where these are not known';
