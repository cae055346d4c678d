//! The PostgreSQL extension: SQL in front of `prescale-core`. Translation only; one file per stage.
//!
//! In: arguments of SQL functions and rows of sources. Out: results of core, or errors with SQLSTATE and hint.
#![deny(unsafe_code)]
#![allow(
    clippy::type_complexity,
    reason = "pgrx reads the columns of a result from the function's signature"
)]
#![allow(
    clippy::result_large_err,
    reason = "pgrx raises SQLSTATE and hint only from an unboxed ErrorReport"
)]

use pgrx::prelude::*;

mod error;
mod convert;
mod aggregate;
mod sample;
mod window;
mod feature;
mod fingerprint;
mod forecast;
mod recommend;
mod decide;
mod feedback;

pgrx::pg_module_magic!();

// Tables, views and PL/pgSQL in the order of the flow: each file comes after the one before it and after the Rust
// items of its stage.
extension_sql_file!("../../sql/00_bootstrap.sql", name = "bootstrap", bootstrap);
extension_sql_file!(
    "../../sql/10_sample.sql",
    name = "sample",
    requires = ["bootstrap", "sample_sql", "source_sql"]
);
extension_sql_file!(
    "../../sql/20_window.sql",
    name = "window",
    requires = ["sample", "window_sql"]
);
extension_sql_file!(
    "../../sql/30_feature.sql",
    name = "feature",
    requires = ["window", "feature_sql", "feature_series_sql"]
);
extension_sql_file!(
    "../../sql/40_fingerprint.sql",
    name = "fingerprint",
    requires = ["feature", "fingerprint_sql"]
);
extension_sql_file!(
    "../../sql/45_nearest.sql",
    name = "nearest",
    requires = ["fingerprint", "map_sql", "regime_sql", "nearest_sql"]
);
extension_sql_file!(
    "../../sql/50_forecast.sql",
    name = "forecast",
    requires = [
        "nearest",
        "forecast_sql",
        "forecast_explain_sql",
        "forecast_backtest_sql"
    ]
);
extension_sql_file!(
    "../../sql/55_forecast_table.sql",
    name = "forecast_table",
    requires = ["forecast"]
);
extension_sql_file!(
    "../../sql/55_registry.sql",
    name = "registry",
    requires = ["forecast_table", "registry_sql", "pool_sql"]
);
extension_sql_file!(
    "../../sql/60_recommend.sql",
    name = "recommend",
    requires = ["registry", "recommend_sql"]
);
extension_sql_file!(
    "../../sql/70_decide.sql",
    name = "decide",
    requires = ["recommend", "decide_sql"]
);
extension_sql_file!(
    "../../sql/80_feedback.sql",
    name = "feedback",
    requires = ["decide", "feedback_sql"]
);
extension_sql_file!(
    "../../sql/85_refresh.sql",
    name = "refresh",
    requires = ["feedback"]
);
extension_sql_file!(
    "../../sql/90_grant.sql",
    name = "grant",
    requires = ["refresh"],
    finalize
);
