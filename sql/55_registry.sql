-- Stage forecast: models with a name, fitted once and asked often.
--
-- A model belongs to the role that made it: a trigger on each table keeps others from changing it, so that no function here needs the rights
-- of somebody else. Only the owner fits, as himself: read by another role, a view that the owner chose would run with that role's rights.

CREATE SEQUENCE forecast_model_id AS bigint;
COMMENT ON SEQUENCE forecast_model_id IS 'Numbers models with a name';

CREATE TABLE forecast_model (
    forecast_model  bigint PRIMARY KEY DEFAULT nextval('prescale.forecast_model_id'),
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    owner           name NOT NULL DEFAULT current_user,
    relation_schema name NOT NULL,
    relation_name   name NOT NULL,
    time_column     name NOT NULL,
    value_column    name NOT NULL,
    by_columns      name[] NOT NULL,
    horizon         interval NOT NULL,
    spec            jsonb NOT NULL,
    regressors      text,
    events          text,
    deployed        int,
    earlier         int[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE forecast_model IS 'Models with a name; made by create_model';
COMMENT ON COLUMN forecast_model.forecast_model IS 'Number of the model';
COMMENT ON COLUMN forecast_model.name IS 'Your name for it';
COMMENT ON COLUMN forecast_model.owner IS 'Role that made it; only this role fits it';
COMMENT ON COLUMN forecast_model.relation_schema IS 'Schema of the table or view, looked up by name at every fit';
COMMENT ON COLUMN forecast_model.relation_name IS 'Name of the table or view, looked up by name at every fit';
COMMENT ON COLUMN forecast_model.time_column IS 'Column with the time';
COMMENT ON COLUMN forecast_model.value_column IS 'Column with the value';
COMMENT ON COLUMN forecast_model.by_columns IS 'Columns that tell series apart; empty when the whole table is one series';
COMMENT ON COLUMN forecast_model.horizon IS 'How far it forecasts';
COMMENT ON COLUMN forecast_model.spec IS 'How it forecasts, as given to create_model; what is left out has its default';
COMMENT ON COLUMN forecast_model.regressors IS 'Table or view with regressors, looked up by name at every fit; NULL for none';
COMMENT ON COLUMN forecast_model.events IS 'Table or view with events, looked up by name at every fit; NULL for none';
COMMENT ON COLUMN forecast_model.deployed IS 'Version that predict asks; NULL before the first';
COMMENT ON COLUMN forecast_model.earlier IS 'Versions deployed before, each once, the one that rollback goes back to last';
COMMENT ON COLUMN forecast_model.created_at IS 'When it was made';

CREATE TABLE forecast_model_version (
    forecast_model bigint NOT NULL REFERENCES forecast_model ON DELETE CASCADE,
    version        int NOT NULL,
    fitted_at      timestamptz NOT NULL DEFAULT now(),
    as_of          timestamptz,
    horizon        interval NOT NULL,
    spec           jsonb NOT NULL,
    n_series       int NOT NULL DEFAULT 0,
    n_fitted       int NOT NULL DEFAULT 0,
    score          float8,
    network        bytea,
    PRIMARY KEY (forecast_model, version)
);
COMMENT ON TABLE forecast_model_version IS 'Every fit of a model, until newer ones take its place';
COMMENT ON COLUMN forecast_model_version.forecast_model IS 'Model';
COMMENT ON COLUMN forecast_model_version.version IS 'Number of the version, from 1';
COMMENT ON COLUMN forecast_model_version.fitted_at IS 'When it was fitted';
COMMENT ON COLUMN forecast_model_version.as_of IS 'Only rows before this time were seen; NULL for all';
COMMENT ON COLUMN forecast_model_version.horizon IS 'Horizon of the model at that time';
COMMENT ON COLUMN forecast_model_version.spec IS 'Spec of the model at that time';
COMMENT ON COLUMN forecast_model_version.n_series IS 'Series in the table';
COMMENT ON COLUMN forecast_model_version.n_fitted IS 'Series that can be forecast';
COMMENT ON COLUMN forecast_model_version.score IS 'Mean over the series of MASE on the newest horizon, which was held out; NULL when it could not be measured';
COMMENT ON COLUMN forecast_model_version.network IS 'The network that forecasts all series of a pooled model; NULL for others';

CREATE TABLE forecast_model_series (
    forecast_model bigint NOT NULL,
    version        int NOT NULL,
    key            jsonb NOT NULL,
    status         text NOT NULL,
    metrics        jsonb NOT NULL,
    fit_ms         float8 NOT NULL,
    last_ts        timestamptz,
    n_observed     bigint NOT NULL DEFAULT 0,
    state          bytea,
    PRIMARY KEY (forecast_model, version, key),
    FOREIGN KEY (forecast_model, version) REFERENCES forecast_model_version ON DELETE CASCADE
);
COMMENT ON TABLE forecast_model_series IS 'What a version knows about each series';
COMMENT ON COLUMN forecast_model_series.forecast_model IS 'Model';
COMMENT ON COLUMN forecast_model_series.version IS 'Version';
COMMENT ON COLUMN forecast_model_series.key IS 'Which series: the columns that tell them apart, with their values';
COMMENT ON COLUMN forecast_model_series.status IS 'As of forecast; or the error that this series met';
COMMENT ON COLUMN forecast_model_series.metrics IS 'What was fitted, to what, and how well it forecast the newest horizon, which was held out';
COMMENT ON COLUMN forecast_model_series.fit_ms IS 'Time that fit and scoring took';
COMMENT ON COLUMN forecast_model_series.last_ts IS 'Start of the last window that it has seen; observe moves it on';
COMMENT ON COLUMN forecast_model_series.n_observed IS 'Values taken in by observe since the fit';
COMMENT ON COLUMN forecast_model_series.state IS 'The fitted model; NULL where there is none';

-- Inserts are the inserter's own; of others' models operators change which version is deployed, and no more. The owner of the tables deletes what its
-- owner left behind, and so do foreign keys in his name. A restore by a superuser keeps what was.
CREATE FUNCTION check_model_right() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    models bigint[];
    model forecast_model;
BEGIN
    IF (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
        OR TG_OP = 'DELETE' AND current_user = (SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = TG_RELID) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_TABLE_NAME = 'forecast_model' THEN
        IF TG_OP = 'INSERT' THEN
            NEW.owner := current_user;
            RETURN NEW;
        ELSIF TG_OP = 'UPDATE' THEN
            NEW.owner := OLD.owner;
            NEW.forecast_model := OLD.forecast_model;
            model := OLD;
            model.deployed := NEW.deployed;
            model.earlier := NEW.earlier;
            IF model IS NOT DISTINCT FROM NEW THEN
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    models := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.forecast_model] WHEN 'DELETE' THEN ARRAY[OLD.forecast_model]
                         ELSE ARRAY[OLD.forecast_model, NEW.forecast_model] END;
    FOR model IN SELECT m.* FROM forecast_model m WHERE m.forecast_model = ANY (models) LOOP
        PERFORM check_model_owner(model);
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION check_model_right() IS 'Refuses changes of a model by others than its owner, but for the version deployed';

CREATE FUNCTION check_model_owner(model forecast_model) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = model.owner AND pg_has_role(r.oid, 'USAGE')) THEN
        RAISE EXCEPTION 'permission denied for model "%": it belongs to role "%"', model.name, model.owner USING ERRCODE = 'insufficient_privilege',
            HINT = 'Make a model of your own with create_model, or act as a member of that role.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_owner(forecast_model) IS 'Raises 42501 for a model of a role that one is not a member of';

CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model IS 'Refuses changes of a model by others than its owner, but for the version deployed';
CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model_version FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model_version IS 'Refuses changes of a model by others than its owner';
CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model_series FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model_series IS 'Refuses changes of a model by others than its owner';

CREATE FUNCTION find_model(name text) RETURNS forecast_model
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    model forecast_model;
BEGIN
    SELECT m.* INTO model FROM forecast_model m WHERE m.name = find_model.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM prescale.forecast_model lists the models.';
    END IF;
    RETURN model;
END
$$;
COMMENT ON FUNCTION find_model(text) IS 'The model of this name; raises 42704 when there is none';

CREATE FUNCTION read_model_spec(spec jsonb, OUT model text, OUT level float8, OUT quantiles float8[], OUT periods interval[], OUT floor float8, OUT ceiling float8,
                                OUT options jsonb, OUT step interval, OUT fill text, OUT agg text, OUT timezone text, OUT keep int, OUT pooled bool, OUT covariates name[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    known text[] := '{model,level,quantiles,periods,floor,ceiling,options,step,fill,agg,timezone,keep,pooled,covariates}';
    unknown text;
BEGIN
    IF spec IS NULL OR jsonb_typeof(spec) <> 'object' THEN
        RAISE EXCEPTION 'spec must be a JSON object, not %', coalesce(spec::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Known keys: %s.', array_to_string(known, ', '));
    END IF;
    SELECT k INTO unknown FROM jsonb_object_keys(spec) k WHERE k <> ALL (known) ORDER BY k LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'spec key "%" is not known', unknown USING ERRCODE = 'invalid_parameter_value', HINT = format('Known keys: %s.', array_to_string(known, ', '));
    END IF;
    SELECT coalesce(s.model, 'auto'), coalesce(s.level, 0.95), s.quantiles, s.periods, s.floor, s.ceiling, coalesce(s.options, '{}'),
           s.step, coalesce(s.fill, 'none'), coalesce(s.agg, 'mean'), coalesce(s.timezone, 'UTC'), coalesce(s.keep, 5),
           coalesce(s.pooled, false), coalesce(s.covariates, '{}')
    INTO model, level, quantiles, periods, floor, ceiling, options, step, fill, agg, timezone, keep, pooled, covariates
    FROM jsonb_to_record(spec) s (model text, level float8, quantiles float8[], periods interval[], floor float8, ceiling float8, options jsonb,
                                  step interval, fill text, agg text, timezone text, keep int, pooled bool, covariates name[]);
    IF keep NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'keep must be 1 to 1000, not %', keep USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of versions that are kept; 5 if left out.';
    END IF;
    IF step IS NULL AND spec ?| '{fill,agg,timezone}' THEN
        RAISE EXCEPTION 'spec has fill, agg or timezone, but no step' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'They say how to resample to windows of length step, such as "step": "5 minutes".';
    END IF;
    IF model <> 'lstm' AND pooled THEN
        RAISE EXCEPTION 'model "%" takes no pooled', model USING ERRCODE = 'invalid_parameter_value', HINT = 'Only a network learns from many series at once: "model": "lstm".';
    END IF;
    IF pooled AND (step IS NULL OR options ?| '{transform,clean}') THEN
        RAISE EXCEPTION 'a pooled model %', CASE WHEN step IS NULL THEN 'needs a step' ELSE 'takes no transform and no clean' END
            USING ERRCODE = 'invalid_parameter_value', HINT = 'One network reads all series in windows of one length, such as "step": "5 minutes", on a scale of its own.';
    END IF;
EXCEPTION WHEN invalid_text_representation OR invalid_datetime_format OR numeric_value_out_of_range OR datetime_field_overflow THEN
    RAISE EXCEPTION 'spec % is not valid: %', spec, SQLERRM USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Numbers: level, floor, ceiling, keep; intervals: step; arrays: quantiles, periods, covariates; an object: options; names: model, fill, agg, timezone; true or false: pooled.';
END
$$;
COMMENT ON FUNCTION read_model_spec(jsonb) IS 'The spec of a model with its defaults; raises 22023 for what is not known or not valid';

CREATE FUNCTION qualified_name(rel regclass) RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = rel);
COMMENT ON FUNCTION qualified_name(regclass) IS 'Name of a relation with its schema, quoted where needed';

-- Nothing is read, but PostgreSQL looks at rights.
CREATE FUNCTION check_model_relation(rel regclass, columns name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF (SELECT c.relpersistence = 't' FROM pg_class c WHERE c.oid = rel) THEN
        RAISE EXCEPTION 'relation "%" is temporary', rel USING ERRCODE = 'wrong_object_type', HINT = 'A model is fitted again in other sessions: name a table that stays.';
    ELSIF rel IS NOT NULL THEN
        PERFORM check_column(rel, c) FROM unnest(columns) c;
        EXECUTE format('SELECT FROM %s LIMIT 0', rel);
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_relation(regclass, name[]) IS 'Raises where a model cannot read a relation, now or in another session, or columns are missing';

CREATE FUNCTION check_model_influences(regressors regclass, events regclass, by name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    numbers name[] := ARRAY(SELECT a.attname FROM pg_attribute a
                            WHERE a.attrelid = regressors AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL ('{ts}'::name[] || by) ORDER BY a.attnum);
    odd name;
BEGIN
    PERFORM check_model_relation(regressors, '{ts}'), check_column_types(regressors, '{ts}', 'time'), check_column_types(regressors, numbers, 'number or truth value'),
            check_model_relation(events, '{name,since}'), check_column_types(events, '{since,until}', 'time'), check_column_types(events, '{name}', 'text');
    IF regressors IS NOT NULL AND numbers = '{}' THEN
        RAISE EXCEPTION 'relation "%" has no regressor', regressors USING ERRCODE = 'invalid_parameter_value', HINT = 'Each column beside ts and those in by is one.';
    END IF;
    SELECT a.attname INTO odd FROM pg_attribute a
    WHERE a.attrelid = events AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL ('{name,since,until}'::name[] || by) ORDER BY a.attnum LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" is none of events', odd, events USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a view with name, since, until and, where events are not for all series, columns of by.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_influences(regclass, regclass, name[]) IS 'Raises for a relation that is no table of regressors or of events for series by these columns';

CREATE FUNCTION columns_among(relation text, columns name[]) RETURNS name[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF to_regclass(relation) IS NULL AND relation IS NOT NULL THEN
        RAISE EXCEPTION 'relation "%" does not exist', relation USING ERRCODE = 'undefined_table', HINT = 'The model reads regressors or events from it: name another one with create_model.';
    END IF;
    RETURN ARRAY(SELECT c FROM unnest(columns) c JOIN pg_attribute a ON a.attrelid = to_regclass(relation) AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;
COMMENT ON FUNCTION columns_among(text, name[]) IS 'Which of the columns a relation has; none without a relation; raises 42P01 for one that does not exist';

-- A value of the same type as that of the key is compared as what it is, so that an index serves; others as in rows_for.
CREATE FUNCTION rows_of_key(relation text, by name[], keyed name[], series_of regclass, key jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    rows_of regclass := to_regclass(relation);
    condition text := '';
    found jsonb;
BEGIN
    IF rows_of IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(' WHERE ' || string_agg(CASE WHEN key ->> c IS NULL THEN format('r.%I IS NULL', c)
                                                 WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN format('r.%I::text = %L', c, key ->> c)
                                                 WHEN a.atttypid = b.atttypid AND t.typnamespace = 'pg_catalog'::regnamespace
                                                 THEN format('r.%1$I = (SELECT k.%1$I FROM jsonb_to_record(%2$L) k (%1$I %3$s))', c, jsonb_build_object(c, key -> c), format_type(a.atttypid, a.atttypmod))
                                                 ELSE format('(to_jsonb(r.%1$I) = %2$L OR to_jsonb(r.%1$I) #>> ''{}'' = %3$L)', c, key -> c, key ->> c) END, ' AND '), '') INTO condition
    FROM unnest(keyed) c JOIN pg_attribute a ON a.attrelid = rows_of AND a.attname = c JOIN pg_attribute b ON b.attrelid = series_of AND b.attname = c
    JOIN pg_type t ON t.oid = a.atttypid;
    EXECUTE format('SELECT jsonb_agg(to_jsonb(r.*) - %L::text[]) FROM %s r%s', by, rows_of, condition) INTO found;
    RETURN found;
END
$$;
COMMENT ON FUNCTION rows_of_key(text, name[], name[], regclass, jsonb) IS
    'Rows of a relation as JSON without the columns in by: those with the values that a key of a table of series has in the columns keyed; all rows without any';

CREATE FUNCTION create_model(
    name text,
    rel regclass,
    time_col name,
    value_col name,
    by name[] DEFAULT '{}',
    horizon interval DEFAULT NULL,
    spec jsonb DEFAULT '{}',
    regressors regclass DEFAULT NULL,
    events regclass DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    asked record := read_model_spec(spec);
    query text := series_query(rel, time_col, value_col, by, asked.covariates, asked.timezone);
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    id bigint;
BEGIN
    IF coalesce(name, '') = '' OR horizon IS NULL THEN
        RAISE EXCEPTION 'a model needs a name and a horizon' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example: create_model(''demand'', ''metric'', ''ts'', ''value'', by => ''{service}'', horizon => ''1 hour'').';
    END IF;
    PERFORM check_model_relation(rel, '{}'), check_model_influences(regressors, events, by);
    IF asked.pooled AND (regressors IS NOT NULL OR events IS NOT NULL) THEN
        RAISE EXCEPTION 'a pooled model takes no regressors and no events' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the network what it shall read as covariates, or leave pooled out.';
    END IF;
    -- Nothing is read: PostgreSQL looks at rights and types, core at the values of the spec.
    EXECUTE format('SELECT FROM (%s) q LIMIT 0', query);
    PERFORM fit_series(none, horizon, asked.model, asked.level, asked.quantiles, asked.periods, asked.floor, asked.ceiling, asked.options, asked.step, asked.fill,
                       asked.agg, asked.timezone, covariates => array_fill(none, ARRAY[cardinality(asked.covariates)]));
    INSERT INTO forecast_model AS m (name, relation_schema, relation_name, time_column, value_column, by_columns, horizon, spec, regressors, events)
    SELECT name, n.nspname, c.relname, time_col, value_col, by, horizon, spec, qualified_name(regressors), qualified_name(events) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = rel
    ON CONFLICT ON CONSTRAINT forecast_model_name_key DO UPDATE
    SET relation_schema = excluded.relation_schema, relation_name = excluded.relation_name, time_column = excluded.time_column, value_column = excluded.value_column,
        by_columns = excluded.by_columns, horizon = excluded.horizon, spec = excluded.spec, regressors = excluded.regressors, events = excluded.events
    RETURNING m.forecast_model INTO id;
    RETURN id;
END
$$;
COMMENT ON FUNCTION create_model(text, regclass, name, name, name[], interval, jsonb, regclass, regclass) IS
    'Gives a name to a way of forecasting the series of a table, or changes it; versions fitted before stay';

-- Series are read one at a time, sorted: hashed groups would hold all of them in memory at once. Times and keys are those of UTC, whoever fits.
CREATE FUNCTION fit(name text, as_of timestamptz DEFAULT NULL) RETURNS TABLE (key jsonb, version int, status text, metrics jsonb)
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off SET timezone = 'UTC' AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    asked record := read_model_spec(model.spec);
    relation regclass;
    query text;
    series refcursor;
    one record;
    fitted record;
    network bytea;
    began timestamptz;
    n_series int := 0;
    total bigint := 1;
    regressors_by name[] := array_remove(model.by_columns, 'ts');
    events_by name[] := keys_of_events(model.by_columns);
    regressors_keyed name[] := columns_among(model.regressors, regressors_by);
    events_keyed name[] := columns_among(model.events, events_by);
    regressors jsonb;
    events jsonb;
    is_stray bool;
BEGIN
    IF model.owner <> current_user THEN
        RAISE EXCEPTION 'permission denied for model "%": only its owner fits it, role "%"', model.name, model.owner USING ERRCODE = 'insufficient_privilege',
            HINT = format('SET ROLE %I; what its owner chose to read would run with your rights.', model.owner);
    END IF;
    relation := to_regclass(format('%I.%I', model.relation_schema, model.relation_name));
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation "%.%" of model "%" does not exist', model.relation_schema, model.relation_name, model.name USING ERRCODE = 'undefined_table',
            HINT = 'Name another one with create_model.';
    END IF;
    query := series_query(relation, model.time_column, model.value_column, model.by_columns, asked.covariates, asked.timezone);
    PERFORM check_model_influences(to_regclass(model.regressors), to_regclass(model.events), model.by_columns);
    version := add_model_version(model, as_of);
    IF cardinality(model.by_columns) > 0 THEN
        EXECUTE format('SELECT count(*) FROM (%s) q', series_query(relation, model.time_column, model.value_column, model.by_columns)) INTO total;
    END IF;
    IF asked.pooled THEN
        network := fit_pool(model, query, total, as_of);
        UPDATE forecast_model_version v SET network = network WHERE v.forecast_model = model.forecast_model AND v.version = version;
    END IF;
    -- What is the same for all series is read once.
    IF regressors_keyed = '{}' THEN
        regressors := rows_of_key(model.regressors, regressors_by, '{}', relation, NULL);
    END IF;
    IF events_keyed = '{}' THEN
        events := rows_of_key(model.events, events_by, '{}', relation, NULL);
    END IF;
    OPEN series FOR EXECUTE query;
    LOOP
        FETCH series INTO one;
        EXIT WHEN NOT FOUND;
        n_series := n_series + 1;
        key := one.key;
        began := clock_timestamp();
        BEGIN
            IF regressors_keyed <> '{}' THEN
                regressors := rows_of_key(model.regressors, regressors_by, regressors_keyed, relation, key);
            END IF;
            IF events_keyed <> '{}' THEN
                events := rows_of_key(model.events, events_by, events_keyed, relation, key);
                is_stray := coalesce(is_stray, true) AND events IS NULL;
            END IF;
            PERFORM check_regressors(regressors, model.regressors IS NOT NULL, one.s);
            SELECT f.* INTO fitted FROM fit_series(one.s, model.horizon, asked.model, asked.level, asked.quantiles, asked.periods, asked.floor, asked.ceiling,
                asked.options, asked.step, asked.fill, asked.agg, asked.timezone, as_of, format('fit "%s": series %s of %s', model.name, n_series, total), one.covariates, network, regressors, events, now()) f;
            status := fitted.status;
            metrics := fitted.metrics;
        EXCEPTION WHEN OTHERS THEN
            SELECT NULL::timestamptz AS last_ts, NULL::bytea AS state INTO fitted;
            status := format('error %s: %s', SQLSTATE, SQLERRM);
            metrics := '{}';
        END;
        -- An index entry takes up to 2,704 bytes.
        IF pg_column_size(key) > 2000 THEN
            status := format('error 54000: the key takes %s bytes, more than 2000', pg_column_size(key));
        ELSE
            INSERT INTO forecast_model_series VALUES (model.forecast_model, version, key, status, metrics, extract(epoch FROM clock_timestamp() - began) * 1000,
                fitted.last_ts, 0, fitted.state);
        END IF;
        RETURN NEXT;
    END LOOP;
    CLOSE series;
    IF is_stray THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', to_regclass(model.events)) INTO is_stray;
        IF is_stray THEN
            RAISE WARNING 'no event of "%" is for any of the series', model.events USING HINT = format('Its values in %s are compared with those of the series.', array_to_string(events_keyed, ', '));
        END IF;
    END IF;
    PERFORM finish_model_version(model, version, n_series, asked.keep);
END
$$;
COMMENT ON FUNCTION fit(text, timestamptz) IS 'Fits a model anew to every series of its table and scores it on the newest horizon, held out; makes a new version';

-- A series that cannot be read gets its error from the fit; here it only gives nothing.
CREATE FUNCTION fit_pool(model forecast_model, query text, total bigint, as_of timestamptz) RETURNS bytea
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off SET timezone = 'UTC' AS $$
#variable_conflict use_variable
DECLARE
    asked record := read_model_spec(model.spec);
    series refcursor;
    one record;
    member bytea;
    members bytea[] := '{}';
    n_series bigint := 0;
BEGIN
    OPEN series FOR EXECUTE query;
    LOOP
        FETCH series INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            member := pool_member(one.s, one.covariates, asked.step, asked.fill, asked.agg, asked.timezone, as_of, n_series, total);
            IF member IS NOT NULL THEN
                members := array_append(members, member);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
        n_series := n_series + 1;
    END LOOP;
    CLOSE series;
    RETURN fit_network(members, model.horizon, asked.periods, asked.options, format('fit "%s": network', model.name));
END
$$;
COMMENT ON FUNCTION fit_pool(forecast_model, text, bigint, timestamptz) IS 'One network trained on all series of a query; reads the newest windows of each, 32 MB in all at most';

CREATE FUNCTION add_model_version(model forecast_model, as_of timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    added int;
BEGIN
    LOOP
        BEGIN
            INSERT INTO forecast_model_version (forecast_model, version, as_of, horizon, spec)
            SELECT model.forecast_model, coalesce(max(v.version), 0) + 1, add_model_version.as_of, model.horizon, model.spec
            FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model
            RETURNING forecast_model_version.version INTO added;
            RETURN added;
        EXCEPTION WHEN unique_violation THEN
            -- Another session was fitting it; this one waited for its end and takes the next number. Where one snapshot holds throughout, that number stays hidden.
            IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
                RAISE EXCEPTION 'model "%" was fitted by another session meanwhile', model.name USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
            END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION add_model_version(forecast_model, timestamptz) IS 'Begins the next version of a model; waits for another session that fits it';

CREATE FUNCTION finish_model_version(model forecast_model, version int, n_series int, keep int) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    now_deployed forecast_model;
    gone int[];
BEGIN
    UPDATE forecast_model_version v SET n_series = finish_model_version.n_series, n_fitted = f.n_fitted, score = f.score
    FROM (SELECT count(s.state) AS n_fitted, avg((s.metrics ->> 'mase')::float8) AS score
          FROM forecast_model_series s WHERE s.forecast_model = model.forecast_model AND s.version = finish_model_version.version) f
    WHERE v.forecast_model = model.forecast_model AND v.version = finish_model_version.version;
    -- From here to the end of the transaction nobody deploys what is about to go.
    SELECT m.* INTO now_deployed FROM forecast_model m WHERE m.forecast_model = model.forecast_model FOR NO KEY UPDATE;
    WITH old AS (
        DELETE FROM forecast_model_version v
        WHERE v.forecast_model = model.forecast_model
          AND v.version NOT IN (SELECT k.version FROM forecast_model_version k WHERE k.forecast_model = model.forecast_model ORDER BY k.version DESC LIMIT keep)
          AND v.version IS DISTINCT FROM now_deployed.deployed AND v.version IS DISTINCT FROM now_deployed.earlier[cardinality(now_deployed.earlier)]
        RETURNING v.version
    )
    SELECT coalesce(array_agg(o.version), '{}') INTO gone FROM old o;
    UPDATE forecast_model m
    SET earlier = ARRAY(SELECT e FROM unnest(m.earlier) WITH ORDINALITY u (e, i) WHERE e <> ALL (gone) ORDER BY i),
        deployed = coalesce(m.deployed, (SELECT v.version FROM forecast_model_version v
                                         WHERE v.forecast_model = model.forecast_model AND v.version = finish_model_version.version AND v.n_fitted > 0))
    WHERE m.forecast_model = model.forecast_model AND (m.deployed IS NULL OR m.earlier && gone);
END
$$;
COMMENT ON FUNCTION finish_model_version(forecast_model, int, int, int) IS
    'Scores a version, deletes versions beyond those to keep (never the deployed or the previous one) and deploys the first';

CREATE FUNCTION observe(name text, key jsonb, ts timestamptz, y float8, covariates float8[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE COST 1000 SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    known forecast_model_series;
    after record;
BEGIN
    PERFORM check_model_owner(model);
    IF key IS NULL OR ts IS NULL THEN
        RAISE EXCEPTION 'key and ts must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = 'The key of a model without by columns is ''{}''.';
    END IF;
    SELECT s.* INTO known FROM forecast_model_series s
    WHERE s.forecast_model = model.forecast_model AND s.version = model.deployed AND s.key = key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_series';
    ELSIF known.state IS NULL THEN
        RETURN 'refit_needed';
    ELSIF y IS NULL THEN
        RETURN 'no_value';
    END IF;
    -- Of a model that resamples, a time within a window is one of that window, also where the next one is nearer.
    ts := coalesce((SELECT w.ts FROM forecast_model_version v, read_model_spec(v.spec) r, regularize((SELECT series_agg(ts, 0)), r.step, 'none', r.agg, r.timezone) w
                    WHERE v.forecast_model = known.forecast_model AND v.version = known.version), ts);
    SELECT o.* INTO after FROM observe_series(known.state, ts, y, covariates) o;
    IF after.status = 'ok' THEN
        UPDATE forecast_model_series s SET state = after.new_state, last_ts = after.last_ts, n_observed = s.n_observed + 1
        WHERE s.forecast_model = known.forecast_model AND s.version = known.version AND s.key = known.key;
    END IF;
    RETURN after.status;
END
$$;
COMMENT ON FUNCTION observe(text, jsonb, timestamptz, float8, float8[]) IS
    'Takes the value of one window into the deployed version of a model, without a fit: ok, or a status that says why not';

CREATE TYPE model_forecast AS (
    key        jsonb,
    version    int,
    ts         timestamptz,
    step       int,
    is_history bool,
    y          float8,
    yhat       float8,
    lower      float8,
    upper      float8,
    levels     float8[],
    q          float8[],
    model_used text,
    status     text
);
COMMENT ON TYPE model_forecast IS 'A row of predict: the columns of forecast, the series and the version that made it';

CREATE FUNCTION predict(name text, horizon interval DEFAULT NULL, key jsonb DEFAULT NULL, level float8 DEFAULT NULL, quantiles float8[] DEFAULT NULL)
RETURNS SETOF model_forecast
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    fitted forecast_model_version;
BEGIN
    SELECT v.* INTO fitted FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.version = model.deployed;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" has no deployed version', name USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Fit it: SELECT * FROM prescale.fit(name); the first version with a fitted series is deployed at once.';
    END IF;
    SELECT coalesce(level, f.level), coalesce(quantiles, f.quantiles) INTO level, quantiles FROM jsonb_to_record(fitted.spec) f (level float8, quantiles float8[]);
    RETURN QUERY
        SELECT s.key, s.version, p.ts, p.step, coalesce(p.is_history, false), p.y, p.yhat, p.lower, p.upper, coalesce(p.levels, quantiles, '{}'), p.q,
               coalesce(p.model_used, 'none'), coalesce(p.status, s.status)
        FROM forecast_model_series s
        LEFT JOIN LATERAL predict_series(s.state, coalesce(horizon, fitted.horizon), level, quantiles, fitted.network) p ON true
        WHERE s.forecast_model = fitted.forecast_model AND s.version = fitted.version AND (key IS NULL OR s.key = key);
    IF NOT FOUND AND key IS NOT NULL THEN
        RAISE EXCEPTION 'version % of model "%" has no series %', fitted.version, name, key USING ERRCODE = 'undefined_object',
            HINT = 'SELECT key FROM prescale.forecast_model_series lists the series; a new fit takes new ones in.';
    END IF;
END
$$;
COMMENT ON FUNCTION predict(text, interval, jsonb, float8, float8[]) IS
    'Forecasts of the deployed version of a model from the last window it has seen, for all series or one; no table of measurements is read';

CREATE FUNCTION deploy(name text, version text) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    wanted int;
BEGIN
    -- Looked at again under a lock that a fit takes too before it deletes versions.
    SELECT m.* INTO model FROM forecast_model m WHERE m.forecast_model = model.forecast_model FOR NO KEY UPDATE;
    IF version = 'most_recent' THEN
        wanted := (SELECT max(v.version) FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.n_fitted > 0);
    ELSIF version = 'best_score' THEN
        wanted := best_model_version(model.forecast_model);
    ELSIF version = 'previous' THEN
        wanted := model.earlier[cardinality(model.earlier)];
        IF wanted IS NULL THEN
            RAISE EXCEPTION 'model "%" has no version to go back to', name USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'None was deployed before this one, or all of them were gone back over; deploy a version by its number.';
        END IF;
    ELSIF version ~ '^[0-9]{1,9}$' THEN
        wanted := (SELECT v.version FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.version = deploy.version::int AND v.n_fitted > 0);
    ELSE
        RAISE EXCEPTION 'version "%" is not known', coalesce(version, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the number of a version, best_score, most_recent or previous.';
    END IF;
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'model "%" has no version "%" to deploy', name, version USING ERRCODE = 'undefined_object',
            HINT = 'SELECT version, n_fitted, score FROM prescale.forecast_model_version lists the versions; one without a fitted series is not deployed.';
    END IF;
    UPDATE forecast_model m
    SET deployed = wanted,
        earlier = CASE WHEN version = 'previous' THEN m.earlier[:cardinality(m.earlier) - 1]
                       ELSE array_remove(array_remove(m.earlier, wanted) || m.deployed, NULL) END
    WHERE m.forecast_model = model.forecast_model AND m.deployed IS DISTINCT FROM wanted;
    RETURN wanted;
END
$$;
COMMENT ON FUNCTION deploy(text, text) IS 'Says which version predict asks: a number, best_score, most_recent or previous; returns it';

CREATE FUNCTION deploy(name text, version int) RETURNS int
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS 'SELECT prescale.deploy(name, version::text)';
COMMENT ON FUNCTION deploy(text, int) IS 'Says which version predict asks; returns it';

-- Versions may know different series: they are compared by those that all of them scored, where there are any.
CREATE FUNCTION best_model_version(forecast_model bigint) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH scored AS (
        SELECT s.version, s.key, (s.metrics ->> 'mase')::float8 AS mase FROM forecast_model_series s
        WHERE s.forecast_model = best_model_version.forecast_model AND s.metrics ->> 'mase' IS NOT NULL
    ), common AS (
        SELECT s.key FROM scored s GROUP BY s.key HAVING count(*) = (SELECT count(DISTINCT version) FROM scored)
    )
    SELECT s.version FROM scored s WHERE s.key IN (SELECT c.key FROM common c) OR NOT EXISTS (SELECT FROM common)
    GROUP BY s.version ORDER BY avg(s.mase), s.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION best_model_version(bigint) IS 'The version with the least mean MASE out of sample, over the series that all versions scored';

CREATE FUNCTION rollback(name text) RETURNS int
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$SELECT prescale.deploy(name, 'previous')$$;
COMMENT ON FUNCTION rollback(text) IS 'Deploys the version that was deployed before this one; called again, the one before that';

CREATE FUNCTION drop_model(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    model forecast_model := find_model(name);
BEGIN
    DELETE FROM forecast_model m WHERE m.forecast_model = model.forecast_model;
END
$$;
COMMENT ON FUNCTION drop_model(text) IS 'Forgets a model with all its versions; the table itself is left alone';
