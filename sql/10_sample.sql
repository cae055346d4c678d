-- Stage sample: where measurements come from.

CREATE SEQUENCE source_id;
COMMENT ON SEQUENCE source_id IS 'Numbers sources';

CREATE TABLE source (
    source          int PRIMARY KEY DEFAULT nextval('prescale.source_id'),
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    relation_schema name NOT NULL,
    relation_name   name NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('narrow', 'wide', 'request')),
    ts_column       name NOT NULL,
    workload_column name,
    metric_column   name,
    value_column    name,
    metrics         text[] NOT NULL DEFAULT '{}',
    latency_column  name,
    bytes_column    name,
    kind_column     name,
    actor_column    name,
    period          interval NOT NULL DEFAULT '0' CHECK (period >= '0'),
    added_by        name NOT NULL DEFAULT current_user,
    added_at        timestamptz NOT NULL DEFAULT now(),
    CHECK (kind <> 'narrow' OR (value_column IS NOT NULL))
);
COMMENT ON TABLE source IS 'A table or view of yours that measurements are read from; made by add_source';
COMMENT ON COLUMN source.source IS 'Number of the source';
COMMENT ON COLUMN source.name IS 'Your name for it';
COMMENT ON COLUMN source.relation_schema IS 'Schema of the table or view, looked up by name at every refresh';
COMMENT ON COLUMN source.relation_name IS 'Name of the table or view, looked up by name at every refresh';
COMMENT ON COLUMN source.kind IS 'narrow (one value a row), wide (one column a metric) or request (one row a request)';
COMMENT ON COLUMN source.ts_column IS 'Column with the time of the row (timestamptz)';
COMMENT ON COLUMN source.workload_column IS 'Column that tells workloads apart; NULL when the whole table is one workload';
COMMENT ON COLUMN source.metric_column IS 'Narrow: column with the name of the metric; NULL when there is one metric only';
COMMENT ON COLUMN source.value_column IS 'Narrow: column with the value';
COMMENT ON COLUMN source.metrics IS 'Narrow: metrics; wide: columns; request: numeric parameter columns';
COMMENT ON COLUMN source.latency_column IS 'Request: column with the latency in milliseconds';
COMMENT ON COLUMN source.bytes_column IS 'Request: column with the bytes sent';
COMMENT ON COLUMN source.kind_column IS 'Request: column with the kind of request';
COMMENT ON COLUMN source.actor_column IS 'Request: column that tells who asked';
COMMENT ON COLUMN source.period IS 'Time that one row covers, beginning at its time; 0 for a measurement of an instant';
COMMENT ON COLUMN source.added_by IS 'Role that added it';
COMMENT ON COLUMN source.added_at IS 'When it was added';

-- Who adds a source must be able to read it, and cannot say that somebody else did. A restore by a superuser keeps what was.
CREATE FUNCTION check_source_right() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        NEW.added_by := current_user;
        PERFORM check_select(NEW.added_by, NEW.relation_schema, NEW.relation_name);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION check_source_right() IS 'Notes who adds a source and refuses one that he may not read';

CREATE FUNCTION check_select(reader name, relation_schema name, relation_name name) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    relation oid := (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = $2 AND c.relname = $3);
BEGIN
    IF relation IS NOT NULL AND NOT coalesce((SELECT has_any_column_privilege(r.oid, relation, 'SELECT') FROM pg_roles r WHERE r.rolname = reader), false) THEN
        RAISE EXCEPTION 'permission denied for relation "%.%": role "%", who added the source, may not read it', $2, $3, $1
            USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT SELECT ON %I.%I TO %I.', $2, $3, $1);
    END IF;
END
$$;
COMMENT ON FUNCTION check_select(name, name, name) IS 'Raises 42501 when a role may not read a relation';

CREATE TRIGGER check_source_right BEFORE INSERT OR UPDATE ON source FOR EACH ROW EXECUTE FUNCTION check_source_right();
COMMENT ON TRIGGER check_source_right ON source IS 'Notes who adds a source and refuses one that he may not read';

