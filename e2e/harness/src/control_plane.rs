//! A control plane of our own: etcd, kube-apiserver and kube-controller-manager on loopback, or with kube-scheduler
//! where Pods reach it.

mod credentials;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::Api;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OnceCell};

use crate::binaries::Binaries;
use crate::cluster::Cluster;
use crate::family::Family;
use crate::port::Port;
use crate::process::{self, Child};
use crate::progress::say;
use crate::scratch::Scratch;
use crate::wait::{PATIENCE, Verdict, until, wait_for};
use credentials::Credentials;

/// The variable by which one control plane is shared by several test processes: it names a
/// kubeconfig file.
pub const SHARED: &str = "E2E_CONTROL_PLANE";

/// A running control plane. It is a [`Cluster`] that can also be stopped and hurt; it ends with its
/// value, and with the process that holds it.
#[derive(Debug)]
pub struct ControlPlane {
    cluster: Cluster,
    binaries: Binaries,
    credentials: Credentials,
    controller_manager: Option<Child>,
    scheduler: Option<Child>,
    api_server: Mutex<Child>,
    api_server_port: Port,
    etcd: Child,
    etcd_port: Port,
    _etcd_peer_port: Port,
    // The last field: the folder goes after the processes that write to it.
    folder: Scratch,
}

impl Deref for ControlPlane {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl ControlPlane {
    /// Starts one, and returns when it serves requests and its controllers work.
    ///
    /// # Errors
    /// When there are no programs to start ([`Binaries::find`]), or when a server does not come up
    /// within three minutes; the message then has the end of its log.
    pub async fn start() -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// Starts one for a node with Pods, at an address of this machine that Pods reach: with kube-scheduler, with the
    /// API server as the endpoint of its own Service, and with webhooks' Services reached at their endpoints, so that
    /// it takes no proxy for Services. It has no address but of this one's family.
    ///
    /// # Errors
    /// As [`start`](Self::start); also when there is no kube-controller-manager or kube-scheduler to start.
    pub async fn start_for_pods(address: IpAddr) -> Result<Self> {
        Binaries::find().await?.require_pods()?;
        let mut control_plane = Self::start_at(address).await?;
        control_plane.start_scheduler()?;
        Ok(control_plane)
    }

    async fn start_at(address: IpAddr) -> Result<Self> {
        let binaries = Binaries::find().await?;
        let folder = Scratch::new("control-plane")?;
        let loopback = Family::of(address).loopback();
        let (etcd_port, etcd_peer_port) =
            (Port::reserve_at(loopback)?, Port::reserve_at(loopback)?);
        let api_server_port = Port::reserve_at(address)?;
        let credentials = Credentials::make(folder.path(), api_server_port.address())?;
        let cluster = Cluster::from_kubeconfig(&credentials.admin_kubeconfig).await?;

        let etcd = start_etcd(&binaries, folder.path(), &etcd_port, &etcd_peer_port)?;
        // Without an etcd at its first look the API server sleeps for a second.
        let listening = || async { TcpStream::connect(etcd_port.address()).await.map(drop) };
        alive(&etcd, "etcd to listen", listening).await?;

        let api_server = start_api_server(
            &binaries,
            &credentials,
            folder.path(),
            &etcd_port,
            api_server_port.address(),
        )?;
        let mut control_plane = Self {
            cluster,
            binaries,
            credentials,
            controller_manager: None,
            scheduler: None,
            api_server: Mutex::new(api_server),
            api_server_port,
            etcd,
            etcd_port,
            _etcd_peer_port: etcd_peer_port,
            folder,
        };
        control_plane.await_api_server().await?;
        control_plane.start_controllers().await?;
        Ok(control_plane)
    }

    /// The cluster that the tests of a process share: the one that the variable
    /// `E2E_CONTROL_PLANE` names, else one started at the first call, which ends with the process.
    ///
    /// A test that touches the servers themselves, cluster-scoped objects of others or webhooks
    /// starts its own.
    ///
    /// # Errors
    /// As [`start`](Self::start); also when the variable names a server that is not on this machine.
    pub async fn shared() -> Result<&'static Cluster> {
        static EXTERNAL: OnceCell<Cluster> = OnceCell::const_new();
        static OWN: OnceCell<ControlPlane> = OnceCell::const_new();

