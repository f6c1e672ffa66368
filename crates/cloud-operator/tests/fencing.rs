//! Two processes and one lease: whoever does not hold it writes nothing, not even after a long sleep.

mod scene;

use anyhow::{Context, Result};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    ApiProxy,
    process::{Child, Signal},
    proxy::{Action, Call, Gate, Point, Proxy, Rule, Verb},
};
use k8s_openapi::api::coordination::v1::Lease;
use scene::{Scene, program::Served, state::State};
use serde_json::{Value, json};

/// A lease that is over soon after its holder was stopped, and that a busy machine does not end.
const SHORT: [&str; 3] = [
    "--leader-election-lease-duration=12s",
    "--leader-election-renew-deadline=10s",
    "--leader-election-retry-period=500ms",
];
/// A lease that no test waits for: it changes hands only by being released.
const LONG: [&str; 3] = [
    "--leader-election-lease-duration=1h",
    "--leader-election-renew-deadline=50m",
    "--leader-election-retry-period=500ms",
];

/// The operator as a process, with a proxy of its own before the API server.
struct Replica {
    api: ApiProxy,
    served: Served,
    state: State,
}

impl Replica {
    async fn start(scene: &Scene, name: &str, timings: [&str; 3]) -> Result<Self> {
        let user = scene.cluster.config();
        let api = ApiProxy::start(&user).await?;
        let name = format!("--pod-name={name}");
        let mut settings = timings.to_vec();
        settings.push(&name);
        let served = scene.program_behind(&api, &user, &settings, &[])?;
        let state = served.state();
        Ok(Self { api, served, state })
    }

    fn process(&self) -> &Child {
        &self.served.program.child
    }

    async fn leads(&self) -> Result<()> {
        let leads = self
            .state
            .until("it to lead", |state| state["lease"]["leading"] == true);
        leads.await.with_context(|| self.process().log_tail(30))
    }

    /// A replica that stands by: it has seen who leads.
    async fn follows(&self) -> Result<()> {
        let follows = self.state.until("it to follow", |state| {
            state["lease"]["leading"] == false && state["lease"]["holder"].is_string()
        });
        follows.await.with_context(|| self.process().log_tail(30))
    }
}

/// The sequence number of the last request so far.
fn mark(proxy: &Proxy) -> u64 {
    proxy.requests().last().map_or(0, |it| it.call.seq)
}

fn writes_after(proxy: &Proxy, mark: u64) -> Vec<String> {
    proxy
        .requests()
        .into_iter()
        .map(|it| it.call)
        .filter(|call| call.seq > mark && call.verb == Verb::Write && call.about != "leases")
        .map(|call| format!("{call:?}"))
        .collect()
}

#[tokio::test]
async fn a_leader_that_slept_past_its_lease_writes_no_more() -> Result<()> {
    let scene = Scene::new("fencing").await?;
    let first = Replica::start(&scene, "first", SHORT).await?;
    first.leads().await?;
    let second = Replica::start(&scene, "second", SHORT).await?;
    second.follows().await?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    // Three passes of the first are in hand: one has read and is about to write to the API server, one has
    // written there and is about to write to AWS, and one has a write to AWS on the wire.
    let gate = Gate::new();
    let held = |point| Action::Hold(point, gate.clone());
    let aws = scene.aws.proxy();
    let read = scene.bucket_name("read");
    let has_read = move |call: &Call| call.about == "HeadBucket" && call.path.contains(&read);
    aws.rule(Rule::when(has_read, held(Point::After)).once());
    let intends = |call: &Call| call.about == "s3buckets/status" && call.path.contains("/intent/");
    let api = first.api.proxy();
    api.rule(Rule::when(intends, held(Point::After)).once());
    let sent = scene.bucket_name("sent");
    let creates = move |call: &Call| call.about == "CreateBucket" && call.path.contains(&sent);
    aws.rule(Rule::when(creates, held(Point::Before)).once());
    let names = ["read", "intent", "sent"];
    for name in names {
        let spec = scene.every_facet(name).await?;
        scene.bucket(name, "account", spec).await?;
    }
    gate.arrived(names.len()).await;

    first.process().signal(Signal::STOP)?;
    second.leads().await?;
    for name in names {
        scene.ready::<S3Bucket>(name).await?;
    }
    second.state.idle().await?;
    let (in_cluster, outside) = (mark(api), mark(aws));
    first.process().signal(Signal::CONT)?;
    gate.open();
    let over = |state: &Value| {
        let holder = state["lease"]["holder"].as_str().unwrap_or_default();
        holder.starts_with("second") && state["queue/s3bucket"]["running"] == json!({})
    };
    first.state.until("its passes to end", over).await?;
    assert_eq!(writes_after(api, in_cluster), [""; 0]);
    assert_eq!(writes_after(aws, outside), [""; 0]);

    // Only what was on the wire already came twice, and did no harm.
    let created = |name: &str| {
        let bucket = scene.bucket_name(name);
        let requests = aws.requests();
        let creations = requests
            .iter()
            .filter(|it| it.call.about == "CreateBucket" && it.call.path.contains(&bucket));
        creations.count()
    };
    assert_eq!(names.map(created), [1, 1, 2]);
    for name in names {
        scene.request_pass::<S3Bucket>(name).await?;
        scene.ready::<S3Bucket>(name).await?;
        scene.delete::<S3Bucket>(name).await?;
        scene.gone::<S3Bucket>(name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_finishes_and_hands_over_at_once() -> Result<()> {
    let scene = Scene::new("handover").await?;
    let first = Replica::start(&scene, "first", LONG).await?;
    first.leads().await?;
    let second = Replica::start(&scene, "second", LONG).await?;
    second.follows().await?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    let gate = Gate::new();
    let creates = |call: &Call| call.about == "CreateBucket";
    let hold = Action::Hold(Point::Before, gate.clone());
    scene.aws.proxy().rule(Rule::when(creates, hold).once());
    scene.bucket("data", "account", json!({})).await?;
    gate.arrived(1).await;
    let mark = mark(second.api.proxy());
    first.process().signal(Signal::TERM)?;
    first.served.program.says("stopping").await?;
    assert_eq!(first.process().try_wait(), None, "it has a pass in hand");
    gate.open();
    let ended = first.served.program.ends().await?;
    assert_eq!(ended.code(), Some(0), "{}", first.process().log_tail(30));
    let written = |call: &Call| call.about == "s3buckets/status" && call.verb == Verb::Write;
    let requests = first.api.proxy().requests();
    let by_first = requests.iter().filter(|it| written(&it.call)).count();
    assert_eq!(by_first, 2, "the intent, and that it is ready");
    scene.ready::<S3Bucket>("data").await?;

    // Nobody waited for an hour.
    second.leads().await?;
    second.state.idle().await?;
    assert_eq!(writes_after(second.api.proxy(), mark), [""; 0]);
    let lease = scene.api_of::<Lease>().get(cloud_operator::LEASE).await?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity);
    let holder = holder.context("a holder")?;
    assert!(holder.starts_with("second"), "{holder}");
    assert_eq!(second.served.program.terminate().await?.code(), Some(0));
    let lease = scene.api_of::<Lease>().get(cloud_operator::LEASE).await?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity);
    assert_eq!(holder.unwrap_or_default(), "", "released");
    Ok(())
}
