//! A real Kubernetes control plane for end-to-end tests: etcd, API server, controller manager,
//! scheduler, and kwok in place of kubelets. Deployments, the scale subresource, autoscaling, RBAC
//! and admission are the real thing; what a container would do is played by `kube/stages.yaml`.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::{Api, GetParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tempfile::TempDir;

mod binaries;
mod process;
mod programs;
mod wait;

pub use binaries::Unavailable;
pub use wait::{Progress, wait_until};

use process::Process;
use programs::Site;

/// A start takes 4 s on two cores; the rest is for a machine that is busy with other builds.
const START_LIMIT: Duration = Duration::from_secs(120);

/// What a test may choose about its cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// From a pod's assignment to a node until it is ready: the lead time a forecast has to beat.
    pub pod_start: Duration,
    /// From a pod's deletion until it is gone.
    pub pod_stop: Duration,
    /// The node that exists once [`ControlPlane::start`] returns.
    pub node: NodeSize,
    /// More flags for `kube-apiserver`.
    pub api_server_args: Vec<String>,
    /// More flags for `kube-controller-manager`; a repeated flag replaces the harness's.
    pub controller_manager_args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pod_start: Duration::from_secs(2),
            pod_stop: Duration::from_millis(200),
            node: NodeSize {
                cpu: "64".to_owned(),
                memory: "256Gi".to_owned(),
                pods: 1000,
            },
            api_server_args: Vec::new(),
            controller_manager_args: Vec::new(),
        }
    }
}

/// What a node offers, as Kubernetes quantities.
#[derive(Debug, Clone)]
pub struct NodeSize {
    /// Such as `"4"` or `"500m"`.
    pub cpu: String,
    /// Such as `"16Gi"`.
    pub memory: String,
    /// How many pods fit, whatever they request.
    pub pods: u32,
}

/// A running control plane. Dropping it kills its processes and removes its directory.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order of destruction: clients of the API server first, their directory last.
    dependents: Vec<Process>,
    api_server: Option<Process>,
    etcd: Process,
    options: Options,
    site: Site,
    bin: PathBuf,
    kubeconfig: PathBuf,
    directory: TempDir,
}

impl ControlPlane {
    /// The directory of the programs; if need be built first, which takes minutes and needs Go.
    ///
    /// # Errors
    /// [`Unavailable`] (by `downcast_ref`) if this machine lacks Go; else the build is broken.
    pub fn binaries() -> Result<PathBuf> {
        binaries::binaries()
    }

    /// Starts everything and waits until one node, `node-1`, takes pods.
    ///
    /// # Errors
    /// As [`ControlPlane::binaries`], or with the end of each log if a program does not come up.
    pub async fn start(options: Options) -> Result<Self> {
        let bin = tokio::task::spawn_blocking(Self::binaries).await??;
        let directory = tempfile::Builder::new()
            .prefix("prescale-kube-")
            .tempdir()?;
        let token = random_token()?;
        let site = Site::prepare(directory.path(), &token, &options)?;
        let kubeconfig = write_kubeconfig(directory.path(), &site, "admin", &token)?;

        let etcd = Process::start(site.etcd(), &bin, directory.path())?;
        let mut plane = Self {
            dependents: Vec::new(),
            api_server: None,
            etcd,
            options,
            site,
            bin,
            kubeconfig,
            directory,
        };
        match plane.bring_up().await {
            Ok(()) => Ok(plane),
            Err(error) => Err(error.context(format!(
                "control plane did not start\n{}",
                plane.log_tails()
            ))),
        }
    }

    async fn bring_up(&mut self) -> Result<()> {
        self.start_api_server().await?;
        let programs = [
            self.site
                .controller_manager(&self.kubeconfig, &self.options),
            self.site.scheduler(&self.kubeconfig),
            self.site.kwok(&self.kubeconfig),
        ];
        for program in programs {
            self.dependents
                .push(Process::start(program, &self.bin, self.directory.path())?);
        }
        self.add_node("node-1", &self.options.node).await?;
        self.dependents
            .iter_mut()
            .try_for_each(Process::check_running)
    }

