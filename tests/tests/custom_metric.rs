//! Metrics of any name enter features and fingerprints by configuration alone, and may come and go.

use anyhow::Result;
use prescale_tests::postgres::Postgres;

const DATABASE: &str = "postgres";

struct Managed(Postgres);

impl Managed {
    fn start() -> Result<Self> {
        let server = Postgres::start()?;
        server.psql(DATABASE, "postgres", "CREATE EXTENSION prescale")?;
        Ok(Self(server))
    }

    fn sql(&self, sql: &str) -> Result<String> {
        Ok(self.0.psql(DATABASE, "postgres", sql)?.trim().to_owned())
    }

    fn refresh(&self, as_of: &str) -> Result<()> {
        self.sql(&format!("CALL prescale.refresh(as_of => '{as_of}')"))?;
        let status = self.sql("SELECT status, code, message FROM prescale.status WHERE status = 'error' OR code IS NOT NULL")?;
        assert_eq!(status, "");
        Ok(())
    }

    /// Five-minute samples of a metric that follows a daily wave in its own way.
    fn samples(&self, metric: &str, from: &str, until: &str, value: &str) -> Result<()> {
        self.sql(&format!(
            "INSERT INTO metric SELECT t, '{metric}', {value}
             FROM generate_series(timestamptz '{from}', timestamptz '{until}' - interval '1 second', '5 minutes') t,
                  LATERAL (SELECT sin(extract(epoch FROM t) / 13751) AS wave, extract(epoch FROM t)::bigint / 300 * 31 % 17 / 17.0 AS noise) w"
        ))?;
        Ok(())
    }
}

#[test]
fn a_metric_that_vanishes_or_appears_breaks_nothing_and_enters_at_the_next_fit() -> Result<()> {
    let managed = Managed::start()?;
    managed.sql("CREATE TABLE metric (ts timestamptz, name text, value float8)")?;
    managed.samples("rps", "2024-05-01", "2024-05-12", "100 + 60 * wave + noise")?;
    managed.samples(
        "cache_hit_ratio",
        "2024-05-01",
        "2024-05-04",
        "0.9 - 0.1 * wave + noise / 50",
    )?;
    managed.samples(
        "pool_usage",
        "2024-05-01",
        "2024-05-12",
        "0.5 + 0.2 * wave * noise",
    )?;
    managed.samples("queue_depth", "2024-05-05", "2024-05-12", "3 + noise")?;
    managed.sql(
        "SELECT count(*) FROM prescale.add_source('metric', 'metric', metric_column => 'name', metrics => ARRAY['cache_hit_ratio', 'pool_usage', 'rps'], period => '5 minutes');
         SELECT prescale.add_workload('shop', 'metric', demand => 'rps', step => '5 minutes'), prescale.set_policy('shop', unit_capacity => 20)",
    )?;
    managed.refresh("2024-05-04")?;
    let names = "SELECT array_to_string(prescale.workload_feature_names(workload), ' ') FROM prescale.workload";
    assert_eq!(
        managed.sql(names)?,
        "rate rate_change cache_hit_ratio pool_usage rps corr_cache_hit_ratio corr_pool_usage corr_rps"
    );
    // cache_hit_ratio is gone, queue_depth is not asked for; the week's refit comes in between.
    let missing = "SELECT missing_metrics FROM prescale.status";
    assert_eq!(managed.sql(missing)?, "");
    managed.refresh("2024-05-11")?;
    assert_eq!(managed.sql(missing)?, "{cache_hit_ratio}");
    let fits = "SELECT status, metric ? 'similarity', n_train > 500 FROM prescale.model WHERE kind = 'pca' ORDER BY boundary";
    assert_eq!(managed.sql(fits)?, "ok|f|f\nok|t|t");
    let newest = "SELECT max(ts)::date, count(DISTINCT model) FROM prescale.fingerprint";
    assert_eq!(managed.sql(newest)?, "2024-05-10|2");
    let known = "SELECT md5(string_agg((ts, name, value)::text, ',' ORDER BY ts, name)) FROM prescale.feature_value WHERE name IN ('rate', 'pool_usage', 'corr_pool_usage')";
    let before = managed.sql(known)?;

    managed
        .sql("SELECT prescale.set_metrics('metric', ARRAY['queue_depth', 'pool_usage', 'rps'])")?;
    assert_eq!(managed.sql(known)?, before);
    // Nothing new to read: what is stored gets its new order, and the PCA is fitted at once.
    managed.refresh("2024-05-11")?;
    assert_eq!(managed.sql(known)?, before);
    assert_eq!(
        managed.sql(names)?,
        "rate rate_change queue_depth pool_usage rps corr_queue_depth corr_pool_usage corr_rps"
    );
    let fits = "SELECT status, spec ? 'queue_depth', metric -> 'absent' FROM prescale.model WHERE kind = 'pca' ORDER BY boundary, model";
    assert_eq!(
        managed.sql(fits)?,
        "retired|f|\nretired|f|\nok|t|[\"queue_depth\", \"corr_queue_depth\"]"
    );
    // The windows that were read again have it.
    assert_eq!(managed.sql(missing)?, "");
    managed.refresh("2024-05-12")?;
    let queue = "SELECT value IS NOT NULL, count(*) > 100 FROM prescale.feature_value WHERE name = 'queue_depth' GROUP BY 1 ORDER BY 1";
    assert_eq!(managed.sql(queue)?, "f|t\nt|t");
    let projected = "SELECT m.status, max(f.ts)::date FROM prescale.fingerprint f JOIN prescale.model m USING (model) GROUP BY 1 ORDER BY 1";
    assert_eq!(managed.sql(projected)?, "ok|2024-05-11\nretired|2024-05-10");
    // Back again: the models of before stay retired, a new one is fitted.
    managed.sql(
        "SELECT prescale.set_metrics('metric', ARRAY['cache_hit_ratio', 'pool_usage', 'rps'])",
    )?;
    managed.refresh("2024-05-12")?;
    assert_eq!(
        managed.sql("SELECT count(*) FROM prescale.model WHERE kind = 'pca' AND status = 'ok'")?,
        "1"
    );
    Ok(())
}

