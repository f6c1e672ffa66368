//! AWS throttles, fails, loses its answers and refuses.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use crd_types::{
    aws::v1alpha1::{AWSProvider, FacetState, S3Bucket},
    lifecycle::{HasLifecycle, Managed},
};
use futures::future::try_join_all;
use harness::{
    aws::refusal,
    proxy::{Action, Call, Outcome, Rule, Verb},
    wait,
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, UNHURRIED, wishes::taken_back};

/// Some facets, each of which takes a write.
fn everything() -> Value {
    json!({
        "tags": { "team": "a" },
        "versioning": { "enabled": true },
        "encryption": { "algorithm": "aws:kms" },
        "publicAccessBlock": { "blockPublicAcls": true },
        "ownershipControls": { "objectOwnership": "ObjectWriter" },
    })
}

/// Every kind of write to a bucket.
const WRITES: [&str; 33] = [
    "CreateBucket",
    "DeleteBucket",
    "DeleteBucketAnalyticsConfiguration",
    "DeleteBucketCors",
    "DeleteBucketEncryption",
    "DeleteBucketIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration",
    "DeleteBucketLifecycle",
    "DeleteBucketMetricsConfiguration",
    "DeleteBucketPolicy",
    "DeleteBucketReplication",
    "DeleteBucketWebsite",
    "PutBucketAbac",
    "PutBucketAccelerateConfiguration",
    "PutBucketAcl",
    "PutBucketAnalyticsConfiguration",
    "PutBucketCors",
    "PutBucketEncryption",
    "PutBucketIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration",
    "PutBucketLifecycleConfiguration",
    "PutBucketLogging",
    "PutBucketMetricsConfiguration",
    "PutBucketNotificationConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketReplication",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutObjectLockConfiguration",
    "PutPublicAccessBlock",
];

/// Whether a call is about this bucket.
fn about(call: &Call, bucket: &str) -> bool {
    call.path.trim_matches('/') == bucket
}

fn is_of_s3(call: &Call) -> bool {
    !matches!(
        call.about.as_str(),
        "GetCallerIdentity" | "AssumeRole" | "AssumeRoleWithWebIdentity"
    )
}

fn slow_down() -> http::Response<bytes::Bytes> {
    refusal::s3(
        StatusCode::SERVICE_UNAVAILABLE,
        "SlowDown",
        "Please reduce your request rate.",
    )
}

/// The writes that were sent for `bucket`, by operation.
fn writes(scene: &Scene, bucket: &str) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for request in scene.aws.proxy().requests() {
        if request.call.verb == Verb::Write && about(&request.call, bucket) {
            *writes.entry(request.call.about.clone()).or_default() += 1;
        }
    }
    writes
}

#[tokio::test]
async fn a_throttled_provider_stands_still_as_long_as_it_is_asked_to() -> Result<()> {
    let scene = Scene::new("throttled").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    let mut answer = slow_down();
    let header = HeaderValue::from_static("600");
    answer.headers_mut().insert(RETRY_AFTER, header);
    scene
        .aws
        .proxy()
        .rule(Rule::when(is_of_s3, Action::Answer(answer)).once());
    scene.bucket("first", "account", json!({})).await?;
    scene.refused::<S3Bucket>("first", "Throttled").await?;

    scene.aws.proxy().clear();
    scene.bucket("second", "account", json!({})).await?;
    scene
        .refused::<S3Bucket>("second", "ProviderThrottled")
        .await?;
    // A minute is left for what follows.
    operator.clock.advance(Duration::from_secs(540));
    for name in ["first", "second"] {
        let edit = json!({ "spec": { "tags": { "team": "a" } } });
        scene.patch::<S3Bucket>(name, edit).await?;
        scene.refused::<S3Bucket>(name, "ProviderThrottled").await?;
    }
    let counts = scene.aws.proxy().counts();
    let to_s3 = counts
        .iter()
        .filter(|(_, about, _)| !about.contains("Identity"));
    assert_eq!(to_s3.count(), 0, "{counts:?}");

    operator.clock.advance(Duration::from_secs(700));
    scene.ready::<S3Bucket>("first").await?;
    scene.ready::<S3Bucket>("second").await?;
    operator.stop().await
}

