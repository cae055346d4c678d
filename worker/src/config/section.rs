//! The sections other than `database`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::source::Source;
use super::value;

/// How often to do what.
#[derive(Debug, Clone)]
pub struct CycleConfig {
    /// From the end of one cycle to the start of the next.
    pub interval: Duration,
    /// Targets read or scaled at the same time.
    pub concurrency: usize,
    /// Whether this worker calls `refresh`.
    pub refresh: bool,
    /// From the end of one refresh to the start of the next.
    pub refresh_interval: Duration,
    /// Statement timeout of a refresh; what it has committed until then stays.
    pub refresh_timeout: Duration,
}

/// Which workloads to lead.
#[derive(Debug, Clone)]
pub struct LeaseConfig {
    /// Shards to take the lease of, ascending.
    pub shards: Vec<i32>,
    /// How long a lease lasts without renewal.
    pub ttl: Duration,
    /// Name of this process in the lease; no two running workers may share one.
    pub holder: String,
}

/// Where to serve metrics and health.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Address and port.
    pub listen: SocketAddr,
}

/// How to write log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How to log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// A level for the worker (`info`), or a filter such as `info,kube=debug`.
    pub level: String,
}

/// How to reach Kubernetes. Without `kubeconfig` and `context`: `$KUBECONFIG`, then the default file, then in-cluster.
#[derive(Debug, Clone)]
pub struct KubernetesConfig {
    /// Path of a kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// Context in it; its current one when missing.
    pub context: Option<String>,
    /// Limit of one request.
    pub request_timeout: Duration,
}

/// As often as Kubernetes' own autoscaler looks (`--horizontal-pod-autoscaler-sync-period`).
const INTERVAL: Duration = Duration::from_secs(15);
/// Two cycles: one may fail without losing the lease.
const TTL: Duration = Duration::from_secs(30);
/// Enough to read 1,000 targets at 50 ms each in 1.6 s, below what API priority and fairness grants one user.
const CONCURRENCY: usize = 32;
/// A first refresh trains a model for every workload; it commits as it goes, so a limit costs one batch.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(3600);
/// Ten times what a loaded API server takes for a single object.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The port after Prometheus' reserved range of exporters; local until told otherwise.
const LISTEN: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9797);

pub(super) fn cycle(source: &mut Source) -> CycleConfig {
    let mut section = source.section("cycle");
    let interval = section
        .take("interval", value::duration)
        .unwrap_or(INTERVAL);
    let concurrency = section
        .take("concurrency", |v| value::whole(v, 1..=1000))
        .unwrap_or(CONCURRENCY);
    let refresh = section.take("refresh", value::flag).unwrap_or(true);
    let refresh_interval = section
        .take("refresh_interval", value::duration)
        .unwrap_or(interval);
    let refresh_timeout = section
        .take("refresh_timeout", value::duration)
        .unwrap_or(REFRESH_TIMEOUT);
    section.finish();
    CycleConfig {
        interval,
        concurrency,
        refresh,
        refresh_interval,
        refresh_timeout,
    }
}

pub(super) fn lease(source: &mut Source, interval: Duration) -> LeaseConfig {
    let mut section = source.section("lease");
    let shards = section
        .take("shards", value::shards)
        .unwrap_or_else(|| vec![0]);
    let ttl = section.take("ttl", value::duration);
    let holder = section
        .take("holder", value::text)
        .unwrap_or_else(default_holder);
    section.finish();
    let ttl = ttl.unwrap_or(TTL.max(2 * interval));
    if ttl < 2 * interval {
        let why = format!("must be at least twice cycle.interval, which is {interval:?}");
        source.problem("lease.ttl", Some(format!("{ttl:?}")), why);
    }
    LeaseConfig {
        shards,
        ttl,
        holder,
    }
}

pub(super) fn http(source: &mut Source) -> HttpConfig {
    let mut section = source.section("http");
    let listen = section
        .take("listen", value::address)
        .unwrap_or_else(|| SocketAddr::from(LISTEN));
    section.finish();
    HttpConfig { listen }
}

pub(super) fn log(source: &mut Source) -> LogConfig {
    let mut section = source.section("log");
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let format = section
        .take("format", |v| value::word(v, &formats))
        .unwrap_or(LogFormat::Text);
    let level = section.take("level", |v| {
        let text = value::text(v)?;
        crate::log::filter(&text).map(|_| text)
    });
    section.finish();
    LogConfig {
        format,
        level: level.unwrap_or_else(|| "info".to_owned()),
    }
}

pub(super) fn kubernetes(source: &mut Source) -> KubernetesConfig {
    let mut section = source.section("kubernetes");
    let kubeconfig = section.take("kubeconfig", value::path);
    let context = section.take("context", value::text);
    let request_timeout = section
        .take("request_timeout", value::duration)
        .unwrap_or(REQUEST_TIMEOUT);
    section.finish();
    KubernetesConfig {
        kubeconfig,
        context,
        request_timeout,
    }
}

/// Host name, process and start: in containers the first two repeat (process 1 of the same pod), and two workers
/// under one name would both believe that they hold the lease.
fn default_holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "unknown"
    } else {
        host.trim()
    };
    let start = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    format!("{host}-{}-{start:x}", std::process::id())
}