CREATE FUNCTION check_column(relation regclass, column_name name) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute a
                   WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = 'undefined_column',
            HINT = format('Its columns are: %s.', (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
                WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped));
    END IF;
END
$$;
COMMENT ON FUNCTION check_column(regclass, name) IS 'Raises 42703 when the relation has no such column';

CREATE FUNCTION add_source(
    name text,
    relation regclass,
    kind text DEFAULT 'narrow',
    ts_column name DEFAULT 'ts',
    workload_column name DEFAULT NULL,
    metric_column name DEFAULT NULL,
    value_column name DEFAULT NULL,
    metrics text[] DEFAULT NULL,
    latency_column name DEFAULT NULL,
    bytes_column name DEFAULT NULL,
    kind_column name DEFAULT NULL,
    actor_column name DEFAULT NULL,
    period interval DEFAULT '0',
    dry_run bool DEFAULT false
) RETURNS TABLE (workload text, metric text, n_row bigint, n_null_ts bigint, n_null bigint, n_nonfinite bigint,
                 first_ts timestamptz, last_ts timestamptz)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    seen record;
    read_metrics text[] := metrics;
    read_value name := value_column;
    found_metrics text[] := '{}';
BEGIN
    IF coalesce(name, '') = '' OR relation IS NULL THEN
        RAISE EXCEPTION 'a source needs a name and a table or view' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example: add_source(''web'', ''web.request_count'', value_column => ''requests'').';
    END IF;
    IF kind IS NULL OR kind NOT IN ('narrow', 'wide', 'request') THEN
        RAISE EXCEPTION 'source kind "%" is not known', kind USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known kinds: narrow (one value a row), wide (one column a metric), request (one row a request).';
    END IF;
    IF period IS NULL OR period < interval '0' OR extract(month FROM period) <> 0 OR extract(year FROM period) <> 0 THEN
        RAISE EXCEPTION 'period "%" is not a fixed length of time', period USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give a period such as ''1 minute'', or ''0'' for a measurement of an instant.';
    END IF;
    IF kind = 'narrow' THEN
        read_value := coalesce(read_value, 'value');
    ELSIF kind = 'wide' THEN
        read_metrics := coalesce(read_metrics, (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
              AND a.attname <> ts_column AND a.attname IS DISTINCT FROM workload_column
              AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'float4'::regtype, 'float8'::regtype, 'numeric'::regtype)));
        IF read_metrics IS NULL THEN
            RAISE EXCEPTION 'relation "%" has no numeric column to read', relation USING ERRCODE = 'undefined_column',
                HINT = 'A wide source has one numeric column for each metric.';
        END IF;
        read_value := read_metrics[1];
    ELSE
        read_value := coalesce(latency_column, bytes_column);
    END IF;
    PERFORM check_column(relation, c.column_name)
    FROM unnest(ARRAY[latency_column, bytes_column, kind_column, actor_column]
                || CASE WHEN kind <> 'narrow' THEN read_metrics::name[] END) c (column_name)
    WHERE c.column_name IS NOT NULL;

    FOR seen IN SELECT p.* FROM source_preview(relation, kind, ts_column, workload_column, metric_column, read_value, 10000) p LOOP
        IF seen.metric IS NOT NULL AND seen.metric <> ALL (found_metrics) THEN
            found_metrics := found_metrics || seen.metric;
        END IF;
        workload := seen.workload; metric := seen.metric; n_row := seen.n_row; n_null_ts := seen.n_null_ts;
        n_null := seen.n_null; n_nonfinite := seen.n_nonfinite; first_ts := seen.first_ts; last_ts := seen.last_ts;
        RETURN NEXT;
    END LOOP;
    IF dry_run THEN
        RETURN;
    END IF;
    read_metrics := coalesce(read_metrics, (SELECT array_agg(m ORDER BY m) FROM unnest(found_metrics) m), '{}');
    IF kind = 'narrow' AND metric_column IS NOT NULL AND cardinality(read_metrics) = 0 THEN
        RAISE EXCEPTION 'relation "%" has no row to learn the metrics of source "%" from', relation, name USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name them: metrics => ARRAY[...].';
    END IF;
    IF cardinality(read_metrics) > 64 THEN
        RAISE EXCEPTION 'source "%" has % metrics, more than 64', name, cardinality(read_metrics) USING ERRCODE = 'program_limit_exceeded',
            HINT = 'Name the ones to read: metrics => ARRAY[...].';
    END IF;
    INSERT INTO source (name, relation_schema, relation_name, kind, ts_column, workload_column, metric_column, value_column, metrics,
                        latency_column, bytes_column, kind_column, actor_column, period)
    SELECT name, n.nspname, c.relname, kind, ts_column, workload_column, metric_column, CASE WHEN kind = 'narrow' THEN read_value END,
           read_metrics, latency_column, bytes_column, kind_column, actor_column, period
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'source "%" exists already', name USING ERRCODE = 'duplicate_object', HINT = 'Choose another name; drop_source forgets the old one.';
END
$$;
COMMENT ON FUNCTION add_source(text, regclass, text, name, name, name, name, text[], name, name, name, name, interval, bool) IS
    'Registers a table or view to read measurements from and shows what its newest rows hold; with dry_run it only shows';