    /// Starts the API server again, at the same address, unless it runs; waits until it is ready.
    ///
    /// # Errors
    /// If the server ends or is not ready in time.
    pub async fn start_api_server(&mut self) -> Result<()> {
        if self.api_server.is_some() {
            return Ok(());
        }
        let program = self.site.api_server(&self.options);
        let mut server = Process::start(program, &self.bin, self.directory.path())?;
        wait_until("API server is ready", START_LIMIT, async || {
            server.check_running()?;
            self.etcd.check_running()?;
            Ok(match ready(&self.kubeconfig).await {
                Ok(()) => Progress::Done(()),
                Err(error) => Progress::Waiting(format!("{error:#}")),
            })
        })
        .await?;
        self.api_server = Some(server);
        Ok(())
    }

    /// Kills the API server: connections are refused until [`ControlPlane::start_api_server`].
    pub fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Adds a node and waits until the scheduler may use it.
    ///
    /// # Errors
    /// If the API server refuses the node or it does not become ready.
    pub async fn add_node(&self, name: &str, size: &NodeSize) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.client().await?);
        let capacity =
            json!({ "cpu": size.cpu, "memory": size.memory, "pods": size.pods.to_string() });
        let labels = json!({ "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" });
        let node: Node = serde_json::from_value(json!({
            "metadata": { "name": name, "labels": labels },
            "status": { "capacity": capacity, "allocatable": capacity },
        }))?;
        nodes.create(&PostParams::default(), &node).await?;
        wait_until(&format!("node {name} is ready"), START_LIMIT, async || {
            let node = nodes.get(name).await?;
            let conditions = node
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let ready = conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
            if ready && taints.is_empty() {
                return Ok(Progress::Done(()));
            }
            Ok(Progress::Waiting(format!(
                "ready: {ready}, taints: {taints:?}"
            )))
        })
        .await
    }

    /// The kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client with the rights of an administrator, for the async runtime that asks: one per test.
    ///
    /// # Errors
    /// If the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        client_of(&self.kubeconfig).await
    }

    /// Writes the kubeconfig of whoever holds `token`, and returns its path. `user` names the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn kubeconfig_for_token(&self, user: &str, token: &str) -> Result<PathBuf> {
        write_kubeconfig(self.directory.path(), &self.site, user, token)
    }

    /// Creates a service account unless it exists; returns a kubeconfig of it, valid for an hour.
    ///
    /// # Errors
    /// If the API server refuses, for example because the namespace is missing.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let mut account = ServiceAccount::default();
        account.metadata.name = Some(name.to_owned());
        match accounts.create(&PostParams::default(), &account).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => drop(created?),
        }
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &TokenRequest::default())
            .await?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .context("token request without a token")?;
        self.kubeconfig_for_token(&format!("{namespace}-{name}"), &token)
    }

    /// The last lines of every program's log, to print when a test fails.
    pub fn log_tails(&self) -> String {
        process::log_tails(self.directory.path())
    }
}

/// A client for any kubeconfig, such as that of a service account.
///
/// # Errors
/// If the kubeconfig cannot be read.
pub async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Asks `/readyz`, which answers with success only once RBAC's own roles exist.
async fn ready(kubeconfig: &Path) -> Result<()> {
    let client = client_of(kubeconfig).await?;
    let request = kube::core::Request::new("").get("readyz", &GetParams::default())?;
    client.request_text(request).await?;
    Ok(())
}

/// JSON is YAML, so every client reads it.
fn write_kubeconfig(directory: &Path, site: &Site, user: &str, token: &str) -> Result<PathBuf> {
    let path = directory.join(format!("{user}.kubeconfig"));
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{ "name": "test", "cluster": {
            "server": site.api_server_url(), "certificate-authority": site.certificate(),
        } }],
        "users": [{ "name": user, "user": { "token": token } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": user } }],
    });
    fs::write(&path, format!("{text:#}\n"))?;
    Ok(path)
}

/// Other users of the machine reach the loopback port too, so the admin's token is not a constant.
fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
