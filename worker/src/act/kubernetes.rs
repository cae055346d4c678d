//! Kubernetes: the scale subresource of any object.

use std::time::{Duration, Instant};

use k8s_openapi::api::autoscaling::v1::Scale;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersion};
use kube::{Client, Config};
use prescale_core::decide::Observation;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::order::{Acted, Order, Status};
use super::target::ScaleRef;
use super::unavailable;
use crate::config::KubernetesConfig;
use crate::error::chain;

/// Name under which the API server records our changes.
const MANAGER: &str = "prescale-worker";

/// The API server, connected to when the first target needs it.
pub(super) struct Kubernetes {
    config: KubernetesConfig,
    client: OnceCell<Client>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Kubernetes {
    pub(super) fn new(config: KubernetesConfig) -> Self {
        Self {
            config,
            client: OnceCell::new(),
        }
    }

    /// Units asked for from the scale subresource, ready ones from the object's own status where it has them.
    pub(super) async fn observe(&self, scale: &ScaleRef, deadline: Instant) -> Observation {
        let reading = async {
            let api = self.api(scale).await?;
            let (size, object) = tokio::join!(api.get_scale(&scale.name), api.get(&scale.name));
            let size = size.map_err(|error| reason(&error))?;
            // Without the right to read the object itself, the scale subresource is all there is.
            let omits_zero = scale.group_version().0 == Some("apps");
            let ready = object
                .ok()
                .and_then(|object| ready_replicas(&object.data, omits_zero));
            let (units_total, replicas) = sizes(&size)?;
            Ok(Observation::Seen {
                units_total,
                units_ready: ready.unwrap_or(replicas),
                version: size.metadata.resource_version,
            })
        };
        self.bounded(deadline, reading)
            .await
            .unwrap_or_else(unavailable)
    }

    /// Patches the scale subresource, on the condition that the object is still the one that was decided on.
    pub(super) async fn scale(
        &self,
        order: &Order<'_>,
        scale: &ScaleRef,
        deadline: Instant,
    ) -> Acted {
        let acting = async {
            let api = match self.api(scale).await {
                Ok(api) => api,
                Err(why) => return Ok(Acted::without_effect(order, Status::Failed, why)),
            };
            let parameters = PatchParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let body = patch(order.units, order.version);
            Ok(
                match api
                    .patch_scale(&scale.name, &parameters, &Patch::Merge(body))
                    .await
                {
                    Ok(size) => match sizes(&size) {
                        Ok((total, _)) => {
                            let size_after = (total, order.units_ready.min(total));
                            Acted::done(
                                order,
                                size_after,
                                size.metadata.resource_version.as_deref(),
                            )
                        }
                        Err(why) => Acted::without_effect(order, Status::Failed, why),
                    },
                    Err(kube::Error::Api(status)) if status.code == 409 => {
                        Acted::without_effect(order, Status::Conflict, status.message)
                    }
                    Err(error) => Acted::without_effect(order, Status::Failed, reason(&error)),
                },
            )
        };
        self.bounded(deadline, acting)
            .await
            .unwrap_or_else(|why| Acted::without_effect(order, Status::Failed, why))
    }

    /// Asks for the size that the target has, as a dry run: shows a missing right before it matters.
    pub(super) async fn rehearse(
        &self,
        scale: &ScaleRef,
        units: u32,
        deadline: Instant,
    ) -> Result<(), String> {
        let asking = async {
            let api = self.api(scale).await?;
            let parameters = PatchParams {
                dry_run: true,
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let body = Patch::Merge(patch(units, None));
            api.patch_scale(&scale.name, &parameters, &body)
                .await
                .map(|_| ())
                .map_err(|error| reason(&error))
        };
        self.bounded(deadline, asking).await
    }

    async fn bounded<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let limit = self
            .config
            .request_timeout
            .min(deadline.saturating_duration_since(Instant::now()));
        let late = |_| format!("Kubernetes gave no answer within {limit:?}");
        tokio::time::timeout(limit, work).await.map_err(late)?
    }

    async fn api(&self, scale: &ScaleRef) -> Result<Api<DynamicObject>, String> {
        let client = self
            .client
            .get_or_try_init(|| connect(&self.config))
            .await?;
        let (group, version) = scale.group_version();
        let version = GroupVersion::gv(group.unwrap_or_default(), version);
        // The kind is not part of the URL; what comes back names its own.
        let resource = ApiResource {
            group: version.group.clone(),
            version: version.version.clone(),
            api_version: version.api_version(),
            kind: String::new(),
            plural: scale.resource.clone(),
        };
        Ok(Api::namespaced_with(
            client.clone(),
            &scale.namespace,
            &resource,
        ))
    }
}

async fn connect(config: &KubernetesConfig) -> Result<Client, String> {
    let KubernetesConfig {
        kubeconfig,
        context,
        request_timeout,
    } = config;
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    let found = match (kubeconfig, context) {
        (Some(path), _) => {
            let file = Kubeconfig::read_from(path).map_err(|error| chain(&error))?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(|error| chain(&error))
        }
        (None, Some(_)) => Config::from_kubeconfig(&options)
            .await
            .map_err(|error| chain(&error)),
        (None, None) => Config::infer().await.map_err(|error| chain(&error)),
    };
    let mut found = found.map_err(|why| format!("Kubernetes is not configured: {why}"))?;
    let limit: Option<Duration> = Some(*request_timeout);
    (
        found.connect_timeout,
        found.read_timeout,
        found.write_timeout,
    ) = (limit, limit, limit);
    Client::try_from(found).map_err(|error| chain(&error))
}

/// The error with what the API server says, its code first.
fn reason(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        format!("{} {}: {}", status.code, status.reason, status.message)
    } else {
        chain(error)
    }
}

