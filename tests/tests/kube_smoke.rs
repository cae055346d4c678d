//! The test cluster itself: what other tests take for granted about it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use prescale_tests::kube::{ControlPlane, Options, Progress, Unavailable, client_of, wait_until};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn cluster_runs_scales_resizes_guards_and_comes_back() -> Result<()> {
    if let Err(error) = ControlPlane::binaries() {
        let reason = error.downcast::<Unavailable>()?;
        eprintln!("SKIP cluster_runs_scales_resizes_guards_and_comes_back: {reason}");
        return Ok(());
    }
    let began = Instant::now();
    let mut plane = ControlPlane::start(Options::default()).await?;
    eprintln!("control plane ready after {:?}", began.elapsed());

    let outcome = behaves_like_a_cluster(&mut plane).await;
    outcome.with_context(|| plane.log_tails())
}

async fn behaves_like_a_cluster(plane: &mut ControlPlane) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(plane.client().await?, "default");
    let pods: Api<Pod> = Api::namespaced(plane.client().await?, "default");

    deployments
        .create(&PostParams::default(), &deployment()?)
        .await?;
    wait_for_replicas(&deployments, 2).await?;
    scale(&deployments, 5).await?;
    wait_for_replicas(&deployments, 5).await?;
    pods_take_the_configured_time_to_start(&pods).await?;
    resize_reaches_the_container(&pods).await?;
    service_account_without_a_role_is_refused(plane).await?;

    plane.stop_api_server();
    ensure!(
        deployments.get("web").await.is_err(),
        "a stopped API server answered"
    );
    plane.start_api_server().await?;
    scale(&deployments, 1).await?;
    wait_for_replicas(&deployments, 1).await
}

fn deployment() -> Result<Deployment> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{
                    "name": "web",
                    "image": "example.invalid/web",
                    "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
                }] },
            },
        },
    }))?)
}

async fn scale(deployments: &Api<Deployment>, replicas: i32) -> Result<()> {
    let scale = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    deployments
        .patch_scale("web", &PatchParams::default(), &scale)
        .await?;
    Ok(())
}

async fn wait_for_replicas(deployments: &Api<Deployment>, wanted: i32) -> Result<()> {
    wait_until(
        &format!("web has {wanted} ready replicas"),
        LIMIT,
        async || {
            let status = deployments
                .get_status("web")
                .await?
                .status
                .unwrap_or_default();
            let (all, ready) = (
                status.replicas.unwrap_or(0),
                status.ready_replicas.unwrap_or(0),
            );
            if (all, ready) == (wanted, wanted) {
                return Ok(Progress::Done(()));
            }
            Ok(Progress::Waiting(format!("{all} replicas, {ready} ready")))
        },
    )
    .await
}

async fn pods_take_the_configured_time_to_start(pods: &Api<Pod>) -> Result<()> {
    // Conditions carry whole seconds, so the two seconds of the default options may read as one.
    for pod in pods.list(&ListParams::default()).await? {
        let status = pod.status.context("pod without a status")?;
        let at = |kind: &str| {
            let condition = status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == kind);
            condition
                .and_then(|condition| condition.last_transition_time.as_ref())
                .map(|time| time.0.as_second())
        };
        let (scheduled, ready) = at("PodScheduled")
            .zip(at("Ready"))
            .context("pod without its conditions")?;
        ensure!(
            (1..=10).contains(&(ready - scheduled)),
            "scheduled at {scheduled}, ready at {ready}"
        );
    }
    Ok(())
}

async fn resize_reaches_the_container(pods: &Api<Pod>) -> Result<()> {
    let pod = pods
        .list(&ListParams::default())
        .await?
        .items
        .into_iter()
        .next()
        .context("no pod")?;
    let name = pod.metadata.name.context("pod without a name")?;
    let larger = json!({ "requests": { "cpu": "250m", "memory": "64Mi" } });
    let patch = Patch::Strategic(
        json!({ "spec": { "containers": [{ "name": "web", "resources": larger }] } }),
    );
    pods.patch_subresource("resize", &name, &PatchParams::default(), &patch)
        .await?;
    wait_until("container got its new size", LIMIT, async || {
        let pod = serde_json::to_value(pods.get(&name).await?)?;
        let container = pod
            .pointer("/status/containerStatuses/0")
            .context("pod without a container")?;
        ensure!(
            container.get("restartCount") == Some(&json!(0)),
            "resize restarted the container"
        );
        if container.get("resources") == Some(&larger) {
            return Ok(Progress::Done(()));
        }
        Ok(Progress::Waiting(container.to_string()))
    })
    .await
}

async fn service_account_without_a_role_is_refused(plane: &ControlPlane) -> Result<()> {
    let kubeconfig = plane
        .service_account_kubeconfig("default", "worker")
        .await?;
    match list_deployments(&kubeconfig).await {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(()),
        other => bail!("expected 403, got {other:?}"),
    }
}

async fn list_deployments(kubeconfig: &Path) -> Result<usize, kube::Error> {
    let client = client_of(kubeconfig)
        .await
        .map_err(|error| kube::Error::Service(error.into()))?;
    let deployments: Api<Deployment> = Api::namespaced(client, "default");
    Ok(deployments.list(&ListParams::default()).await?.items.len())
}
