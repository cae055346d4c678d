use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail, ensure};

use super::Options;

/// A program's name and its command line.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) args: Vec<String>,
}

/// Where one control plane lives: its directory, and its ports, which outlast the API server.
#[derive(Debug)]
pub(super) struct Site {
    dir: PathBuf,
    etcd: u16,
    etcd_peer: u16,
    api_server: u16,
}

impl Site {
    /// Chooses ports and writes what the programs read: keys, the admin's token, kwok's stages.
    pub(super) fn prepare(dir: &Path, admin_token: &str, options: &Options) -> Result<Self> {
        fs::write(
            dir.join("tokens.csv"),
            format!("{admin_token},admin,admin,system:masters\n"),
        )?;
        fs::write(dir.join("stages.yaml"), stages(options)?)?;
        openssl(dir, &["genrsa", "-out", "sa.key", "2048"])?;
        openssl(dir, &["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"])?;
        Ok(Self {
            dir: dir.to_owned(),
            etcd: free_port()?,
            etcd_peer: free_port()?,
            api_server: free_port()?,
        })
    }

    pub(super) fn api_server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_server)
    }

    /// The certificate that the API server signs for itself when it first starts.
    pub(super) fn certificate(&self) -> PathBuf {
        self.dir.join("certificates/apiserver.crt")
    }

    pub(super) fn etcd(&self) -> Program {
        let client = format!("http://127.0.0.1:{}", self.etcd);
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer);
        let args = [
            format!("--data-dir={}", self.path("etcd")),
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
        ];
        Program {
            name: "etcd",
            args: args.into(),
        }
    }

    pub(super) fn api_server(&self, options: &Options) -> Program {
        let mut args = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd),
            format!("--secure-port={}", self.api_server),
            "--bind-address=127.0.0.1".to_owned(),
            // Only published in an Endpoints object, where loopback is refused. An address for
            // documentation (RFC 5737) keeps the server from looking for one on the machine, which
            // fails without a default route.
            "--advertise-address=192.0.2.1".to_owned(),
            format!("--cert-dir={}", self.path("certificates")),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            "--authorization-mode=Node,RBAC".to_owned(),
            format!("--service-account-key-file={}", self.path("sa.pub")),
            format!("--service-account-signing-key-file={}", self.path("sa.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        ];
        args.extend(options.api_server_args.iter().cloned());
        Program {
            name: "kube-apiserver",
            args,
        }
    }

    pub(super) fn controller_manager(&self, kubeconfig: &Path, options: &Options) -> Program {
        let mut args = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--service-account-private-key-file={}", self.path("sa.key")),
            "--use-service-account-credentials".to_owned(),
            // At the default of 20 requests a second the controllers take 4 s longer to come up.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            // Nodes do not fail here. With the default of 50 s, an outage of the API server gets
            // every pod marked unready, and kwok does not mark it ready again as a kubelet does.
            "--node-monitor-grace-period=1h".to_owned(),
            // The defaults, 15 s and 5 min, would make every test of an autoscaler wait for them.
            "--horizontal-pod-autoscaler-sync-period=2s".to_owned(),
            "--horizontal-pod-autoscaler-downscale-stabilization=10s".to_owned(),
        ];
        args.extend(options.controller_manager_args.iter().cloned());
        Program {
            name: "kube-controller-manager",
            args,
        }
    }

    pub(super) fn scheduler(&self, kubeconfig: &Path) -> Program {
        let args = [
            format!("--kubeconfig={}", kubeconfig.display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        Program {
            name: "kube-scheduler",
            args: args.into(),
        }
    }

    pub(super) fn kwok(&self, kubeconfig: &Path) -> Program {
        let args = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--config={}", self.path("stages.yaml")),
            "--manage-all-nodes".to_owned(),
            "--node-ip=192.0.2.10".to_owned(),
            // Room for more than the 254 pods of the default network.
            "--cidr=10.244.0.0/16".to_owned(),
        ];
        Program {
            name: "kwok",
            args: args.into(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

fn stages(options: &Options) -> Result<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube/stages.yaml");
    let mut text =
        fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))?;
    for (placeholder, delay) in [
        ("${POD_START_MS}", options.pod_start),
        ("${POD_STOP_MS}", options.pod_stop),
    ] {
        ensure!(
            text.contains(placeholder),
            "{} lacks {placeholder}",
            source.display()
        );
        text = text.replace(placeholder, &delay.as_millis().to_string());
    }
    Ok(text)
}

fn openssl(dir: &Path, args: &[&str]) -> Result<()> {
    let run = Command::new("openssl").args(args).current_dir(dir).output();
    let output =
        run.context("openssl is needed to make the key that signs service account tokens")?;
    ensure!(
        output.status.success(),
        "openssl {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A loopback port that nothing listens on.
///
/// Below 32768, from where on Linux takes the source ports of outgoing connections: none of those
/// can occupy the port between the choice and the bind, nor while the API server is stopped.
fn free_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side begin at different places.
    let offset = std::process::id().wrapping_mul(97) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from((offset + step) % u32::from(COUNT))?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free loopback port from {FIRST} on")
}
