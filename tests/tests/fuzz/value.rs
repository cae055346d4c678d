//! Odd and ordinary values of each type, as SQL. Values of our own types also come from calls.

/// A database with a managed workload, for the functions that read one.
pub(crate) const DATABASE: &str = "
    CREATE EXTENSION prescale;
    CREATE SCHEMA odd;
    CREATE TABLE metric AS
    SELECT t AS ts, 100 + 60 * sin(extract(epoch FROM t) / 13751) + extract(epoch FROM t)::bigint / 900 * 31 % 17 / 17.0 AS value
    FROM generate_series(timestamptz '2024-01-01', '2024-01-05', '15 minutes') t;
    CREATE TABLE demand AS SELECT prescale.series_agg(ts, value) AS s FROM metric;
    CREATE TABLE trained AS SELECT members, prescale.fit_network(members, '1 hour', NULL, '{\"hidden\": 8, \"window\": 16, \"updates\": 20}') AS network
    FROM (SELECT ARRAY[prescale.pool_member(prescale.series_agg(ts, value), NULL, '15 minutes', 'none', 'mean', 'UTC', NULL, 0, 1)] AS members
          FROM metric WHERE ts < '2024-01-02') m;
    SELECT count(*) FROM prescale.add_source('web', 'metric', period => '15 minutes');
    SELECT prescale.add_workload('shop', 'web', step => '15 minutes'), prescale.set_policy('shop', unit_capacity => 20);
    CALL prescale.refresh(as_of => '2024-01-04');
    SELECT prescale.create_model('kept', 'metric', 'ts', 'value', horizon => '1 hour', spec => '{\"model\": \"ets\"}');
    SELECT count(*) FROM prescale.fit('kept');";

const FLOAT: &[&str] = &[
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    "0",
    "'-0'",
    "1",
    "-1",
    "0.5",
    "0.95",
    "2",
    "3.7",
    "1e-300",
    "5e-324",
    "1e9 + 1e-3",
    "1e140",
    "-1e140",
    "1e200",
    "1e308",
    "-1e308",
];

const FLOATS: &[&str] = &[
    "'{}'",
    "'{NULL}'",
    "'{1}'",
    "'{0.5}'",
    "'{0.1,0.5,0.95}'",
    "'{1,2}'",
    "'{2,1}'",
    "'{3,1}'",
    "'{1e9,1e9}'",
    "'{5,NULL}'",
    "'{NULL,NULL}'",
    "'{NaN,1}'",
    "'{Infinity,-Infinity}'",
    "'{1e308,-1e308}'",
    "'{1e140,-1e140}'",
    "'{1e-300,-1e-300}'",
    "'{0,0,0}'",
    "'{1,2,3}'",
    "'{3,1,4}'",
    "'{1,5,9}'",
    "'{{1,2},{3,4}}'",
    "'[0:1]={5,6}'",
    "array_fill(1.5::float8, ARRAY[256])",
    "array_fill(1.5::float8, ARRAY[257])",
    "array_fill(1.5::float8, ARRAY[1000000])",
    "ARRAY(SELECT 100 + 50 * sin(i / 3.8) FROM generate_series(1, 500) i)",
];

/// Series over ten days and less, of every shape; the last one is large.
const SERIES: &[&str] = &[
    "(SELECT series_agg(NULL, NULL))",
    "(SELECT series_agg('2024-01-01', 5))",
    "(SELECT series_agg('2024-01-01', v) FROM generate_series(1, 5) v)",
    "(SELECT series_agg(t, 7) FROM generate_series(timestamptz '2024-01-01', '2024-01-09', '1 hour') t)",
    "(SELECT series_agg(t, 0) FROM generate_series(timestamptz '2024-01-01', '2024-01-09', '1 hour') t)",
    "(SELECT series_agg(t, 100 + 50 * sin(extract(epoch FROM t) / 13751)) FROM generate_series(timestamptz '2024-01-01', '2024-01-09', '1 hour') t)",
    "(SELECT series_agg(t, 1e9 + 1e-3 * sin(extract(epoch FROM t))) FROM generate_series(timestamptz '2024-01-01', '2024-01-09', '1 hour') t)",
    "(SELECT series_agg(t, 1e308 * cos(extract(epoch FROM t))) FROM generate_series(timestamptz '2024-01-01', '2024-01-04', '1 hour') t)",
    "(SELECT series_agg(t, 1e-310 * extract(day FROM t)) FROM generate_series(timestamptz '2024-01-01', '2024-01-09', '1 hour') t)",
    "(SELECT series_agg(t, -extract(minute FROM t)) FROM generate_series(timestamptz '2024-03-30', '2024-04-02', '7 minutes') t)",
    "(SELECT series_agg(t, extract(year FROM t)) FROM generate_series(timestamptz '4713-01-02 BC', '290000-01-01', '9000 years') t)",
    "(SELECT series_agg('2024-01-01'::timestamptz + i * i * interval '1 microsecond', i % 7) FROM generate_series(1, 300) i)",
    "(SELECT rate_agg(t, extract(epoch FROM t)::int8 % 100000) FROM generate_series(timestamptz '2024-01-01', '2024-01-03', '10 minutes') t)",
    "(SELECT resample(series_agg(t, extract(hour FROM t)), '1 hour', 'none', timezone => 'Europe/Berlin') FROM generate_series(timestamptz '2024-03-28', '2024-04-02', '3 hours') t)",
    "(SELECT series_agg('2024-01-01'::timestamptz + i * interval '1 second', i % 100) FROM generate_series(1, 50000) i)",
];

