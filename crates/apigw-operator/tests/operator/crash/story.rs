//! A story with everything that the operator does: objects come, change and go, and a gateway follows.

use std::{pin::pin, sync::OnceLock, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use futures::future::{Either, select};
use gateway::{Gateway, Kind, Options};
use harness::wait;
use k8s_openapi::api::coordination::v1::Lease;
use operator_core::decide::clock::Clock;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::AbortHandle, time::timeout};

use crate::{
    crash::trap::{Point, Trap},
    stage::{
        PATIENCE, Running, Stage,
        http::{answers, origin},
    },
};

/// Little enough to outlive a lease before a certificate that is made then would begin too late for others.
const SETTINGS: &[&str] = &[
    "--leader-election-lease-duration=4m",
    "--leader-election-renew-deadline=3m",
    "--reconcile-timeout=1h",
];
/// How far time goes at each look of an operator at the lease of one that died.
const STEP: Duration = Duration::from_secs(20);

/// One telling.
pub struct Story {
    stage: Stage,
    trap: Trap,
    /// The gateway's.
    clock: Clock,
    gateway: OnceLock<Gateway>,
}

/// The operator that came after, whose time flies.
struct Second {
    operator: Running,
    hurry: AbortHandle,
}

impl Story {
    /// Tells the story without a death, and returns the points that it passed.
    pub async fn recorded() -> Result<Vec<Point>> {
        let story = Self::new(None).await?;
        let operator = story.stage.operator_with(SETTINGS)?;
        story.tell().await?;
        story.check()?;
        operator.stop().await?;
        let mut points = story.trap.points();
        points.sort();
        points.dedup();
        Ok(points)
    }

    /// Tells the story with an operator that dies at `point`; whether it came there.
    pub async fn dies_at(point: Point) -> Result<bool> {
        let story = Self::new(Some(point)).await?;
        let first = story.stage.operator_with(SETTINGS)?;
        let tale = pin!(story.tell());
        let death = pin!(story.die(first));
        let second = match select(tale, death).await {
            Either::Right((second, tale)) => {
                tale.await?;
                second?
            }
            // The last calls of all are made when there is nothing left to tell.
            Either::Left((told, death)) if story.trap.is_sprung() => {
                told?;
                death.await?
            }
            Either::Left((told, _)) => {
                told?;
                story.check()?;
                return Ok(false);
            }
        };
        // Statuses are told by the one that came after, too; those of the last edits only by it.
        let edit = json!({ "spec": { "timeout": "29s" } });
        story.stage.patch::<APIRoute>("moves", edit).await?;
        story.stage.ready::<APIRoute>("moves").await?;
        story.stage.ready::<APIRoute>("comes").await?;
        story.stage.ready::<Backend>("web").await?;
        story.check()?;
        second.hurry.abort();
        second.operator.stop().await?;
        Ok(true)
    }

    async fn new(target: Option<Point>) -> Result<Self> {
        let stage = Stage::new("crash").await?;
        let trap = Trap::at(stage.namespace.name(), target);
        stage.api.proxy().on_request({
            let trap = trap.clone();
            move |side, call| {
                let trap = trap.clone();
                async move { trap.call(side, &call).await }
            }
        });
        Ok(Self {
            stage,
            trap,
            clock: Clock::system(),
            gateway: OnceLock::new(),
        })
    }

    async fn tell(&self) -> Result<()> {
        let stage = &self.stage;
        let started = self.start_gateway().await?;
        let gateway = self.gateway.get_or_init(|| started);
        stage.backend("web", origin("web").await?).await?;
        stage.backend("goes", origin("goes").await?).await?;
        stage.route("moves", "/before", "web").await?;
        stage.ready::<APIRoute>("moves").await?;
        stage.ready::<Backend>("web").await?;
        stage.ready::<Backend>("goes").await?;

        let after = json!({ "spec": { "match": [{ "uri": { "prefix": "/after" } }] } });
        stage.patch::<APIRoute>("moves", after).await?;
        stage.route("comes", "/comes", "web").await?;
        stage.ready::<APIRoute>("moves").await?;
        stage.ready::<APIRoute>("comes").await?;

        stage.delete::<Backend>("goes").await?;
        wait::until("the gateway to lose it", PATIENCE, || async {
            gateway.backends() == ["web"]
        })
        .await?;
        answers(gateway, "/after", 200, "web GET /after").await?;
        answers(gateway, "/comes", 200, "web GET /comes").await?;
        answers(gateway, "/before", 404, "").await
    }

