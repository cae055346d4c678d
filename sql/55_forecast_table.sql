-- Stage forecast: many series of one table.

CREATE FUNCTION check_column_types(rel regclass, columns name[], wanted text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    odd name;
    used text;
BEGIN
    SELECT a.attname, a.atttypid::regtype INTO odd, used FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = rel AND a.attname = ANY (columns) AND NOT CASE wanted
        WHEN 'time' THEN t.oid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
        WHEN 'text' THEN t.typcategory IN ('S', 'E')
        ELSE t.typcategory = 'N' AND t.typname NOT LIKE 'reg%' AND t.typname NOT IN ('oid', 'money') OR wanted = 'number or truth value' AND t.typcategory = 'B' END
    ORDER BY array_position(columns, a.attname) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" is of type %, not %', odd, rel, used, CASE wanted WHEN 'text' THEN 'text' ELSE 'a ' || wanted END USING ERRCODE = 'datatype_mismatch',
            HINT = CASE wanted WHEN 'time' THEN 'Use a column of type timestamptz, timestamp or date, or a view that casts it.'
                               WHEN 'number' THEN 'Use a numeric column, or a view that casts it.'
                               ELSE 'Use a view that casts it or leaves it out.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION check_column_types(regclass, name[], text) IS
    'Raises 42804 for the first of the columns that is not what is wanted: time, text, number, number or truth value';

CREATE FUNCTION series_query(rel regclass, time_col name, value_col name, by name[], covariates name[] DEFAULT '{}', timezone text DEFAULT 'UTC') RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    ts text;
BEGIN
    IF rel IS NULL OR time_col IS NULL OR value_col IS NULL OR by IS NULL OR array_position(by, NULL) IS NOT NULL
        OR covariates IS NULL OR array_position(covariates, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'rel, time_col, value_col and the columns in by and covariates must not be null' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example: forecast_table(''metric'', ''ts'', ''value'', ''1 hour'', by => ''{service}'').';
    END IF;
    PERFORM check_column(rel, c) FROM unnest(ARRAY[time_col, value_col] || by || covariates) c;
    PERFORM check_column_types(rel, ARRAY[time_col], 'time'), check_column_types(rel, value_col || covariates, 'number');
    -- Times without a zone do not depend on that of the session, as those of regressors and events do not.
    ts := CASE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = time_col AND a.atttypid = 'timestamptz'::regtype)
               THEN format('r.%I', time_col) ELSE format('r.%I::timestamp AT TIME ZONE %L', time_col, timezone) END;
    RETURN (SELECT format('SELECT jsonb_build_object(%s) AS key, prescale.series_agg((%s)::timestamptz, r.%I::float8) AS s, ARRAY[%s]::prescale.series[] AS covariates FROM %I.%I r%s',
                          (SELECT string_agg(format('%L, r.%I', c, c), ', ') FROM unnest(by) c), ts, value_col,
                          (SELECT string_agg(format('prescale.series_agg((%s)::timestamptz, r.%I::float8)', ts, c), ', ' ORDER BY i)
                           FROM unnest(covariates) WITH ORDINALITY u (c, i)), n.nspname, p.relname,
                          (SELECT format(' GROUP BY %1$s ORDER BY %1$s', string_agg(format('r.%I', c), ', ')) FROM unnest(by) c HAVING count(*) > 0))
            FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace WHERE p.oid = rel);
END
$$;
COMMENT ON FUNCTION series_query(regclass, name, name, name[], name[], text) IS
    'The query for all series of a table, one a group of the columns in by: key, s, covariates; raises 42703 and 42804 for columns that do not fit';

CREATE FUNCTION check_on_error(on_error text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF on_error IS NULL OR on_error NOT IN ('skip', 'raise') THEN
        RAISE EXCEPTION 'on_error "%" is not known', on_error USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known: skip (a row whose status says what went wrong), raise (the query fails).';
    END IF;
END
$$;
COMMENT ON FUNCTION check_on_error(text) IS 'Raises 22023 when it is neither skip nor raise';

CREATE FUNCTION rows_for(rows jsonb, by name[], key jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_agg(r.row - by::text[] ORDER BY r.i) FROM jsonb_array_elements(rows) WITH ORDINALITY r (row, i)
        WHERE NOT EXISTS (SELECT FROM jsonb_each(key) k (name, value)
                          WHERE k.name = ANY (by) AND r.row ? k.name AND r.row -> k.name <> k.value AND r.row ->> k.name IS DISTINCT FROM k.value #>> '{}'));
COMMENT ON FUNCTION rows_for(jsonb, name[], jsonb) IS
    'Rows in JSON for one group, without its columns: a row with another value in a column of the key is for others; all rows without a key';

CREATE FUNCTION keys_of_events(by name[]) RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT c FROM unnest(by) c WHERE c NOT IN ('name', 'since', 'until'));
COMMENT ON FUNCTION keys_of_events(name[]) IS 'Those of the columns in by that can tell events of one series from those of another: not the ones that all events have';

CREATE FUNCTION check_regressors(rows jsonb, wanted bool, s series) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF wanted AND rows IS NULL AND n(s) > 0 THEN
        RAISE EXCEPTION 'no regressors for this series' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Rows with columns in by are for the group with these values: give rows for this one, or without these columns for all.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_regressors(jsonb, bool, series) IS 'Raises 22023 for a series with values that has no rows of the regressors that are wanted';

-- Series are read one at a time, sorted: hashed groups would hold all of them in memory at once. What is wrong with the arguments is wrong for
-- every series: an empty one shows it before any is read.
CREATE FUNCTION forecast_table(
    rel regclass,
    time_col name,
    value_col name,
    horizon interval,
    by name[] DEFAULT '{}',
    model text DEFAULT 'auto',
    level float8 DEFAULT 0.95,
    quantiles float8[] DEFAULT NULL,
    periods interval[] DEFAULT NULL,
    floor float8 DEFAULT NULL,
    ceiling float8 DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    with_history bool DEFAULT false,
    options jsonb DEFAULT '{}',
    regressors jsonb DEFAULT NULL,
    events jsonb DEFAULT NULL,
    on_error text DEFAULT 'skip',
    covariates name[] DEFAULT '{}'
) RETURNS TABLE (key jsonb, ts timestamptz, step int, is_history bool, y float8, yhat float8, lower float8, upper float8, levels float8[],
                 q float8[], model_used text, status text)
LANGUAGE plpgsql STABLE COST 1000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off AS $$
#variable_conflict use_variable
DECLARE
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    query text := series_query(rel, time_col, value_col, by, covariates);
    one record;
    series_of refcursor;
    regressors_by name[] := array_remove(by, 'ts');
    events_by name[] := keys_of_events(by);
    own_regressors jsonb;
BEGIN
    PERFORM check_on_error(on_error), prescale.forecast(none, horizon, model, level, quantiles, periods, floor, ceiling, as_of, with_history, options,
                                                        rows_for(regressors, regressors_by, NULL), rows_for(events, events_by, NULL),
                                                        array_fill(none, ARRAY[cardinality(covariates)]));
    OPEN series_of FOR EXECUTE query;
    LOOP
        FETCH series_of INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            own_regressors := rows_for(regressors, regressors_by, one.key);
            PERFORM check_regressors(own_regressors, regressors <> '[]', one.s);
            RETURN QUERY SELECT one.key, f.* FROM prescale.forecast(one.s, horizon, model, level, quantiles, periods, floor, ceiling, as_of, with_history, options,
                                                                         own_regressors, rows_for(events, events_by, one.key), one.covariates) f;
        EXCEPTION WHEN OTHERS THEN
            IF on_error = 'raise' THEN
                RAISE;
            END IF;
            RETURN QUERY SELECT one.key, NULL::timestamptz, NULL::int, false, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
                                coalesce(quantiles, '{}'), NULL::float8[], 'none', format('error %s: %s', SQLSTATE, SQLERRM);
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION forecast_table(regclass, name, name, interval, name[], text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, text, name[]) IS
    'Forecasts of all series of a table, one a group of the columns in by; a series that fails is one row whose status says why';

CREATE FUNCTION backtest_table(
    rel regclass,
    time_col name,
    value_col name,
    horizon interval,
    by name[] DEFAULT '{}',
    step interval DEFAULT NULL,
    windows int DEFAULT 5,
    models text[] DEFAULT '{auto,ensemble,ets,theta,mstl,seasonal_naive,last_value}',
    level float8 DEFAULT 0.95,
    quantiles float8[] DEFAULT NULL,
    periods interval[] DEFAULT NULL,
    floor float8 DEFAULT NULL,
    ceiling float8 DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    regressors jsonb DEFAULT NULL,
    events jsonb DEFAULT NULL,
    on_error text DEFAULT 'skip',
    covariates name[] DEFAULT '{}'
) RETURNS TABLE (key jsonb, model text, origin timestamptz, n bigint, mae float8, rmse float8, smape float8, mase float8, pinball float8,
                 coverage float8, msis float8, fit_ms float8, status text)
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off AS $$
#variable_conflict use_variable
DECLARE
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    query text := series_query(rel, time_col, value_col, by, covariates);
    one record;
    series_of refcursor;
    regressors_by name[] := array_remove(by, 'ts');
    events_by name[] := keys_of_events(by);
    own_regressors jsonb;
BEGIN
    PERFORM check_on_error(on_error), prescale.backtest(none, horizon, step, windows, models, level, quantiles, periods, floor, ceiling, as_of, options,
                                                        rows_for(regressors, regressors_by, NULL), rows_for(events, events_by, NULL),
                                                        array_fill(none, ARRAY[cardinality(covariates)]));
    OPEN series_of FOR EXECUTE query;
    LOOP
        FETCH series_of INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            own_regressors := rows_for(regressors, regressors_by, one.key);
            PERFORM check_regressors(own_regressors, regressors <> '[]', one.s);
            RETURN QUERY SELECT one.key, b.*
                FROM prescale.backtest(one.s, horizon, step, windows, models, level, quantiles, periods, floor, ceiling, as_of, options,
                                       own_regressors, rows_for(events, events_by, one.key), one.covariates) b;
        EXCEPTION WHEN OTHERS THEN
            IF on_error = 'raise' THEN
                RAISE;
            END IF;
            RETURN QUERY SELECT one.key, NULL::text, NULL::timestamptz, 0::bigint, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
                                NULL::float8, NULL::float8, NULL::float8, format('error %s: %s', SQLSTATE, SQLERRM);
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION backtest_table(regclass, name, name, interval, name[], interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, text, name[]) IS
    'Backtests of all series of a table, one a group of the columns in by; a series that fails is one row whose status says why';