        match std::env::var_os(SHARED).filter(|value| !value.is_empty()) {
            Some(file) => {
                let open = || async {
                    let cluster = Cluster::from_kubeconfig(Path::new(&file)).await?;
                    cluster.require_local()?;
                    anyhow::Ok(cluster)
                };
                let from = || format!("the variable {SHARED} is {}", Path::new(&file).display());
                EXTERNAL.get_or_try_init(open).await.with_context(from)
            }
            None => Ok(OWN.get_or_try_init(Self::start).await?),
        }
    }

    /// Ends all servers and removes their data.
    pub async fn stop(self) {
        let controllers = [&self.scheduler, &self.controller_manager];
        for controllers in controllers.into_iter().flatten() {
            controllers.kill().await;
        }
        self.api_server.lock().await.kill().await;
        self.etcd.kill().await;
    }

    /// Kills the API server, as a crash would; requests are refused from now on.
    pub async fn stop_api_server(&self) {
        self.api_server.lock().await.kill().await;
    }

    /// Starts a stopped API server again, at the same address and with the same data, and returns
    /// when it serves requests.
    ///
    /// # Errors
    /// When it runs, or does not come up.
    pub async fn start_api_server(&self) -> Result<()> {
        let mut api_server = self.api_server.lock().await;
        if api_server.try_wait().is_none() {
            bail!("the API server is running");
        }
        *api_server = start_api_server(
            &self.binaries,
            &self.credentials,
            self.folder.path(),
            &self.etcd_port,
            self.api_server_port.address(),
        )?;
        drop(api_server);
        self.await_api_server().await
    }

    /// [`stop_api_server`](Self::stop_api_server), then [`start_api_server`](Self::start_api_server).
    ///
    /// # Errors
    /// When it does not come up again.
    pub async fn restart_api_server(&self) -> Result<()> {
        self.stop_api_server().await;
        self.start_api_server().await
    }

    /// The folder with the servers' logs: `etcd.log`, `kube-apiserver.log`,
    /// `kube-controller-manager.log`, `kube-scheduler.log`.
    pub fn logs(&self) -> &Path {
        self.folder.path()
    }

    async fn await_api_server(&self) -> Result<()> {
        let client = self.cluster.client()?;
        let api_server = self.api_server.lock().await;
        let ready = || async {
            let request = http::Request::get("/readyz")
                .body(Vec::new())
                .expect("a valid path");
            client.request_text(request).await.map(drop)
        };
        alive(&api_server, "kube-apiserver to be ready", ready).await
    }

    async fn start_controllers(&mut self) -> Result<()> {
        let Some(program) = self.binaries.controller_manager() else {
            say(&format!(
                "{} holds no kube-controller-manager: namespaces and owned objects will not go away, \
                 and no Deployment makes a Pod",
                self.binaries.folder().display()
            ));
            return Ok(());
        };
        let mut command = Command::new(program);
        let credentials = &self.credentials;
        command
            .arg(flag(
                "kubeconfig",
                &credentials.controller_manager_kubeconfig,
            ))
            .arg(flag(
                "service-account-private-key-file",
                &credentials.service_account_key,
            ))
            .arg(flag("root-ca-file", &credentials.ca))
            .args([
                "--use-service-account-credentials",
                "--leader-elect=false",
                "--secure-port=0",
                // Its client would otherwise throttle itself to 20 requests a second, and the
                // namespaces of many tests take that many minutes to go.
                "--kube-api-qps=1000",
                "--kube-api-burst=1000",
                "--concurrent-namespace-syncs=20",
            ]);
        let log = self.folder.path().join("kube-controller-manager.log");
        let controller_manager = process::spawn(command, &log)?;

        let accounts = Api::<ServiceAccount>::namespaced(self.cluster.client()?, "default");
        let working = wait_for(
            &accounts,
            "default",
            "the controllers to work",
            START,
            |_| true,
        );
        tokio::select! {
            made = working => made
                .map(drop)
                .with_context(|| controller_manager.log_tail(LOG_LINES))?,
            status = controller_manager.wait() => bail!(ended(&controller_manager, status)),
        }
        self.controller_manager = Some(controller_manager);
        Ok(())
    }

