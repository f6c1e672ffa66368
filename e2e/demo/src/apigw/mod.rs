//! A route on two gateways.

mod asking;
mod chapters;
mod gateway;
mod hello;
mod history;

use std::fs;

use anyhow::{Context, Result};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};

use self::gateway::{Equipment, Gateway, mount};
use self::hello::Hello;
use self::history::History;
use crate::ground::tree;
use crate::operator::{Dialled, Operator, Wish};
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
/// The port that gateways dial.
const DIALLED: Dialled = Dialled {
    port: 9444,
    flag: "--grpc-bind-address",
};

/// Applied, in force, edited, and what becomes of it when gateways and the operator come and go.
pub struct Apigw {
    stage: Stage,
    folder: Scratch,
    _hello: Hello,
    equipment: Equipment,
    gateways: Vec<Gateway>,
    operator: Operator,
}

impl Scene for Apigw {
    const OPERATOR: &str = "apigw-operator";
    const KINDS: &str = "apiroutes,backends";

    async fn set(stage: Stage, teller: &Teller) -> Result<Self> {
        let hello = Hello::start().await?;
        let address = hello.address();
        teller.happened(&format!("hello-service listens at {address}"));

        let operator = Operator::install(&stage, teller, wish(&stage)).await?;
        let folder = Scratch::new("demo")?;
        mount(&stage, CERTIFICATE, folder.path()).await?;
        teller.happened(&format!(
            "it has issued a certificate for gateways into the Secret {CERTIFICATE}; each gateway mounts it:"
        ));
        let equipment = Equipment {
            operator: operator.dialled().await?,
            services: (SERVICE, address),
            certificates: folder.path().to_owned(),
        };
        let mut scene = Self {
            stage,
            folder,
            _hello: hello,
            equipment,
            gateways: Vec::new(),
            operator,
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

    fn operator(&self) -> &Operator {
        &self.operator
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
            let ask = format!("curl -s {}", gateway.url("/hello"));
            teller.typed(&self.stage.inside(&ask));
        }
        self.operator.invite(&self.stage, teller).await
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
        let command = format!("{} --gateway-name={name}", gateway::PROGRAM);
        teller.typed_with(&command, &equipment.connection("/certs".as_ref()));
        self.gateways.push(gateway);
        Ok(())
    }

    /// Waits until so many gateways are connected, as the operator sees it.
    async fn connected(&self, count: usize) -> Result<()> {
        let what = format!("{count} connected gateways");
        until(&what, PATIENCE, || async {
            let state = self.operator.state().await.map_err(|e| format!("{e:#}"))?;
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

/// The operator with gateways' certificates for this stage.
fn wish(stage: &Stage) -> Wish {
    let namespace = stage.namespace().name();
    let mut wish = Wish {
        operator: Apigw::OPERATOR,
        name: "avapigw-operator",
        values: vec![
            format!("grpc.tls.gatewayCertSecrets[0].namespace={namespace}"),
            format!("grpc.tls.gatewayCertSecrets[0].name={CERTIFICATE}"),
        ],
        flags: vec![format!("--gateway-cert-secrets={namespace}/{CERTIFICATE}")],
        dialled: Some(DIALLED),
    };
    // One that takes over from a dead one waits for so long, in front of somebody who looks on.
    for (value, flag, time) in [
        ("leaseDuration", "lease-duration", "6s"),
        ("renewDeadline", "renew-deadline", "4s"),
        ("retryPeriod", "retry-period", "1s"),
    ] {
        wish.values.push(format!("leaderElection.{value}={time}"));
        wish.flags.push(format!("--leader-election-{flag}={time}"));
    }
    wish
}

/// What a file of the source tree holds.
fn sample(file: &str) -> Result<String> {
    fs::read_to_string(tree().join(file)).with_context(|| format!("cannot read {file}"))
}