    async fn start_gateway(&self) -> Result<Gateway> {
        let (events, mut told) = mpsc::unbounded_channel();
        let trap = self.trap.clone();
        tokio::spawn(async move {
            while let Some(record) = told.recv().await {
                trap.event(&record);
            }
        });
        let options = self.stage.gateway_options("gw").await?;
        Gateway::start(Options {
            events: Some(events),
            clock: self.clock.clone(),
            ..options
        })
        .await
    }

    /// What must hold when the story has been told: the gateway has exactly what is wished.
    fn check(&self) -> Result<()> {
        let gateway = self.gateway.get().context("the story was not told")?;
        let violations = gateway.violations();
        ensure!(violations.is_empty(), "{violations:#?}");
        ensure!(
            gateway.state().counts.refused == 0,
            "{:#?}",
            gateway.events()
        );
        let namespace = self.stage.namespace.name();
        let key = |name| format!("{namespace}/{name}");
        let (routes, backends) = (
            gateway.tracked(Kind::ApiRoute),
            gateway.tracked(Kind::Backend),
        );
        ensure!(
            routes.keys().eq([&key("comes"), &key("moves")]),
            "{routes:?}"
        );
        ensure!(backends.keys().eq([&key("web")]), "{backends:?}");
        let moves: Value = serde_json::from_slice(&routes[&key("moves")])?;
        ensure!(moves["match"][0]["uri"]["prefix"] == "/after", "{moves}");
        Ok(())
    }

    /// Waits for the trap, drops the operator there and starts another.
    async fn die(&self, first: Running) -> Result<Second> {
        self.trap.sprung().await;
        first.crash().await;
        // Connections in hand outlive the operator within this process; they would not outlive its own.
        if let Some(gateway) = self.gateway.get() {
            gateway.cut();
        }
        let dead = self.holder().await?;
        self.trap.release();
        let operator = self.stage.operator_with(SETTINGS)?;
        if let Some(dead) = dead {
            self.outlive(&dead, &operator.clock).await?;
        }
        let (gateway, clock) = (self.clock.clone(), operator.clock.clone());
        let hurry = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                gateway.advance(Duration::from_secs(1));
                clock.advance(Duration::from_secs(1));
            }
        });
        Ok(Second {
            operator,
            hurry: hurry.abort_handle(),
        })
    }

    async fn holder(&self) -> Result<Option<String>> {
        let leases = self.stage.api_of::<Lease>();
        let lease = leases.get_opt(apigw_operator::LEASE).await?;
        let spec = lease.and_then(|lease| lease.spec);
        let holder = spec.and_then(|spec| spec.holder_identity);
        Ok(holder.filter(|holder| !holder.is_empty()))
    }

    /// Lets the time pass that the lease of `dead` still has, for the operator whose clock this is.
    async fn outlive(&self, dead: &str, clock: &Clock) -> Result<()> {
        let proxy = self.stage.api.proxy();
        let mut last = 0;
        let passing = async {
            while self.holder().await?.as_deref() == Some(dead) {
                // A step for each look at the lease; should one come before the answer was taken in, another
                // look is a retry period away.
                let looked = proxy.settled(|call| call.about == "leases" && call.seq > last);
                let looked = timeout(Duration::from_secs(1), looked).await;
                last = looked.map_or(last, |looked| looked.call.seq);
                // The gateway's first: the time in which it overlooks less begins and ends before the operator's.
                self.clock.advance(STEP);
                clock.advance(STEP);
            }
            anyhow::Ok(())
        };
        let passed = timeout(PATIENCE, passing).await;
        passed
            .map_err(|_| anyhow!("the lease of {dead} was not taken over"))?
            .context("the lease cannot be read")
    }
}
