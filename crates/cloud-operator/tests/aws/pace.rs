//! Calls that wait for their turn.

use std::{num::NonZeroU32, pin::pin, sync::Arc, time::Duration};

use cloud_operator::aws::{Access, Aws, Hop, Keys, Paces, Source, Tenant};
use futures::poll;
use harness::proxy::Call;
use operator_core::{
    cluster::{leading::Leading, own_time::OwnTime},
    decide::{budget::Limits, clock::Clock, key::ObjectKey},
};

use crate::{
    fence::term,
    stage::{OTHER_ACCOUNT, Stage, access, client, settings},
};

/// So long that only the test's clock can bring the next turn.
const HOUR: Duration = Duration::from_secs(3600);

/// Tenants with one call an hour between them.
async fn hourly<const N: usize>(
    stage: &Stage,
    clock: &Clock,
    namespaces: [&'static str; N],
) -> [Tenant; N] {
    let access = Access {
        endpoint: Some(stage.aws.url().parse().unwrap()),
        ..access("pace")
    };
    let session = Arc::new(client(&stage.aws).open(&access).await.unwrap());
    let limits = Limits {
        interval: HOUR,
        burst: NonZeroU32::MIN,
    };
    let pace = Paces::new(Some(limits), clock.clone()).pace();
    namespaces.map(|namespace| Tenant::new(session.clone(), pace.clone(), namespace))
}

#[tokio::test]
async fn whoever_begins_with_the_same_credentials_asks_sts_by_turns() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let limits = Limits {
        interval: HOUR / 60,
        burst: NonZeroU32::new(2).unwrap(),
    };
    let paces = Paces::new(Some(limits), clock.clone());
    let aws = Aws::new(settings(&stage.aws), clock.clone()).within(paces);
    let assuming = |namespace: &str, id: &str| Access {
        provider: ObjectKey::new(namespace, "pace"),
        endpoint: Some(stage.aws.url().parse().unwrap()),
        source: Source::Keys(Keys {
            id: id.into(),
            secret: "secret".into(),
            token: None,
        }),
        chain: vec![Hop::to(format!(
            "arn:aws:iam::{OTHER_ACCOUNT}:role/{namespace}"
        ))],
        ..access("pace")
    };
    // One call for the role, and one for whose it is.
    let first = aws.open(&assuming("a", "AKIATESTSTESTSTESTS1")).await;
    stage.proxy().clear();
    let same = assuming("b", "AKIATESTSTESTSTESTS1");
    let mut waits = pin!(aws.open(&same));
    assert!(poll!(&mut waits).is_pending());
    aws.open(&assuming("c", "AKIATESTSTESTSTESTS2"))
        .await
        .unwrap();
    let signers = |id: &str| {
        let requests = stage.proxy().requests();
        requests.iter().filter(|it| it.call.signer == id).count()
    };
    assert_eq!(signers("AKIATESTSTESTSTESTS2"), 1);
    assert!(poll!(&mut waits).is_pending());
    assert_eq!(signers("AKIATESTSTESTSTESTS1"), 0, "its turn has not come");
    clock.advance(HOUR);
    waits.await.unwrap();
    first.unwrap();
}

#[tokio::test]
async fn reads_and_writes_wait_for_their_turn_by_turns_among_namespaces() {
    let stage = Stage::new().await;
    let case = stage.case("pace-turns");
    case.create().await.unwrap();
    let clock = Clock::system();
    let [one, other] = hourly(&stage, &clock, ["one", "other"]).await;
    let leading = Leading::always(clock.clone());
    stage.proxy().clear();
    let sent = || stage.proxy().requests().len();

    one.reads(&case.bucket).head_bucket().await.unwrap();
    assert_eq!(sent(), 1);
    let (reads, writes) = (one.reads(&case.bucket), one.writes(&leading, &case.bucket));
    let mut write = pin!(writes.delete_bucket_policy(|call| call));
    assert!(poll!(&mut write).is_pending());
    let mut late = pin!(reads.get_bucket_tagging());
    assert!(poll!(&mut late).is_pending());
    let reads = other.reads(&case.bucket);
    let mut others = pin!(reads.get_bucket_versioning());
    assert!(poll!(&mut others).is_pending());

    clock.advance(HOUR);
    assert!(poll!(&mut write).is_pending());
    others.await.unwrap();
    assert_eq!(sent(), 2, "the other namespace came first");
    clock.advance(HOUR);
    write.await.unwrap();
    assert_eq!(sent(), 3);
    clock.advance(HOUR);
    late.await.unwrap();
    assert_eq!(sent(), 4);
}

#[tokio::test]
async fn what_credentials_wait_for_their_turn_is_not_taken_from_who_needs_them() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let limits = Limits {
        interval: HOUR,
        burst: NonZeroU32::MIN,
    };
    let paces = Paces::new(Some(limits), clock.clone());
    let aws = Aws::new(settings(&stage.aws), clock.clone()).within(paces.clone());
    let with = |chain: Vec<Hop>| Access {
        endpoint: Some(stage.aws.url().parse().unwrap()),
        chain,
        ..access("pace")
    };
    // It takes the only turn of this hour.
    aws.open(&with(Vec::new())).await.unwrap();
    let role = with(vec![Hop::to(format!(
        "arn:aws:iam::{OTHER_ACCOUNT}:role/pace"
    ))]);
    let time = OwnTime::new(HOUR / 60, clock.clone());
    let (opened, ()) = tokio::join!(time.within(aws.open(&role)), async {
        clock.advance(HOUR);
        let assumed = |call: &Call| call.about == "AssumeRole";
        stage.proxy().settled(assumed).await;
        // The next turn, for whose the role is.
        paces.adjust(None);
    });
    opened.expect("it has only waited").unwrap();
}

#[tokio::test]
async fn a_write_stops_waiting_and_is_not_sent_once_its_replica_leads_no_more() {
    let stage = Stage::new().await;
    let case = stage.case("pace-lost");
    case.create().await.unwrap();
    let clock = Clock::system();
    let [tenant] = hourly(&stage, &clock, ["one"]).await;
    let leading = term(&clock).await;
    tenant.reads(&case.bucket).head_bucket().await.unwrap();
    stage.proxy().clear();
    let writes = tenant.writes(&leading, &case.bucket);
    let mut write = pin!(writes.delete_bucket(|call| call));
    assert!(poll!(&mut write).is_pending());
    // The term ends long before the turn comes.
    clock.advance(HOUR / 2);
    write.await.expect_err("it leads no more");
    assert_eq!(stage.proxy().requests().len(), 0);
}
