//! What the figures are taken on: a control plane, the operator's program, and gateways.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use crd_types::apigw::v1alpha1::crds;
use gateway::{Event, Gateway, Identity, Options, State, Tls, Waits};
use harness::{
    port::Port,
    process::{self, Child},
    wait,
};
use k8s_openapi::api::core::v1::Secret;
use operator_core::decide::clock::{Clock, Moment};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use super::{PATIENCE, objects::Objects};
use crate::{ground::Ground, resident::Resident};

/// The Service that gateways believe to dial.
const SERVICE: &str = "avapigw-operator";
/// The Secret with their certificate.
const CERTIFICATE: &str = "gateway-cert";

/// A control plane with an operator at work.
pub struct Stage {
    pub objects: Objects,
    pub clock: Clock,
    port: Port,
    operator: Child,
    tls: Tls,
    _ground: Ground,
}

/// A gateway, and what happens to it.
pub struct Dialled {
    pub gateway: Gateway,
    events: UnboundedReceiver<gateway::Record>,
}

impl Stage {
    pub async fn set(program: &Path) -> Result<Self> {
        let ground = Ground::prepare(crds()).await?;
        let port = Port::reserve()?;
        let name = ground.namespace.name();
        let mut command = Command::new(program);
        command
            .env_clear()
            .args(ground.settings())
            .arg(format!("--gateway-cert-secrets={name}/{CERTIFICATE}"))
            .arg(format!("--grpc-bind-address={}", port.address()))
            .args(["--metrics-bind-address=0", "--health-probe-bind-address=0"]);
        let operator = process::spawn(command, &ground.folder().join("operator.log"))?;
        let secrets = ground.namespace.api::<Secret>()?;
        let issued = wait::wait_for(
            &secrets,
            CERTIFICATE,
            "it is issued",
            PATIENCE,
            |secret: &Secret| {
                secret
                    .data
                    .as_ref()
                    .is_some_and(|data| data.contains_key("tls.key"))
            },
        );
        let issued = issued.await.with_context(|| operator.log_tail(20))?;
        let tls = mounted(ground.folder(), issued.data.unwrap_or_default())?;
        Ok(Self {
            objects: Objects::of(&ground.namespace)?,
            clock: Clock::system(),
            port,
            operator,
            tls,
            _ground: ground,
        })
    }

    pub fn resident(&self) -> Result<Resident> {
        if let Some(status) = self.operator.try_wait() {
            bail!(
                "the operator ended with {status}: {}",
                self.operator.log_tail(20)
            );
        }
        Resident::of(self.operator.pid())
    }

    pub async fn gateway(&self, name: &str) -> Result<Dialled> {
        let listen = Some(([127, 0, 0, 1], 0).into());
        self.dialled(name, |options| Options { listen, ..options })
            .await
    }

    pub async fn gateway_without_traffic(&self, name: &str) -> Result<Dialled> {
        self.dialled(name, |options| options).await
    }

    async fn dialled(&self, name: &str, more: impl FnOnce(Options) -> Options) -> Result<Dialled> {
        let (happened, events) = mpsc::unbounded_channel();
        let options = Options {
            tls: Some(self.tls.clone()),
            pod: format!("{name}-0"),
            resolve: BTreeMap::from([(SERVICE.to_owned(), self.port.address())]),
            start: Waits::QUICK,
            clock: self.clock.clone(),
            events: Some(happened),
            ..Options::new(format!("{SERVICE}:{}", self.port.number()), name)
        };
        let gateway = Gateway::start(more(options)).await?;
        Ok(Dialled { gateway, events })
    }
}

impl Dialled {
    pub async fn has(&mut self, what: &str, holds: impl FnMut(&State) -> bool) -> Result<()> {
        self.gateway.wait_for(what, PATIENCE, holds).await?;
        Ok(())
    }

    /// From now on only what happens from now on counts.
    pub fn forget(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// When the next update was applied.
    pub async fn applied(&mut self) -> Result<Moment> {
        let next = async {
            while let Some(record) = self.events.recv().await {
                if let Event::Processed(_) = record.event {
                    return Ok(record.at);
                }
            }
            bail!("the gateway is gone")
        };
        timeout(PATIENCE, next).await.context("no update came")?
    }
}

fn mounted(folder: &Path, data: BTreeMap<String, k8s_openapi::ByteString>) -> Result<Tls> {
    for (name, content) in &data {
        fs::write(folder.join(name), &content.0)?;
    }
    Ok(Tls {
        ca_file: folder.join("ca.crt"),
        identity: Some(Identity {
            cert_file: folder.join("tls.crt"),
            key_file: folder.join("tls.key"),
        }),
    })
}
