//! What a scene plays on: a cluster, AWS's stand-in, and the operator as a process of its own.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::aws::AwsProxy;
use harness::moto::Moto;
use harness::port::Port;
use harness::process::{self, Child};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use harness::{Cluster, ControlPlane};
use http::{Method, StatusCode};

use crate::kubectl::Kubectl;
use crate::plain;
use crate::teller::Teller;

/// How much of the operator's log an error shows.
const LOG_LINES: usize = 20;

/// Everything that runs. It ends with this value.
pub struct Stage {
    cluster: Cluster,
    control_plane: Option<ControlPlane>,
    namespace: String,
    moto: Moto,
    aws: AwsProxy,
    operator: Operator,
}

impl Stage {
    /// Starts all of it, on a control plane of its own or on the cluster of a kubeconfig file.
    ///
    /// # Errors
    /// When something does not come up; the message has the end of its log.
    pub async fn set(teller: &Teller, kubeconfig: Option<&Path>) -> Result<Self> {
        teller.chapter("The stage");
        let (cluster, control_plane) = match kubeconfig {
            Some(file) => (Cluster::from_kubeconfig(file).await?, None),
            None => {
                let started = ControlPlane::start().await?;
                (Cluster::clone(&started), Some(started))
            }
        };
        let namespace = cluster.namespace("demo").await?.name().to_owned();
        teller.happened(&format!(
            "a Kubernetes API server answers at {}",
            cluster.url()
        ));

        let crds = tree().join("crds");
        let crds = crds.to_string_lossy();
        let kubectl = Kubectl::new(&cluster, &namespace);
        kubectl
            .run(&["apply", "--server-side", "-f", &crds])
            .await?;
        let established = ["wait", "--for=condition=Established", "--timeout=60s"];
        kubectl
            .run(&[&established[..], &["-f", &crds]].concat())
            .await?;
        teller.happened("it knows the project's kinds, from crds/");

        let moto = Moto::start().await?;
        let aws = AwsProxy::start(moto.url()).await?;
        teller.happened(&format!("moto plays AWS at {}", aws.url()));

        let operator = Operator::start(&cluster, &namespace, &aws.url()).await?;
        let pid = operator.process.pid();
        teller.happened(&format!("cloud-operator is ready, process {pid}"));
        Ok(Self {
            cluster,
            control_plane,
            namespace,
            moto,
            aws,
            operator,
        })
    }

    /// kubectl in the scene's namespace.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(&self.cluster, &self.namespace)
    }

    /// The namespace that is this scene's own.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where AWS is for the operator.
    pub fn aws(&self) -> String {
        self.aws.url()
    }

    /// Where AWS's stand-in can be looked at past the operator.
    pub fn moto(&self) -> &str {
        self.moto.url()
    }

    /// The operator.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// The kubeconfig file of the cluster.
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    /// Whether the cluster outlives the demo, which then must leave nothing behind.
    pub fn is_borrowed(&self) -> bool {
        self.control_plane.is_none()
    }

    /// What is known about the objects and the operator, for a person who looks for a fault.
    pub async fn evidence(&self, kinds: &str) -> String {
        let mut evidence = String::new();
        for command in [
            ["get", kinds, "-o", "yaml"],
            ["get", "events", "-o", "wide"],
        ] {
            evidence += &format!("--- kubectl {}\n", command.join(" "));
            evidence += &match self.kubectl().run(&command).await {
                Ok(shown) => shown,
                Err(error) => format!("{error:#}\n"),
            };
        }
        evidence += "--- the end of the operator's log\n";
        evidence + &self.operator.process.log_tail(LOG_LINES)
    }

    /// Removes the objects of these kinds, stops the operator, and removes the namespace.
    ///
    /// # Errors
    /// When something remains, or the operator does not end as it should.
    pub async fn clear(&self, teller: &Teller, kinds: &str) -> Result<()> {
        let kubectl = self.kubectl();
        let delete = ["delete", kinds, "--all", "--timeout=60s"];
        kubectl.show(teller, &delete).await?;

        self.operator.stop().await?;
        let holder = "jsonpath={.items[*].spec.holderIdentity}";
        let holder = kubectl.run(&["get", "leases", "-o", holder]).await?;
        if !holder.is_empty() {
            bail!("the operator has ended, and {holder} still holds its lease");
        }
        teller.happened("the operator was asked to end (SIGTERM), gave its lease back and ended");

        let delete = ["delete", "namespace", &self.namespace, "--timeout=60s"];
        kubectl.show(teller, &delete).await?;
        teller.happened(match self.is_borrowed() {
            true => "nothing is left but the kinds: other objects may need them",
            false => "nothing is left",
        });
        Ok(())
    }
}

/// The built operator, running.
pub struct Operator {
    process: Child,
    metrics: Port,
    _probes: Port,
    _folder: Scratch,
}

impl Operator {
    async fn start(cluster: &Cluster, namespace: &str, endpoint: &str) -> Result<Self> {
        let folder = Scratch::new("demo")?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let mut command = Command::new(beside_this_program("cloud-operator")?);
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(["--watch-namespaces", namespace])
            .args(["--leader-election-namespace", namespace])
            .args(["--allowed-endpoints", endpoint, "--allow-http-endpoints"])
            // The shortest there is: drift shall be seen while somebody looks on.
            .args(["--reconcile-interval", "10s"])
            .args(["--metrics-bind-address", &metrics.address().to_string()])
            .args(["--health-probe-bind-address", &probes.address().to_string()])
            .args(["--log-format", "human"])
            // Ctrl-C in the terminal is for the demo, which may still need the operator to clean up.
            .process_group(0);
        // Nothing of the person's own AWS account is for the operator.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        let process = process::spawn(command, &folder.path().join("cloud-operator.log"))?;

        let readiness = format!("http://{}/readyz", probes.address());
        let answers = until("cloud-operator to be ready", PATIENCE, || async {
            match plain::ask(Method::GET, &readiness, "", "").await {
                Ok((StatusCode::OK, _)) => Ok(()),
                Ok((status, checks)) => Err(format!("{status}: {checks}")),
                Err(error) => Err(format!("{error:#}")),
            }
        });
        let started = tokio::select! {
            answered = answers => answered,
            status = process.wait() => Err(anyhow::anyhow!("cloud-operator ended with {status}")),
        };
        started.with_context(|| process.log_tail(LOG_LINES))?;
        Ok(Self {
            process,
            metrics,
            _probes: probes,
            _folder: folder,
        })
    }

    /// Where it serves `/metrics` and `/debug/state`.
    pub fn metrics(&self) -> String {
        format!("http://{}", self.metrics.address())
    }

    /// The file that it logs to.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    async fn stop(&self) -> Result<()> {
        let status = self.process.stop(Duration::from_secs(30)).await;
        if !status.success() {
            bail!("cloud-operator was asked to end (SIGTERM) and ended with {status}");
        }
        Ok(())
    }
}

/// The root of the source tree.
pub fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo puts the programs of a workspace side by side.
fn beside_this_program(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if !program.is_file() {
        bail!(
            "{} is not built; `cargo xtask demo` builds all that the demo needs",
            program.display()
        );
    }
    Ok(program)
}
