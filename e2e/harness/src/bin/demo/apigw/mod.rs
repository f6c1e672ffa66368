//! A route on two gateways.

mod chapters;
mod gateway;
mod hello;
mod history;

use std::fs;

use anyhow::{Context, Result};
use harness::plain;
use harness::port::Port;
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use serde_json::Value;

use self::gateway::{Equipment, Gateway, mount};
use self::hello::Hello;
use self::history::History;
use crate::ground::tree;
use crate::operator::Operator;
use crate::scene::Scene;
use crate::stage::Stage;
use crate::teller::Teller;

/// The sample that is applied, in the source tree.
const SAMPLE: &str = "examples/apigw/quick-start.yaml";
/// The service of the sample, by each of the names that are used for it.
const SERVICE: &[&str] = &[
    "hello-service:8080",
    "hello-service.default.svc.cluster.local:8080",
];
/// The Secret with the gateways' certificate.
const CERTIFICATE: &str = "gateway-cert";
/// The port that gateways dial; only in their minds, as every run has one of its own.
const SERVED_AT: u16 = 9444;

/// Applied, in force, edited, and what becomes of it when gateways and the operator come and go.
pub struct Apigw {
    stage: Stage,
    folder: Scratch,
    _hello: Hello,
    port: Port,
    equipment: Equipment,
    gateways: Vec<Gateway>,
    operator: Option<Operator>,
}

impl Scene for Apigw {
    const TITLE: &str = "apigw-operator";
    const KINDS: &str = "apiroutes,backends";

    async fn set(stage: Stage, teller: &Teller) -> Result<Self> {
        let hello = Hello::start().await?;
        let address = hello.address();
        teller.happened(&format!("hello-service listens at {address}"));

        let port = Port::reserve()?;
        let operator = operator(&stage, &port).await?;
        let pid = operator.pid();
        teller.happened(&format!("apigw-operator is ready, process {pid}"));

        let folder = Scratch::new("demo")?;
        mount(&stage, CERTIFICATE, folder.path()).await?;
        teller.happened(&format!(
            "it has issued a certificate for gateways into the Secret {CERTIFICATE}; each gateway mounts it:"
        ));
        let namespace = stage.namespace().name();
        let dialled = format!("avapigw-operator.{namespace}.svc:{SERVED_AT}");
        let equipment = Equipment {
            operator: (dialled, port.address()),
            services: (SERVICE, address),
            certificates: folder.path().to_owned(),
        };
        let mut scene = Self {
            stage,
            folder,
            _hello: hello,
            port,
            equipment,
            gateways: Vec::new(),
            operator: Some(operator),
        };
        for name in ["gateway-a", "gateway-b"] {
            scene.start_gateway(name, teller)?;
        }
        scene.connected(2).await?;
        teller.happened("both are connected");
        Ok(scene)
    }

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn operator(&self) -> Option<&Operator> {
        self.operator.as_ref()
    }

    async fn play(&mut self, teller: &Teller) -> Result<()> {
        self.a_route_appears(teller).await?;
        let history = History::begin(&self.stage, "Backend", "hello-backend").await?;
        self.an_edit_arrives(teller).await?;
        self.a_gateway_is_replaced(teller).await?;
        self.a_mistake_stays_alone(teller).await?;
        self.a_route_disappears(teller).await?;
        self.the_operator_dies(teller).await?;
        history.was_ready().await?;
        teller.happened("hello-backend, which nobody edited, has said Ready=True all the while");
        Ok(())
    }

    async fn leave_standing(&self, teller: &Teller) -> Result<()> {
        let kubectl = self.stage.kubectl();
        kubectl.apply(&sample(SAMPLE)?).await?;
        let objects = ["apiroute/hello-route", "backend/hello-backend"];
        kubectl.ready(&objects).await?;
        teller.happened("the sample is Ready; in another terminal:");
        self.stage.invite(teller);
        teller.typed("kubectl get apiroutes,backends -o wide");
        teller.typed("kubectl edit apiroute hello-route");
        teller.typed("kubectl explain apiroute.spec");
        for gateway in &self.gateways {
            teller.typed(&format!("curl -s {}", gateway.url("/hello")));
        }
        if let Some(operator) = &self.operator {
            operator.invite(teller);
        }
        Ok(())
    }

    async fn end(&self, teller: &Teller) -> Result<()> {
        for gateway in &self.gateways {
            gateway.stop().await?;
        }
        teller.happened(
            "the gateways were asked to end (SIGTERM) and ended; none saw the protocol broken",
        );
        Ok(())
    }

    fn evidence(&self) -> String {
        let end = |gateway: &Gateway| {
            let (name, log) = (gateway.name(), gateway.log_tail());
            format!("\n--- the end of {name}'s log\n{log}")
        };
        self.gateways.iter().map(end).collect()
    }
}

impl Apigw {
    fn start_gateway(&mut self, name: &str, teller: &Teller) -> Result<()> {
        let equipment = &self.equipment;
        let gateway = Gateway::start(name, equipment, self.folder.path())?;
        teller.typed(&format!("{} --gateway-name={name} \\", gateway::PROGRAM));
        let mounted = "/certs".as_ref();
        teller.shown(&equipment.connection(mounted).join(" \\\n"));
        self.gateways.push(gateway);
        Ok(())
    }

    /// Waits until so many gateways are connected, as the operator sees it.
    async fn connected(&self, count: usize) -> Result<()> {
        let operator = self.operator.as_ref().context("the operator is dead")?;
        let url = format!("{}/debug/state", operator.metrics());
        let what = format!("{count} connected gateways");
        until(&what, PATIENCE, || async {
            let (_, state) = plain::get(&url).await.map_err(|e| format!("{e:#}"))?;
            let state: Value = serde_json::from_str(&state).map_err(|e| e.to_string())?;
            let known = state["gateways"]["gateways"].as_array();
            let connected = known.map(|known| known.iter().filter(|it| it["connected"] == true));
            match connected.map(Iterator::count) == Some(count) {
                true => Ok(()),
                false => Err(state["gateways"].to_string()),
            }
        })
        .await
    }
}

async fn operator(stage: &Stage, port: &Port) -> Result<Operator> {
    let namespace = stage.namespace().name();
    let args = [
        format!("--pod-namespace={namespace}"),
        format!("--gateway-cert-secrets={namespace}/{CERTIFICATE}"),
        format!("--grpc-bind-address={}", port.address()),
        // One that takes over from a dead one waits for so long, in front of somebody who looks on.
        "--leader-election-lease-duration=6s".to_owned(),
        "--leader-election-renew-deadline=4s".to_owned(),
        "--leader-election-retry-period=1s".to_owned(),
    ];
    Operator::start(stage, "apigw-operator", &args).await
}

/// What a file of the source tree holds.
fn sample(file: &str) -> Result<String> {
    fs::read_to_string(tree().join(file)).with_context(|| format!("cannot read {file}"))
}