#[tokio::test]
async fn buckets_converge_after_throttling_and_bursts_of_server_errors() -> Result<()> {
    let scene = Scene::new("burst").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let error = |status, code, message| Action::Answer(refusal::s3(status, code, message));
    let bad_gateway = {
        let mut answer = http::Response::new(bytes::Bytes::from("<html>Bad Gateway</html>"));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        Action::Answer(answer)
    };
    let bursts = [
        Action::Answer(slow_down()),
        error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We."),
        bad_gateway,
        error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "No."),
        Action::DropBefore,
    ];
    // Each burst meets reads first and, after some have passed, writes too.
    let rules: Vec<_> = bursts
        .into_iter()
        .flat_map(|action| {
            let read = |call: &Call| is_of_s3(call) && call.verb == Verb::Read;
            let write = |call: &Call| is_of_s3(call) && call.verb == Verb::Write;
            [
                Rule::when(read, action.clone()).times(2),
                Rule::when(write, action).times(2),
            ]
        })
        .map(|rule| scene.aws.proxy().rule(rule))
        .collect();
    for name in ["first", "second"] {
        let wish = scene.every_facet(name).await?;
        scene.bucket(name, "account", wish).await?;
    }
    let _hurry = operator.hurried();
    scene.ready::<S3Bucket>("first").await?;
    scene.ready::<S3Bucket>("second").await?;
    let hits: Vec<usize> = rules.iter().map(|rule| rule.hits()).collect();
    assert_eq!(hits, [2; 10], "every burst was met");
    operator.stop().await
}

/// A life in which facets are set and unset; together they have every facet.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// With object lock a bucket has versioning from its first moment, and always.
    Unlocked,
    Locked,
    /// Under ABAC, AWS does not take the operator's tags.
    Abac,
}

impl Life {
    const ALL: [Self; 3] = [Self::Unlocked, Self::Locked, Self::Abac];

    async fn wish(self, scene: &Scene, name: &str) -> Result<Value> {
        let mut wish = match self {
            Self::Abac => json!({ "abac": { "enabled": true } }),
            Self::Locked | Self::Unlocked => scene.every_facet(name).await?,
        };
        if let (Self::Unlocked, Some(wish)) = (self, wish.as_object_mut()) {
            wish.remove("objectLock");
        }
        Ok(wish)
    }
}

/// Brings a bucket through a life.
async fn live(scene: &Scene, name: &str, life: Life) -> Result<()> {
    let wish = life.wish(scene, name).await?;
    scene.bucket(name, "account", wish.clone()).await?;
    scene.ready::<S3Bucket>(name).await?;
    let nothing = json!({ "spec": taken_back(&wish) });
    scene.patch::<S3Bucket>(name, nothing).await?;
    scene.ready::<S3Bucket>(name).await?;
    scene.delete::<S3Bucket>(name).await?;
    scene.gone::<S3Bucket>(name).await
}

/// How many lives the lost answers are shared out to.
const LIVES: usize = 6;

#[tokio::test]
async fn a_lost_answer_to_any_write_is_looked_for_and_never_repeated() -> Result<()> {
    let scene = Scene::new("lost").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    let _hurry = operator.hurried();
    let (mut lives, mut met) = (Vec::new(), BTreeSet::new());
    for life in Life::ALL {
        let name = format!("undisturbed-{life:?}").to_lowercase();
        live(&scene, &name, life).await?;
        let undisturbed = writes(&scene, &scene.bucket_name(&name));
        let new: BTreeSet<_> = undisturbed.keys().cloned().collect();
        let new: Vec<_> = new.difference(&met).cloned().collect();
        for first in 0..LIVES.min(new.len()) {
            let lost: Vec<_> = new.iter().skip(first).step_by(LIVES).cloned().collect();
            lives.push(loses(&scene, lost, life, undisturbed.clone()));
        }
        met.extend(new);
    }
    let met: Vec<&str> = met.iter().map(String::as_str).collect();
    assert_eq!(met, WRITES, "every kind of write is met");
    try_join_all(lives).await?;
    operator.stop().await
}