const TEXT: &[&str] = &[
    "''",
    "'x'",
    "' '",
    "'shop'",
    "'web'",
    "'narrow'",
    "'UTC'",
    "'Europe/Berlin'",
    "'linear'",
    "'zero'",
    "'locf'",
    "'none'",
    "'seasonal'",
    "'mean'",
    "'count'",
    "'last'",
    "'pearson'",
    "'spearman'",
    "'miller_madow'",
    "'auto'",
    "'naive'",
    "'seasonal_naive'",
    "'ets'",
    "'theta'",
    "'ridge'",
    "'ensemble'",
    "'prophet'",
    "'lstm'",
    "U&'\\+01F600 \\0065\\0301 \\202E\\0001'",
    "repeat('long', 25000)",
    "'{\"format\": 1}'",
    "'2024-01-01'",
    "'x''; SELECT 1; --'",
    "'{{}}%s%n'",
];

const INTERVAL: &[&str] = &[
    "'0'",
    "'-1 day'",
    "'1 microsecond'",
    "'1 second'",
    "'1 minute'",
    "'15 minutes'",
    "'1 hour'",
    "'2 hours'",
    "'1 day'",
    "'7 days'",
    "'1 month'",
    "'1 month -30 days'",
    "'1 day -23 hours'",
    "'200000 years'",
    "'178000000 years'",
    "'2147483647 days'",
    "'-2147483648 days'",
    "'9223372036854775807 microseconds'",
];

const TIME: &[&str] = &[
    "'infinity'",
    "'-infinity'",
    "'1970-01-01'",
    "'2024-01-01'",
    "'2024-01-02'",
    "'2024-01-03 12:00'",
    "'2024-03-31 01:30'",
    "'4714-11-24 00:00:00+00 BC'",
    "'294276-12-31 23:59:59.999999+00'",
];

const INTEGER: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "100000",
    "2147483647",
    "-2147483648",
];

/// A recommendation, an observation, a demand model, options of a forecast, and what is none of these.
const JSON: &[&str] = &[
    r#"'{"mode": "full", "origin": 1000000000, "demand": 60, "demand_peak": 60, "forecast": 230, "forecast_peak": 230, "unit_capacity": 20, "target_utilization": 0.7, "headroom": 1,
        "min_units": 2, "max_units": 20, "tolerance": 0.1, "band_out": 0.1, "band_slack": 0.25, "band_in": 0.1, "max_scale_out": 5, "max_scale_in": null, "stale_after": 300000000,
        "paused_out": false, "paused_in": false}'"#,
    r#"'{"state": "seen", "units_total": 5, "units_ready": 5, "version": null}'"#,
    "(SELECT model FROM demand d, demand_fit(d.s, '15 minutes', '30 minutes', 20, 1, '{0.5,0.95}', '2024-01-05'))",
    r#"'{"seed": 1, "epochs": 2}'"#,
    r#"'[{"name": "sale", "since": "2024-01-03"}]'"#,
    r#"'[{"ts": "2024-01-01", "x": 1}, {"ts": "2024-01-06", "x": 2}]'"#,
    "'null'",
    "'{}'",
    "'[]'",
    "'[null]'",
    "'0'",
    "'\"x\"'",
    "'{\"a\": 1e400}'",
    "'{\"format\": 1}'",
    "repeat('[', 200)::text || repeat(']', 200)",
];