    /// That it works shows when a Pod gets its node.
    fn start_scheduler(&mut self) -> Result<()> {
        let program = self.binaries.scheduler();
        let mut command = Command::new(program.context("there is no kube-scheduler")?);
        command
            .arg(flag("kubeconfig", &self.credentials.scheduler_kubeconfig))
            .args(["--leader-elect=false", "--secure-port=0"]);
        let log = self.folder.path().join("kube-scheduler.log");
        self.scheduler = Some(process::spawn(command, &log)?);
        Ok(())
    }
}

/// How long a server may take to start on a machine that is busy with others.
const START: Duration = PATIENCE.saturating_mul(3);
/// How much of a log an error shows.
const LOG_LINES: usize = 20;

fn start_etcd(binaries: &Binaries, folder: &Path, port: &Port, peer_port: &Port) -> Result<Child> {
    let (client_url, peer_url) = (
        format!("http://{}", port.address()),
        format!("http://{}", peer_port.address()),
    );
    let mut command = Command::new(binaries.etcd());
    command
        .arg(flag("data-dir", &folder.join("etcd")))
        .arg(format!("--listen-client-urls={client_url}"))
        .arg(format!("--advertise-client-urls={client_url}"))
        .arg(format!("--listen-peer-urls={peer_url}"))
        .arg(format!("--initial-advertise-peer-urls={peer_url}"))
        .arg(format!("--initial-cluster=default={peer_url}"))
        // The data is worth nothing after a power cut.
        .arg("--unsafe-no-fsync")
        .arg("--log-level=warn");
    Ok(process::spawn(command, &folder.join("etcd.log"))?)
}

fn start_api_server(
    binaries: &Binaries,
    credentials: &Credentials,
    folder: &Path,
    etcd: &Port,
    address: SocketAddr,
) -> Result<Child> {
    let mut command = Command::new(binaries.api_server());
    command
        .arg(format!("--etcd-servers=http://{}", etcd.address()))
        .arg(format!("--secure-port={}", address.port()))
        .arg(format!("--bind-address={}", address.ip()))
        // It is otherwise looked for on the machine's other interfaces, and there may be none.
        .arg(format!("--advertise-address={}", address.ip()));
    if address.ip().is_loopback() {
        // It would be published as an endpoint, which refuses loopback.
        command.arg("--endpoint-reconciler-type=none");
    } else {
        command.args([
            "--enable-aggregator-routing=true",
            // Nothing resolves a node's name.
            "--kubelet-preferred-address-types=InternalIP",
        ]);
    }
    command
        .args([
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
        ])
        .arg(format!(
            "--service-cluster-ip-range={}",
            addresses_of_services(Family::of(address.ip()))
        ))
        .arg(flag("cert-dir", &folder.join("apiserver")))
        .arg(flag("tls-cert-file", &credentials.server_certificate))
        .arg(flag("tls-private-key-file", &credentials.server_key))
        .arg(flag(
            "service-account-key-file",
            &credentials.service_account_public_key,
        ))
        .arg(flag(
            "service-account-signing-key-file",
            &credentials.service_account_key,
        ))
        .arg(flag("token-auth-file", &credentials.tokens));
    Ok(process::spawn(command, &folder.join("kube-apiserver.log"))?)
}

/// Of the family at which the API server is reached: it refuses any other.
fn addresses_of_services(family: Family) -> &'static str {
    match family {
        Family::V4 => "10.0.0.0/24",
        Family::V6 => "fd00:10::/112",
    }
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// Waits for `check`, but no longer than the child lives; an error shows the child's last words.
async fn alive<C, F, V>(child: &Child, what: &str, check: C) -> Result<()>
where
    C: FnMut() -> F,
    F: Future<Output = V>,
    V: Verdict,
{
    tokio::select! {
        held = until(what, START, check) => {
            held.with_context(|| format!("{}:\n{}", child.log().display(), child.log_tail(LOG_LINES)))
        }
        status = child.wait() => bail!(ended(child, status)),
    }
}

fn ended(child: &Child, status: std::process::ExitStatus) -> String {
    format!(
        "{} ended with {status}:\n{}",
        child.name(),
        child.log_tail(LOG_LINES)
    )
}