-- Refresh brings stored features into the new order: see adopt_metrics.
CREATE FUNCTION set_metrics(source text, metrics text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    origin prescale.source;
    relation regclass;
    missing text;
BEGIN
    SELECT s.* INTO origin FROM prescale.source s WHERE s.name = source;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'source "%" does not exist', source USING ERRCODE = 'undefined_object',
            HINT = 'SELECT name FROM prescale.source lists the sources.';
    END IF;
    IF origin.kind = 'narrow' AND origin.metric_column IS NULL THEN
        RAISE EXCEPTION 'source "%" has one metric only', source USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Add the source anew with metric_column.';
    END IF;
    IF metrics IS NULL OR array_position(metrics, NULL) IS NOT NULL OR cardinality(metrics) > 64
        OR (SELECT count(DISTINCT m) FROM unnest(metrics) m) < cardinality(metrics) THEN
        RAISE EXCEPTION 'metrics % are not up to 64 different names', coalesce(metrics::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name each metric once: metrics => ARRAY[...].';
    END IF;
    IF origin.kind <> 'narrow' THEN
        relation := to_regclass(format('%I.%I', origin.relation_schema, origin.relation_name));
        IF relation IS NULL THEN
            RAISE EXCEPTION 'relation "%.%" of source "%" does not exist', origin.relation_schema, origin.relation_name, source USING ERRCODE = 'undefined_table';
        END IF;
        PERFORM check_column(relation, m::name) FROM unnest(metrics) m;
    END IF;
    IF origin.kind = 'wide' THEN
        SELECT w.demand INTO missing FROM prescale.workload w WHERE w.source = origin.source AND w.demand <> ALL (metrics) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'metric "%" is the demand of a workload', missing USING ERRCODE = 'dependent_objects_still_exist',
                HINT = 'Keep it among the metrics.';
        END IF;
    END IF;
    UPDATE prescale.source s SET metrics = set_metrics.metrics WHERE s.source = origin.source;
END
$$;
COMMENT ON FUNCTION set_metrics(text, text[]) IS 'Says which metrics of a source are read from now on; stored features keep what they have, and the next refresh fits fingerprints anew';

CREATE FUNCTION drop_source(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    DELETE FROM source s WHERE s.name = name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'source "%" does not exist', name USING ERRCODE = 'undefined_object',
            HINT = 'SELECT name FROM prescale.source lists the sources.';
    END IF;
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'source "%" is read by workloads', name USING ERRCODE = 'dependent_objects_still_exist', HINT = 'Drop these workloads first: drop_workload(name).';
END
$$;
COMMENT ON FUNCTION drop_source(text) IS 'Forgets a source that no workload uses; the table itself is left alone';
