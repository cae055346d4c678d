-- Stage window: which workloads there are, how their samples become windows, and how far each has come.

CREATE SEQUENCE workload_id;
COMMENT ON SEQUENCE workload_id IS 'Numbers workloads';

CREATE TABLE workload (
    workload   int PRIMARY KEY DEFAULT nextval('prescale.workload_id'),
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    source     int NOT NULL REFERENCES source,
    source_key text,
    demand     text,
    agg        text NOT NULL DEFAULT 'mean' CHECK (agg IN ('mean', 'sum', 'min', 'max', 'count', 'last')),
    step       interval NOT NULL DEFAULT '1 minute' CHECK (step BETWEEN '1 second' AND '7 days'),
    fill       text NOT NULL DEFAULT 'none' CHECK (fill IN ('none', 'zero', 'locf')),
    lateness   interval NOT NULL DEFAULT '2 minutes' CHECK (lateness BETWEEN '0' AND '7 days'),
    target     jsonb NOT NULL DEFAULT '{"kind": "none"}' CHECK (target ? 'kind'),
    shard      int NOT NULL DEFAULT 0 CHECK (shard >= 0),
    enabled    bool NOT NULL DEFAULT true,
    added_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE workload IS 'What is scaled: one row a workload; made by add_workload';
COMMENT ON COLUMN workload.workload IS 'Number of the workload';
COMMENT ON COLUMN workload.name IS 'Your name for it';
COMMENT ON COLUMN workload.source IS 'Source that its measurements are read from';
COMMENT ON COLUMN workload.source_key IS 'Value of the source''s workload column; NULL when the whole table is this workload';
COMMENT ON COLUMN workload.demand IS 'Metric (narrow) or column (wide) that is the demand; request logs use requests per second';
COMMENT ON COLUMN workload.agg IS 'How the samples of one window become one value';
COMMENT ON COLUMN workload.step IS 'Length of a window';
COMMENT ON COLUMN workload.fill IS 'What a window without samples holds: none (unknown), zero (no rows means no demand) or locf (the last value)';
COMMENT ON COLUMN workload.lateness IS 'How late a row may come and still be counted in';
COMMENT ON COLUMN workload.target IS 'What the worker scales, for example {"kind": "kubernetes", "api_version": "apps/v1", "resource": "deployments", "namespace": "web", "name": "front"}';
COMMENT ON COLUMN workload.shard IS 'Shard; one worker at a time leads a shard';
COMMENT ON COLUMN workload.enabled IS 'Whether it is refreshed and scaled';
COMMENT ON COLUMN workload.added_at IS 'When it was added';

CREATE TABLE progress (
    workload         int PRIMARY KEY REFERENCES workload ON DELETE CASCADE,
    first_window     timestamptz,
    watermark        timestamptz,
    fingerprint_due  timestamptz,
    model            int,
    revision         int,
    demand           float8,
    demand_peak      float8,
    forecast         float8,
    forecast_peak    float8,
    forecast_target  timestamptz,
    n_future         bigint NOT NULL DEFAULT 0,
    status           text NOT NULL DEFAULT 'new',
    message          text,
    hint             text,
    code             text,
    refreshed_at     timestamptz,
    feature_names    text[],
    newest           timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE progress IS 'How far refresh has come with each workload, and what it saw last';
COMMENT ON COLUMN progress.workload IS 'Workload';
COMMENT ON COLUMN progress.first_window IS 'Start of its first window';
COMMENT ON COLUMN progress.watermark IS 'End of its last closed window';
COMMENT ON COLUMN progress.fingerprint_due IS 'Boundary in data time at which the next PCA is fitted';
COMMENT ON COLUMN progress.model IS 'Demand model of the newest forecast';
COMMENT ON COLUMN progress.revision IS 'Revision of the newest forecast';
COMMENT ON COLUMN progress.demand IS 'Demand in the last closed window';
COMMENT ON COLUMN progress.demand_peak IS 'Largest demand in the scale-in window';
COMMENT ON COLUMN progress.forecast IS 'High quantile of demand at the lead time';
COMMENT ON COLUMN progress.forecast_peak IS 'Largest such quantile over the hold windows';
COMMENT ON COLUMN progress.forecast_target IS 'Window that the newest forecast is for';
COMMENT ON COLUMN progress.n_future IS 'Rows of the source beyond as_of, at the last refresh';
COMMENT ON COLUMN progress.status IS 'ok, new, no_samples, no_capacity, no_model, no_history, no_demand or error';
COMMENT ON COLUMN progress.message IS 'What was wrong';
COMMENT ON COLUMN progress.hint IS 'What to do about it';
COMMENT ON COLUMN progress.code IS 'SQLSTATE of the error';
COMMENT ON COLUMN progress.refreshed_at IS 'as_of of the last refresh';
COMMENT ON COLUMN progress.feature_names IS 'What its stored feature vectors hold, in order';
COMMENT ON COLUMN progress.newest IS 'End of the newest row of its source, when it was last looked for';

CREATE TABLE history (
    workload int NOT NULL,
    chunk    timestamptz NOT NULL,
    demand   series NOT NULL,
    PRIMARY KEY (workload, chunk)
) WITH (fillfactor = 70);
COMMENT ON TABLE history IS 'Demand of each workload in chunks of 60 windows, so that a forecast reads few rows';
COMMENT ON COLUMN history.workload IS 'Workload';
COMMENT ON COLUMN history.chunk IS 'Start of the chunk';
COMMENT ON COLUMN history.demand IS 'Demand of its windows; windows without a sample are left out';

CREATE TABLE retention (
    relation name PRIMARY KEY CHECK (relation IN ('feature', 'fingerprint', 'history', 'model', 'forecast', 'outcome', 'decision', 'capacity')),
    keep     interval NOT NULL CHECK (keep > '0'),
    -- a forecast looks back seven days
    CONSTRAINT retention_history_check CHECK (relation <> 'history' OR keep >= '10 days')
);
COMMENT ON TABLE retention IS 'How long rows of a table are kept, in data time, where you want another span than the default (forecast 30 days, decision and capacity 400 days, others 100 days)';
COMMENT ON COLUMN retention.relation IS 'Table';
COMMENT ON COLUMN retention.keep IS 'Rows older than this are deleted once a day by refresh';

CREATE FUNCTION notify_worker() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('prescale', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION notify_worker() IS 'Wakes workers that listen on channel prescale';
CREATE TRIGGER notify_worker AFTER INSERT OR UPDATE OR DELETE ON workload FOR EACH STATEMENT EXECUTE FUNCTION notify_worker();
COMMENT ON TRIGGER notify_worker ON workload IS 'Wakes workers when workloads change';

CREATE FUNCTION find_workload(name text) RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    found int;
BEGIN
    SELECT w.workload INTO found FROM workload w WHERE w.name = name;
    IF found IS NULL THEN
        RAISE EXCEPTION 'workload "%" does not exist', name USING ERRCODE = 'undefined_object',
            HINT = 'SELECT name FROM prescale.workload lists the workloads.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION find_workload(text) IS 'Number of a workload by its name; raises 42704 when there is none';

CREATE FUNCTION add_workload(
    name text,
    source text,
    source_key text DEFAULT NULL,
    demand text DEFAULT NULL,
    agg text DEFAULT 'mean',
    step interval DEFAULT '1 minute',
    fill text DEFAULT NULL,
    lateness interval DEFAULT '2 minutes',
    target jsonb DEFAULT '{"kind": "none"}',
    shard int DEFAULT 0
) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    origin prescale.source;
    id int;
    demand_metric text := demand;
BEGIN
    IF coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'a workload needs a name' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT s.* INTO origin FROM prescale.source s WHERE s.name = source;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'source "%" does not exist', source USING ERRCODE = 'undefined_object',
            HINT = 'SELECT name FROM prescale.source lists the sources; add_source makes one.';
    END IF;
    IF step IS NULL OR step NOT BETWEEN interval '1 second' AND interval '7 days' THEN
        RAISE EXCEPTION 'step "%" is not between one second and seven days', step USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give a step such as ''1 minute''.';
    END IF;
    IF agg IS NULL OR agg NOT IN ('mean', 'sum', 'min', 'max', 'count', 'last') THEN
        RAISE EXCEPTION 'agg "%" is not known', agg USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known: mean, sum, min, max, count, last.';
    END IF;
    IF coalesce(fill, 'none') NOT IN ('none', 'zero', 'locf') THEN
        RAISE EXCEPTION 'fill "%" is not known', fill USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known: none (unknown), zero (no rows means no demand), locf (the last value).';
    END IF;
    IF lateness IS NULL OR lateness NOT BETWEEN interval '0' AND interval '7 days' THEN
        RAISE EXCEPTION 'lateness "%" is not between zero and seven days', lateness USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give a bound such as ''2 minutes''.';
    END IF;
    IF shard IS NULL OR shard < 0 THEN
        RAISE EXCEPTION 'shard % is not a number from 0 on', shard USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for shard 0.';
    END IF;
    IF coalesce(target ->> 'kind', '') NOT IN ('kubernetes', 'simulated', 'none') THEN
        RAISE EXCEPTION 'target % has no known kind', target USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known kinds: kubernetes, simulated, none.';
    ELSIF target ->> 'kind' = 'kubernetes' AND NOT target ?& ARRAY['api_version', 'resource', 'namespace', 'name'] THEN
        RAISE EXCEPTION 'target % does not say what to scale', target USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"kind": "kubernetes", "api_version": "apps/v1", "resource": "deployments", "namespace": "web", "name": "front"}.';
    END IF;
    IF origin.workload_column IS NULL AND source_key IS NOT NULL THEN
        RAISE EXCEPTION 'source "%" has no workload column, so source_key "%" selects nothing', source, source_key
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave source_key out, or add the source with workload_column.';
    END IF;
    IF origin.kind = 'request' AND demand IS NOT NULL THEN
        RAISE EXCEPTION 'the demand of a request log is its rate, not "%"', demand USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Leave demand out.';
    ELSIF origin.kind <> 'request' AND (origin.kind = 'wide' OR origin.metric_column IS NOT NULL) THEN
        demand_metric := coalesce(demand, CASE WHEN cardinality(origin.metrics) = 1 THEN origin.metrics[1] END);
        IF demand_metric IS NULL OR (origin.kind = 'wide' AND demand_metric <> ALL (origin.metrics)) THEN
            RAISE EXCEPTION 'demand "%" is not a metric of source "%"', demand, source USING ERRCODE = 'invalid_parameter_value',
                HINT = format('Its metrics are: %s.', array_to_string(origin.metrics, ', '));
        END IF;
    END IF;
    INSERT INTO workload (name, source, source_key, demand, agg, step, fill, lateness, target, shard)
    VALUES (name, origin.source, CASE WHEN origin.workload_column IS NOT NULL THEN coalesce(source_key, name) END, demand_metric, agg, step,
            coalesce(fill, CASE origin.kind WHEN 'request' THEN 'zero' ELSE 'none' END), lateness, target, shard)
    RETURNING workload.workload INTO id;
    INSERT INTO progress (workload) VALUES (id);
    INSERT INTO policy (workload) VALUES (id);
    RETURN id;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'workload "%" exists already', name USING ERRCODE = 'duplicate_object', HINT = 'Choose another name; drop_workload forgets the old one.';
END
$$;
COMMENT ON FUNCTION add_workload(text, text, text, text, text, interval, text, interval, jsonb, int) IS
    'Adds a workload that reads a source; it starts in mode observe, set_policy says how it is scaled';

CREATE FUNCTION drop_workload(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id int := find_workload(name);
BEGIN
    -- first: it waits for a refresh of this workload, which would write what is deleted here
    DELETE FROM progress t WHERE t.workload = id;
    DELETE FROM feature t WHERE t.workload = id;
    DELETE FROM fingerprint t WHERE t.workload = id;
    DELETE FROM history t WHERE t.workload = id;
    DELETE FROM model t WHERE t.workload = id;
    DELETE FROM forecast t WHERE t.workload = id;
    DELETE FROM outcome t WHERE t.workload = id;
    DELETE FROM decision t WHERE t.workload = id;
    DELETE FROM capacity t WHERE t.workload = id;
    DELETE FROM workload t WHERE t.workload = id;
END
$$;
COMMENT ON FUNCTION drop_workload(text) IS 'Forgets a workload and all that was learned about it; its source is left alone';
