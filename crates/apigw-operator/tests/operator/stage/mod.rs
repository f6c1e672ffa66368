//! One test's own stage: a namespace, a proxy before the API server, operators that see nothing else, and
//! gateways that dial them.

pub mod gateways;
pub mod http;
pub mod objects;
pub mod time;
pub mod traffic;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
};

use anyhow::Result;
use apigw_operator::Config;
use crd_types::apigw::v1alpha1::crds;
use harness::{ApiProxy, Cluster, ControlPlane, Namespace, port::Port, scratch::Scratch};
use kube::Client;
use operator_core::{
    decide::clock::Clock,
    process::config::{Inputs, load},
};
use parking_lot::Mutex;
use tokio::{sync::oneshot, task::JoinHandle};

pub use harness::wait::PATIENCE;

/// The clusters that know the definitions, by their addresses.
static INSTALLED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Settings of an operator whose clock a test moves by minutes: that costs neither the lease nor a pass in hand.
pub const UNHURRIED: &[&str] = &[
    "--leader-election-lease-duration=1h",
    "--leader-election-renew-deadline=50m",
    "--reconcile-timeout=1h",
];

/// The Secret with the gateways' client certificate.
const GATEWAY_CERT: &str = "gateway-cert";
/// The Secret with the operator's authority.
const OPERATOR_CERT: &str = "avapigw-operator-grpc-cert";

/// One test's own stage.
pub struct Stage {
    pub cluster: Cluster,
    pub namespace: Namespace,
    pub api: ApiProxy,
    /// Where operators serve gateways, one after the other.
    pub port: Port,
    client: Client,
    scratch: Scratch,
}

/// An operator that runs in this process.
pub struct Running {
    pub clock: Clock,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), apigw_operator::OperatorError>>,
}

impl Stage {
    pub async fn new(prefix: &str) -> Result<Self> {
        Self::on(ControlPlane::shared().await?, prefix).await
    }

    /// A stage on a cluster of the test's own.
    pub async fn on(cluster: &Cluster, prefix: &str) -> Result<Self> {
        if !INSTALLED.lock().contains(&cluster.url()) {
            cluster.install_crds(crds()).await?;
            INSTALLED.lock().insert(cluster.url());
        }
        Self::as_it_is(cluster, prefix).await
    }

    /// A stage on a cluster of the test's own, with the definitions that it has.
    pub async fn as_it_is(cluster: &Cluster, prefix: &str) -> Result<Self> {
        log_if_asked();
        let cluster = cluster.clone();
        Ok(Self {
            namespace: cluster.namespace(prefix).await?,
            api: ApiProxy::start(&cluster.config()).await?,
            port: Port::reserve()?,
            client: cluster.client()?,
            scratch: Scratch::new(prefix)?,
            cluster,
        })
    }

    /// The settings of an operator of this stage, as its command line gives them.
    pub fn settings(&self) -> Vec<String> {
        let namespace = self.namespace.name();
        vec![
            format!("--watch-namespaces={namespace}"),
            format!("--leader-election-namespace={namespace}"),
            format!("--pod-namespace={namespace}"),
            format!("--pod-name={namespace}"),
            format!("--gateway-cert-secrets={namespace}/{GATEWAY_CERT}"),
            format!("--grpc-bind-address={}", self.port.address()),
            "--metrics-bind-address=0".to_owned(),
            "--health-probe-bind-address=0".to_owned(),
        ]
    }

    /// An operator in this process, with the usual settings.
    pub fn operator(&self) -> Result<Running> {
        self.operator_with(&[])
    }

    /// An operator in this process; `more` settings win over the usual ones.
    pub fn operator_with(&self, more: &[&str]) -> Result<Running> {
        self.operator_as(&self.cluster.config(), more)
    }

    /// An operator in this process that is this user of the cluster.
    pub fn operator_as(&self, user: &kube::Config, more: &[&str]) -> Result<Running> {
        let client = Client::try_from(self.api.config_for(user)?)?;
        Running::start(config(self.settings(), more)?, client)
    }
}

impl Running {
    /// Starts the operator with a clock of its own.
    pub fn start(config: Config, client: Client) -> Result<Self> {
        let clock = Clock::system();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn({
            let clock = clock.clone();
            // Made where the stack is shallow, for it is large.
            async move {
                let stopped = async move {
                    // A sender that is gone means the same.
                    let _ = stopped.await;
                };
                Box::pin(apigw_operator::run(config, client, clock, stopped)).await
            }
        });
        Ok(Self { clock, stop, task })
    }

    /// Whether it has ended by itself; [`stop`](Self::stop) then tells why.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it as SIGTERM would.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        Ok(self.task.await??)
    }

    /// Drops it with all its memory, wherever it is.
    pub async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// `TEST_LOG=debug cargo test …` shows what the operators log.
fn log_if_asked() {
    use clap::ValueEnum;
    use operator_core::process::{config::LogLevel, telemetry};
    if let Some(level) = std::env::var("TEST_LOG")
        .ok()
        .and_then(|l| LogLevel::from_str(&l, true).ok())
    {
        let log = telemetry::human_subscriber(level, Clock::system(), std::io::stderr, false);
        // Another test of this process was first.
        let _ = tracing_subscriber::util::SubscriberInitExt::try_init(log);
    }
}

/// Settings from a command line.
pub fn config(settings: Vec<String>, more: &[&str]) -> Result<Config> {
    let program = OsString::from(apigw_operator::NAME);
    let args = std::iter::once(program)
        .chain(last_wins(settings, more).into_iter().map(OsString::from))
        .collect();
    let loaded = load(&Inputs {
        args,
        env: &|_| None,
        facts: &[],
    });
    Ok(loaded
        .map_err(|refused| anyhow::anyhow!("{refused}"))?
        .settings)
}

/// Of settings that come twice, the last; none where that is empty.
fn last_wins(settings: Vec<String>, more: &[&str]) -> Vec<String> {
    let name = |setting: &str| setting.split('=').next().unwrap_or_default().to_owned();
    let more = more.iter().map(|&setting| setting.to_owned());
    let all = settings.into_iter().chain(more);
    let last: BTreeMap<String, String> = all.map(|it| (name(&it), it)).collect();
    let set = |setting: &String| !setting.ends_with('=');
    last.into_values().filter(set).collect()
}