fn patch(units: u32, version: Option<&str>) -> Value {
    match version {
        Some(version) => {
            json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": units}})
        }
        None => json!({"spec": {"replicas": units}}),
    }
}

/// Units asked for, and units that exist.
fn sizes(scale: &Scale) -> Result<(u32, u32), String> {
    let unsigned =
        |number: i32| u32::try_from(number).map_err(|_| format!("replicas are negative: {number}"));
    // An unset replica count of a scale is zero: the field is omitted when it is.
    let total = scale
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(0);
    let existing = scale.status.as_ref().map_or(0, |status| status.replicas);
    Ok((unsigned(total)?, unsigned(existing)?))
}

/// Ready units as workload objects report them. Kubernetes' own objects omit a zero; others may not count readiness.
fn ready_replicas(object: &Value, omits_zero: bool) -> Option<u32> {
    match object.get("status")?.get("readyReplicas") {
        Some(ready) => u32::try_from(ready.as_u64()?).ok(),
        None => omits_zero.then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_units_come_from_the_status_and_only_kubernetes_own_objects_omit_zero() {
        assert_eq!(
            ready_replicas(
                &json!({"status": {"replicas": 5, "readyReplicas": 3}}),
                true
            ),
            Some(3)
        );
        assert_eq!(
            ready_replicas(&json!({"status": {"replicas": 5}}), true),
            Some(0)
        );
        assert_eq!(
            ready_replicas(&json!({"status": {"replicas": 5}}), false),
            None
        );
        assert_eq!(ready_replicas(&json!({"spec": {}}), true), None);
    }

    #[test]
    fn a_patch_is_conditional_on_the_version_decided_on() {
        let conditional = patch(7, Some("42"));
        assert_eq!(
            conditional,
            json!({"metadata": {"resourceVersion": "42"}, "spec": {"replicas": 7}})
        );
        assert_eq!(patch(7, None), json!({"spec": {"replicas": 7}}));
    }

    #[test]
    fn a_scale_without_replicas_is_zero_and_a_negative_one_is_refused() {
        let scale = |json| sizes(&serde_json::from_value::<Scale>(json).unwrap());
        assert_eq!(
            scale(json!({"metadata": {}, "spec": {}, "status": {"replicas": 2}})),
            Ok((0, 2))
        );
        assert_eq!(
            scale(json!({"metadata": {}, "spec": {"replicas": 4}})),
            Ok((4, 0))
        );
        assert!(scale(json!({"metadata": {}, "spec": {"replicas": -4}})).is_err());
    }
}
