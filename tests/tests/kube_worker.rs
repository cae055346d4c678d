//! End to end: the daemon, PostgreSQL, and a Deployment on a real API server with the real controllers.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, PostParams};
use prescale_tests::kube::{ControlPlane, Options, Progress, Unavailable, wait_until};
use prescale_tests::postgres::Postgres;
use prescale_tests::worker::{PEAK_AHEAD, Worker};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(90);

/// Two workloads before their peak; the target of one does not exist.
const WORKLOADS: &str = "
    SELECT prescale.add_workload(w, 'metric', target => jsonb_build_object('kind', 'kubernetes', 'api_version', 'apps/v1', 'resource', 'deployments', 'namespace', 'default', 'name', w)) FROM unnest(ARRAY['web', 'ghost']) w;
    SELECT prescale.set_policy(w, mode => 'full', unit_capacity => 20, lead_time => '10 minutes', stale_after => '10 minutes') FROM unnest(ARRAY['web', 'ghost']) w";

#[tokio::test]
async fn a_deployment_grows_before_the_peak_and_a_second_worker_takes_over() -> Result<()> {
    if let Err(error) = ControlPlane::binaries() {
        eprintln!(
            "SKIP a_deployment_grows_before_the_peak_and_a_second_worker_takes_over: {}",
            error.downcast::<Unavailable>()?
        );
        return Ok(());
    }
    let mut plane = ControlPlane::start(Options::default()).await?;
    let outcome = scales(&mut plane).await;
    outcome.with_context(|| plane.log_tails())
}

async fn until(server: &Postgres, what: &str, sql: &str) -> Result<String> {
    wait_until(what, LIMIT, async || {
        let text = server.psql("postgres", "postgres", sql)?;
        Ok(if text.trim().is_empty() { Progress::Waiting(server.psql("postgres", "postgres", "SELECT action, act_status, result, reasons FROM prescale.decision ORDER BY decision DESC LIMIT 3")?) } else { Progress::Done(text.trim().to_owned()) })
    }).await
}

async fn replicas(
    deployments: &Api<Deployment>,
    what: &str,
    enough: impl Fn(i32, i32) -> bool,
) -> Result<i32> {
    wait_until(what, LIMIT, async || {
        let found = deployments.get("web").await?;
        let wanted = found.spec.and_then(|spec| spec.replicas).unwrap_or(0);
        let ready = found
            .status
            .and_then(|status| status.ready_replicas)
            .unwrap_or(0);
        Ok(if enough(wanted, ready) {
            Progress::Done(wanted)
        } else {
            Progress::Waiting(format!("{ready} of {wanted} ready"))
        })
    })
    .await
}

async fn scales(plane: &mut ControlPlane) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(plane.client().await?, "default");
    let deployment = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 3,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web", "image": "example.invalid/web" }] } },
        },
    }))?;
    deployments
        .create(&PostParams::default(), &deployment)
        .await?;
    replicas(&deployments, "three pods run", |_, ready| ready == 3).await?;

    let server = Postgres::start()?;
    server.psql("postgres", "postgres", PEAK_AHEAD)?;
    server.psql("postgres", "postgres", WORKLOADS)?;
    let dir = server.socket_dir().join("..");
    let config = |holder: &str| {
        format!(
            "[database]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndbname = \"postgres\"\ntls = \"disable\"\n[cycle]\ninterval = \"1s\"\n[lease]\nttl = \"3s\"\nholder = \"{holder}\"\n[kubernetes]\nkubeconfig = \"{}\"\n",
            server.socket_dir().display(),
            server.port(),
            plane.kubeconfig().display()
        )
    };
    let mut first = Worker::start(&dir, "first", &config("first"))?;

    // The peak is minutes away, demand is a tenth of it, and the pods are there already.
    let size = replicas(
        &deployments,
        "the deployment grows and its pods run",
        |wanted, ready| wanted >= 10 && ready == wanted,
    )
    .await?;
    let why = until(&server, "the ledger has it", "SELECT d.units_desired, (d.recommendation ->> 'demand')::float8 < 30, d.reasons::text ~ 'predicted', d.result IS NOT NULL
        FROM prescale.decision d JOIN prescale.workload w USING (workload) WHERE w.name = 'web' AND d.action = 'scale_out' AND d.act_status = 'done' ORDER BY decision DESC LIMIT 1").await?;
    assert_eq!(why, format!("{size}|t|t|t"));
    let words = server.psql(
        "postgres",
        "postgres",
        "SELECT string_agg(topic, ' ' ORDER BY topic) FROM prescale.explain('web')",
    )?;
    ensure!(
        words.contains("decision") && words.contains("reason"),
        "{words}"
    );

    // A target that does not exist is said, and disturbs nobody.
    let ghost = until(&server, "the missing target is in the ledger", "SELECT d.action, d.observation ->> 'why' FROM prescale.decision d JOIN prescale.workload w USING (workload) WHERE w.name = 'ghost' LIMIT 1").await?;
    ensure!(
        ghost.starts_with("hold|") && ghost.contains("ghost"),
        "{ghost}"
    );

    let second = Worker::start(&dir, "second", &config("second"))?;
    until(
        &server,
        "the first leads",
        "SELECT 1 FROM prescale.lease WHERE holder = 'first'",
    )
    .await?;
    first.kill()?;
    until(
        &server,
        "the second leads",
        "SELECT 1 FROM prescale.lease WHERE holder = 'second' AND generation = 2",
    )
    .await?;
    server.psql(
        "postgres",
        "postgres",
        "SELECT prescale.set_policy('web', min_units => 30)",
    )?;
    replicas(&deployments, "the second scales", |wanted, ready| {
        wanted == 30 && ready == 30
    })
    .await?;

    // An API server that is away: nothing is done, it is said, and it goes on when it is back.
    plane.stop_api_server();
    server.psql(
        "postgres",
        "postgres",
        "SELECT prescale.set_policy('web', min_units => 33)",
    )?;
    until(&server, "the unreachable target is in the ledger", "SELECT 1 FROM prescale.decision d JOIN prescale.workload w USING (workload) WHERE w.name = 'web' AND d.holder = 'second' AND d.observation ->> 'state' = 'unavailable'").await?;
    plane.start_api_server().await?;
    replicas(&deployments, "the second scales again", |wanted, ready| {
        wanted == 33 && ready == 33
    })
    .await?;
    drop(second);
    Ok(())
}