#[test]
fn a_column_that_is_dropped_is_missing_unless_it_is_the_demand() -> Result<()> {
    let managed = Managed::start()?;
    managed.sql(
        "CREATE TABLE wide AS SELECT t AS ts, 100 + 60 * sin(extract(epoch FROM t) / 13751) AS rps, 0.9::float8 AS cache_hit_ratio, extract(minute FROM t)::float8 AS queue_depth
         FROM generate_series(timestamptz '2024-05-01', '2024-05-04', '5 minutes') t;
         SELECT count(*) FROM prescale.add_source('wide', 'wide', kind => 'wide', period => '5 minutes');
         SELECT prescale.add_workload('shop', 'wide', demand => 'rps', step => '5 minutes'), prescale.set_policy('shop', unit_capacity => 20)",
    )?;
    managed.refresh("2024-05-03 12:00")?;
    managed.sql("ALTER TABLE wide DROP COLUMN queue_depth")?;
    managed.refresh("2024-05-03 18:00")?;
    let newest = "SELECT name, value IS NULL FROM prescale.feature_value WHERE ts = '2024-05-03 17:30' AND name IN ('cache_hit_ratio', 'queue_depth') ORDER BY 1";
    assert_eq!(managed.sql(newest)?, "cache_hit_ratio|f\nqueue_depth|t");
    assert_eq!(
        managed.sql("SELECT missing_metrics FROM prescale.status")?,
        "{queue_depth}"
    );
    assert_eq!(
        managed.sql("SELECT max(ts) > '2024-05-03 17:00' FROM prescale.fingerprint")?,
        "t"
    );
    managed.sql("ALTER TABLE wide DROP COLUMN rps")?;
    managed.sql("CALL prescale.refresh(as_of => '2024-05-03 20:00')")?;
    assert_eq!(
        managed.sql("SELECT status, code FROM prescale.status")?,
        "error|42703"
    );
    Ok(())
}

#[test]
fn metrics_that_cannot_be_read_are_refused() -> Result<()> {
    let managed = Managed::start()?;
    managed.sql(
        "CREATE TABLE wide (ts timestamptz, rps float8, cpu float8); CREATE TABLE single (ts timestamptz, value float8);
         SELECT count(*) FROM prescale.add_source('wide', 'wide', kind => 'wide');
         SELECT count(*) FROM prescale.add_source('single', 'single');
         SELECT prescale.add_workload('shop', 'wide', demand => 'rps')",
    )?;
    for (call, message) in [
        (
            "'wide', ARRAY['rps', 'memory']",
            "column \"memory\" of relation \"public.wide\" does not exist",
        ),
        (
            "'wide', ARRAY['cpu']",
            "metric \"rps\" is the demand of a workload",
        ),
        (
            "'wide', ARRAY['rps', 'rps']",
            "are not up to 64 different names",
        ),
        (
            "'wide', ARRAY['rps', NULL]",
            "are not up to 64 different names",
        ),
        ("'wide', NULL", "are not up to 64 different names"),
        (
            "'single', ARRAY['value']",
            "source \"single\" has one metric only",
        ),
        ("'none', ARRAY['value']", "source \"none\" does not exist"),
    ] {
        let refused = managed.sql(&format!("SELECT prescale.set_metrics({call})"));
        assert!(
            refused
                .as_ref()
                .is_err_and(|error| format!("{error:#}").contains(message)),
            "{call}: {refused:?}"
        );
    }
    Ok(())
}