/// Values to begin with of a type by its name; none for a type that is not known here.
pub(crate) fn given(name: &str) -> Vec<&'static str> {
    let values: &[&str] = match name {
        "double precision" => FLOAT,
        "double precision[]" => FLOATS,
        "series" => SERIES,
        "text" | "cstring" | "name" => TEXT,
        "interval" => INTERVAL,
        "timestamp with time zone" => TIME,
        "integer" => INTEGER,
        "jsonb" => JSON,
        "bigint" => &[
            "0",
            "1",
            "-1",
            "2",
            "3",
            "9223372036854775807",
            "-9223372036854775808",
        ],
        "boolean" => &["true", "false"],
        "numeric" => &[
            "'NaN'",
            "'Infinity'",
            "0",
            "-1",
            "12.5",
            "1e1000",
            "1e-1000",
        ],
        // a number that is no relation cannot be told from a race with DROP: PostgreSQL itself calls that an internal error
        "regclass" => &["'metric'", "'pg_class'", "'pg_class_oid_index'"],
        "text[]" => &[
            "'{}'",
            "'{NULL}'",
            "'{a}'",
            "'{a,b}'",
            "'{a,a}'",
            "'{\"\"}'",
            "'{{a,b},{c,d}}'",
            "'{rate}'",
            "ARRAY(SELECT 'm' || i FROM generate_series(1, 65) i)",
            "array_fill('x'::text, ARRAY[1000000])",
        ],
        "interval[]" => &[
            "'{}'",
            "'{NULL}'",
            "'{0}'",
            "'{-1 day}'",
            "'{1 day}'",
            "'{1 hour,1 day}'",
            "'{1 day,1 day}'",
            "'{1 day,7 days}'",
            "'{1 month}'",
            "'{1 microsecond}'",
            "'{200000 years}'",
            "array_fill('1 day'::interval, ARRAY[1000])",
        ],
        "integer[]" => &[
            "'{}'",
            "'{NULL}'",
            "'{1}'",
            "'{1,1}'",
            "'{-1,2147483647}'",
            "array_fill(1, ARRAY[100000])",
        ],
        "timestamp with time zone[]" => &[
            "'{}'",
            "'{NULL}'",
            "'{2024-01-01}'",
            "'{2024-01-03}'",
            "'{infinity}'",
            "'{2024-01-01,2024-01-02}'",
        ],
        "name[]" => &[
            "'{}'",
            "'{NULL}'",
            "'{value}'",
            "'{nothing}'",
            "'{value,value}'",
            "array_fill('ts'::name, ARRAY[100])",
        ],
        "bytea" => &[
            "''",
            r"'\\x00'",
            r"'\\x0102030405060708'",
            "(SELECT f.state FROM demand d, fit_series(d.s, '1 hour', 'ets', 0.9, '{0.5}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) f)",
            "(SELECT set_byte(f.state, 40, 255) FROM demand d, fit_series(d.s, '1 hour', 'theta', 0.9, '{0.5}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) f)",
            "decode(repeat('ff', 100000), 'hex')",
            "(SELECT network FROM trained)",
            "(SELECT f.state FROM demand d, fit_series(d.s, '1 hour', 'lstm', 0.9, '{0.5}', NULL, NULL, NULL, NULL, '1 hour', 'none', 'mean', 'UTC', network => (SELECT network FROM trained)) f)",
        ],
        "bytea[]" => &[
            "'{}'",
            "'{NULL}'",
            r"ARRAY['\x00'::bytea, '\x0102030405060708']",
            "(SELECT members FROM trained)",
            "(SELECT members || members FROM trained)",
            "(SELECT array_append(members, set_byte(members[1], 9, 255)) FROM trained)",
        ],
        "series[]" => &[
            "'{}'",
            "'{NULL}'",
            "(SELECT ARRAY[s] FROM demand)",
            "(SELECT ARRAY[s, s] FROM demand)",
            "(SELECT array_fill(s, ARRAY[40]) FROM demand)",
        ],
        // two clouds: few calls draw vectors that have regimes
        "vector_set" | "prescale.vector_set" => &[
            "(SELECT vector_agg(i, ARRAY[i % 2 * 100 + i % 7, i % 5]::float8[]) FROM generate_series(1, 200) i)",
        ],
        "forecast_model" | "prescale.forecast_model" => &["find_model('kept')"],
        _ => &[],
    };
    values.to_vec()
}