/// A life in which the answer to the first call of each of these operations is lost takes the same writes as one
/// without.
async fn loses(
    scene: &Scene,
    operations: Vec<String>,
    life: Life,
    undisturbed: BTreeMap<String, usize>,
) -> Result<()> {
    let name = operations[0].to_lowercase();
    let bucket = scene.bucket_name(&name);
    let rules = operations.iter().cloned().map(|operation| {
        let bucket = bucket.clone();
        let of_this = move |call: &Call| call.about == operation && about(call, &bucket);
        let rule = Rule::when(of_this, Action::DropAfter).once();
        scene.aws.proxy().rule(rule)
    });
    let rules: Vec<_> = rules.collect();
    let lived = live(scene, &name, life).await;
    lived.with_context(|| format!("lost answers to {operations:?}"))?;
    for (operation, rule) in operations.iter().zip(&rules) {
        ensure!(rule.hits() == 1, "{operation}: the answer was not lost");
    }
    let sent = writes(scene, &bucket);
    ensure!(
        sent == undisturbed,
        "lost answers to {operations:?}: {sent:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_denied_call_is_named_and_stops_nothing_else() -> Result<()> {
    let scene = Scene::new("denied").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    let cases = [
        (
            "PutPublicAccessBlock",
            "publicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
        ),
        (
            "PutBucketVersioning",
            "versioning",
            "s3:PutBucketVersioning",
        ),
        (
            "PutBucketEncryption",
            "encryption",
            "s3:PutEncryptionConfiguration",
        ),
    ];
    for (operation, facet, action) in cases {
        let name = operation.to_lowercase();
        let bucket = scene.bucket_name(&name);
        let of_this = move |call: &Call| call.about == operation && about(call, &bucket);
        let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
        let rule = Rule::when(of_this, Action::Answer(denied));
        let rule = scene.aws.proxy().rule(rule);
        scene.bucket(&name, "account", everything()).await?;

        let seen = scene.refused::<S3Bucket>(&name, "AccessDenied").await?;
        let status = seen.status.as_ref().expect("it was waited for");
        let message = &status
            .lifecycle()
            .condition("Ready")
            .expect("so too")
            .message;
        assert!(message.contains(action), "{message}");
        let not_in_sync: Vec<_> = status
            .facets
            .iter()
            .filter(|it| it.state != FacetState::InSync)
            .map(|it| (it.name.as_str(), it.state))
            .collect();
        assert_eq!(not_in_sync, [(facet, FacetState::Failed)], "{operation}");
        let sent = writes(&scene, &scene.bucket_name(&name));
        assert_eq!(sent.len(), 4, "the other facets were written: {sent:?}");

        rule.remove();
        scene.request_pass::<S3Bucket>(&name).await?;
        scene.ready::<S3Bucket>(&name).await?;
    }
    operator.stop().await
}

#[tokio::test]
async fn a_denied_creation_is_named_and_made_up_for_on_request() -> Result<()> {
    let scene = Scene::new("nocreate").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    let create = |call: &Call| call.about == "CreateBucket";
    let rule = scene
        .aws
        .proxy()
        .rule(Rule::when(create, Action::Answer(denied)));
    scene.bucket("data", "account", json!({})).await?;
    let seen = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let ready = seen
        .status()
        .and_then(|it| it.lifecycle().condition("Ready"));
    let message = &ready.expect("it was waited for").message;
    assert!(message.contains("s3:CreateBucket"), "{message}");

    rule.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_the_deadline_of_its_pass() -> Result<()> {
    let scene = Scene::new("hangs").await?;
    // By a clock that runs as fast as this test makes it.
    let mut settings = UNHURRIED.to_vec();
    settings.push("--reconcile-timeout=2m");
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let gate = harness::proxy::Gate::new();
    let hold = Action::Hold(harness::proxy::Point::Before, gate.clone());
    let rule = scene.aws.proxy().rule(Rule::when(is_of_s3, hold));
    scene.bucket("data", "account", json!({})).await?;

    let clock = operator.clock.clone();
    let passes = async {
        for arrived in 1.. {
            gate.arrived(arrived).await;
            clock.advance(Duration::from_secs(121));
        }
    };
    tokio::select! {
        () = passes => {}
        ended = scene.refused::<S3Bucket>("data", "DeadlineExceeded") => drop(ended?),
    }
    let cut = wait::until("the call to be given up", PATIENCE, || async {
        let requests = scene.aws.proxy().requests();
        requests.iter().any(|it| it.outcome == Outcome::LeftBefore)
    });
    cut.await?;

    rule.remove();
    // The next try may have begun before that.
    gate.open();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}
