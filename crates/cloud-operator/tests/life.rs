//! The life of a bucket on a real API server and AWS's stand-in.

mod scene;

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use crd_types::{
    aws::v1alpha1::{AWSProvider, FacetState, S3Bucket},
    lifecycle::Managed,
};
use harness::{
    aws::refusal,
    proxy::{Action, Gate, Point, Rule, Verb},
    wait,
};
use http::StatusCode;
use kube::ResourceExt;
use scene::{
    INTERVAL, PATIENCE, Scene, lifecycle,
    outside::{ACCOUNT, Has, REGION, pairs},
    ready_message, ready_reason,
    state::State,
};
use serde_json::{Value, json};

const ALL: [&str; 5] = [
    "encryption",
    "ownershipControls",
    "publicAccessBlock",
    "tags",
    "versioning",
];

#[tokio::test]
async fn every_facet_is_set_changed_and_unset() -> Result<()> {
    let scene = Scene::new("facets").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    let created = scene.bucket("data", "account", everything()).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;

    let mark = scene.somebody.has(&name).await?.mark;
    let expected = pairs([
        ("installation", &*installation(&scene).await?),
        ("kind", "S3Bucket.aws-infra-operator.runner.codes"),
        ("namespace", scene.namespace.name()),
        ("name", "data"),
        ("uid", &created.uid().unwrap()),
    ]);
    assert_eq!(mark, expected);
    let all = Has {
        tags: pairs([("team", "a"), ("tier", "gold")]),
        mark: mark.clone(),
        versioning: Some("Enabled".into()),
        encryption: ("aws:kms".into(), Some("alias/data".into()), true),
        public_access_block: [true, false, true, false],
        ownership: "BucketOwnerPreferred".into(),
    };
    assert_eq!(scene.somebody.has(&name).await?, all);
    assert_eq!(facets(&bucket), ALL.map(in_sync));
    assert_eq!(owned(&bucket), ALL);

    let changed = json!({
        "tags": { "team": "b", "tier": null, "new": "" },
        "versioning": { "enabled": false },
        "encryption": { "algorithm": "AES256", "kmsKeyID": null, "bucketKeyEnabled": false },
        "publicAccessBlock": { "blockPublicAcls": null, "blockPublicPolicy": false },
        "ownershipControls": { "objectOwnership": "ObjectWriter" },
    });
    edit(&scene, changed).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let changed = Has {
        tags: pairs([("team", "b"), ("new", "")]),
        mark: mark.clone(),
        versioning: Some("Suspended".into()),
        encryption: ("AES256".into(), None, false),
        public_access_block: [false; 4],
        ownership: "ObjectWriter".into(),
    };
    assert_eq!(scene.somebody.has(&name).await?, changed);
    assert_eq!(facets(&bucket), ALL.map(in_sync));

    // Something to come back from.
    edit(&scene, everything()).await?;
    scene.ready::<S3Bucket>("data").await?;
    assert_eq!(scene.somebody.has(&name).await?.versioning, all.versioning);
    edit(&scene, nothing()).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let at_rest = Has {
        tags: BTreeMap::new(),
        mark: mark.clone(),
        versioning: Some("Suspended".into()),
        encryption: ("AES256".into(), None, false),
        public_access_block: [true; 4],
        ownership: "BucketOwnerEnforced".into(),
    };
    assert_eq!(scene.somebody.has(&name).await?, at_rest);
    assert_eq!(facets(&bucket), [in_sync("tags")]);
    assert_eq!(owned(&bucket), ["tags"]);

    // From here on it is whoever wants it that decides.
    let enabled = versioning(&scene, "data", BucketVersioningStatus::Enabled);
    enabled.await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let left = Has {
        versioning: Some("Enabled".into()),
        ..at_rest
    };
    assert_eq!(scene.somebody.has(&name).await?, left);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_appears_is_shown_and_goes() -> Result<()> {
    let scene = Scene::new("shown").await?;
    let operator = scene.operator()?;
    let name = scene.bucket_name("data");
    scene.bucket("data", "account", json!({})).await?;
    let waiting = scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    assert_eq!(conditions(&waiting), ["Ready=False", "Reconciling=True"]);
    scene.provider("account").await?;

    let provider = scene.ready::<AWSProvider>("account").await?;
    assert_eq!(conditions(&provider), ["Ready=True"]);
    assert_eq!(ready_reason(&provider), "AuthenticationSucceeded");
    let status = provider.status.unwrap();
    assert_eq!(status.account_id.as_deref(), Some(ACCOUNT));
    assert_eq!(status.partition.as_deref(), Some("aws"));

    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(conditions(&bucket), ["Ready=True"]);
    assert_eq!(ready_reason(&bucket), "BucketReady");
    let status = bucket.status.clone().unwrap();
    let arn = format!("arn:aws:s3:::{name}");
    assert_eq!(status.arn.as_deref(), Some(arn.as_str()));
    assert_eq!(status.region.as_deref(), Some(REGION));
    assert_eq!(status.account_id.as_deref(), Some(ACCOUNT));
    let lifecycle = lifecycle(&bucket);
    assert!(lifecycle.last_sync_time.is_some());
    assert_eq!(
        lifecycle.deletion_policy.map(|policy| policy.to_string()),
        Some("Delete".into())
    );
    assert!(
        scene
            .event::<S3Bucket>("data", "Created")
            .await?
            .contains(&name)
    );
    scene.event::<S3Bucket>("data", "BucketReady").await?;

    scene
        .kubectl(&["wait", "--for=condition=Ready", "s3/data", "awsp/account"])
        .await?;
    let shown = columns(&scene.kubectl(&["get", "s3", "data"]).await?);
    assert_eq!(shown[0], ["NAME", "BUCKET", "READY", "REGION", "AGE"]);
    assert_eq!(shown[1][..4], ["data", &*name, "true", REGION]);
    let shown = columns(&scene.kubectl(&["get", "awsp", "account"]).await?);
    assert_eq!(shown[0], ["NAME", "REGION", "READY", "ACCOUNT", "AGE"]);
    assert_eq!(shown[1][..4], ["account", REGION, "true", ACCOUNT]);
    let wide = scene.kubectl(&["get", "s3", "data", "-o", "wide"]).await?;
    assert!(wide.contains("BucketReady"), "{wide}");

    // A pass that changes nothing does not move the time, and writes nothing but its answer.
    let again = scene.request_pass::<S3Bucket>("data").await?;
    let mut expected = lifecycle;
    let status = again.status.unwrap();
    expected.last_handled_reconcile_at = status.lifecycle.last_handled_reconcile_at.clone();
    assert_eq!(status.lifecycle, expected);

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    scene.event::<S3Bucket>("data", "Deleted").await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn drift_is_repaired_on_request() -> Result<()> {
    let scene = Scene::new("drift").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", everything()).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let wanted = scene.somebody.has(&name).await?;

    disturb(&scene, &name).await?;
    let disturbed = scene.somebody.has(&name).await?;
    assert_ne!(disturbed.tags, wanted.tags);
    assert_ne!(disturbed.versioning, wanted.versioning);
    assert_ne!(disturbed.encryption, wanted.encryption);
    assert_ne!(disturbed.public_access_block, wanted.public_access_block);
    assert_ne!(disturbed.ownership, wanted.ownership);
    scene.request_pass::<S3Bucket>("data").await?;
    assert_eq!(scene.somebody.has(&name).await?, wanted);
    let said = scene.event::<S3Bucket>("data", "DriftCorrected").await?;
    for field in [
        "tags.stray",
        "versioning.enabled",
        "encryption.algorithm",
        "publicAccessBlock",
        "ownershipControls.objectOwnership",
    ] {
        assert!(said.contains(field), "{field} in {said}");
    }
    operator.stop().await
}

#[tokio::test]
async fn drift_is_repaired_at_the_interval() -> Result<()> {
    let scene = Scene::new("interval").await?;
    // Without an election: a clock that leaps ahead would cost the lease, and winning it starts passes too.
    let state = State::reserve()?;
    let operator = scene.operator_with(&["--leader-elect=false", &state.setting()])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", everything()).await?;
    scene.ready::<S3Bucket>("data").await?;
    // A pass that has not ended yet plans the next one past the leap.
    state.idle().await?;
    let name = scene.bucket_name("data");
    let wanted = scene.somebody.has(&name).await?;
    disturb(&scene, &name).await?;
    operator.clock.advance(INTERVAL + INTERVAL / 5);
    repaired(&scene, &name, &wanted).await?;
    operator.stop().await
}

/// Calls wait for their turns, so a pass may take long.
#[tokio::test]
async fn what_is_not_written_yet_is_not_once_the_user_wants_something_else() -> Result<()> {
    let scene = Scene::new("edited").await?;
    let state = State::reserve()?;
    let operator = scene.operator_with(&[&state.setting()])?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;
    let gate = Gate::new();
    let hold = Action::Hold(Point::Before, gate.clone());
    let second = Rule::when(|call| call.about == "PutBucketVersioning", hold);
    scene.aws.proxy().rule(second.once());
    let wish = json!({
        "ownershipControls": { "objectOwnership": "ObjectWriter" },
        "versioning": { "enabled": true },
        "encryption": { "algorithm": "aws:kms" },
    });
    edit(&scene, wish).await?;
    gate.arrived(1).await;
    let heard = async || -> Result<Option<String>> {
        let metrics = state.metrics().await?;
        let adds = "workqueue_adds_total{name=\"s3bucket\"";
        let mut lines = metrics.lines().map(str::to_owned);
        Ok(lines.find(|line| line.starts_with(adds)))
    };
    let before = heard().await?;
    assert!(before.is_some());
    edit(&scene, json!({ "encryption": null })).await?;
    wait::until("the edit to be heard of", PATIENCE, || async {
        let now = heard().await.map_err(|error| error.to_string())?;
        let is_heard = now != before;
        is_heard.then_some(()).ok_or_else(|| format!("{now:?}"))
    })
    .await?;
    gate.open();
    scene.ready::<S3Bucket>("data").await?;
    let counts = scene.aws.proxy().counts();
    for (operation, times) in [
        ("PutBucketOwnershipControls", 1),
        ("PutBucketVersioning", 1),
        ("PutBucketEncryption", 0),
    ] {
        assert_eq!(counts.about(Verb::Write, operation), times, "{operation}");
    }
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_that_somebody_deleted_is_made_again() -> Result<()> {
    let scene = Scene::new("vanished").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", everything()).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let wanted = scene.somebody.has(&name).await?;
    scene.somebody.delete(&name).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    assert_eq!(scene.somebody.has(&name).await?, wanted);
    let said = scene.event::<S3Bucket>("data", "Recreated").await?;
    assert!(said.contains(&name), "{said}");
    operator.stop().await
}

#[tokio::test]
async fn a_paused_bucket_is_left_alone() -> Result<()> {
    let scene = Scene::new("paused").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", everything()).await?;
    scene.bucket("other", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("other").await?;
    let name = scene.bucket_name("data");
    pause(&scene, true).await?;
    wait::wait_for(
        &scene.buckets(),
        "data",
        "it says that it is paused",
        PATIENCE,
        |bucket: &S3Bucket| lifecycle(bucket).condition("Paused").is_some(),
    )
    .await?;
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    edit(&scene, json!({ "versioning": { "enabled": false } })).await?;
    scene.somebody.set_tags(&name, &before.mark_tags()).await?;
    // It is not answered as long as nothing is looked at.
    let asked = json!({ "aws-infra-operator.runner.codes/reconcile-requested-at": "meanwhile" });
    let asked = json!({ "metadata": { "annotations": asked } });
    scene.patch::<S3Bucket>("data", asked).await?;
    scene.delete::<S3Bucket>("data").await?;
    // Passes of another object show that the operator is at work all the while.
    scene.request_pass::<S3Bucket>("other").await?;
    assert_eq!(scene.calls_about(&name), 0);
    let bucket = scene.buckets().get("data").await?;
    assert_eq!(conditions(&bucket), ["Ready=True", "Paused=True"]);
    assert!(scene.somebody.exists(&name).await?);

    pause(&scene, false).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn an_edit_does_not_wait_for_a_retry() -> Result<()> {
    let scene = Scene::new("edit").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketVersioning",
        Action::Answer(denied),
    ));
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    assert_eq!(conditions(&bucket), ["Ready=False", "Reconciling=True"]);
    let state = facets(&bucket)
        .into_iter()
        .find(|(name, _)| name == "versioning");
    assert_eq!(state.map(|(_, state)| state), Some(FacetState::Failed));
    let message = ready_message(&bucket);
    assert!(message.contains("s3:PutBucketVersioning"), "{message}");
    // Further tries come ever later: the third minutes from now, which is longer than anybody waits here.
    while rule.hits() < 3 {
        scene.request_pass::<S3Bucket>("data").await?;
    }
    rule.remove();
    edit(&scene, json!({ "tags": { "team": "a" } })).await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    assert_eq!(has.tags, pairs([("team", "a")]));
    operator.stop().await
}

#[tokio::test]
async fn a_facet_that_aws_refuses_is_told_and_the_rest_is_done() -> Result<()> {
    let scene = Scene::new("refused").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    // Nobody may have an ACL while the bucket's owner owns everything.
    let wish = json!({ "acl": "public-read", "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "AclsDisabled").await?;
    assert_eq!(conditions(&bucket), ["Ready=False", "Stalled=True"]);
    let message = ready_message(&bucket);
    assert!(message.contains("ownershipControls"), "{message}");
    assert_eq!(
        facets(&bucket),
        [
            ("acl".to_owned(), FacetState::Failed),
            in_sync("tags"),
            in_sync("versioning"),
        ]
    );
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    edit(&scene, json!({ "acl": null })).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_facet_that_aws_does_not_show_is_told_and_the_rest_is_done() -> Result<()> {
    let scene = Scene::new("unread").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let unknown = refusal::s3(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "no");
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "GetBucketAccelerateConfiguration",
        Action::Answer(unknown),
    ));
    let wish = json!({ "accelerate": { "enabled": true }, "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene
        .refused::<S3Bucket>("data", "NotSupportedByEndpoint")
        .await?;
    let status = bucket.status.clone().unwrap_or_default();
    assert_eq!(
        facets(&bucket),
        [
            ("accelerate".to_owned(), FacetState::Failed),
            in_sync("tags"),
            in_sync("versioning"),
        ]
    );
    assert_eq!(status.facets[0].code.as_deref(), Some("MethodNotAllowed"));
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    rule.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_providers_default_tags_are_on_its_buckets() -> Result<()> {
    let scene = Scene::new("default-tags").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let tags = json!({ "cost-center": "42", "team": "platform" });
    let patch = json!({ "spec": { "defaultTags": tags } });
    scene.patch::<AWSProvider>("account", patch).await?;
    // Two watches have no order among each other.
    scene.ready::<AWSProvider>("account").await?;
    let wish = json!({ "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("cost-center", "42"), ("team", "a")]));

    // A change reaches the buckets by itself.
    let patch = json!({ "spec": { "defaultTags": { "cost-center": "43" } } });
    scene.patch::<AWSProvider>("account", patch).await?;
    let wanted = Has {
        tags: pairs([("cost-center", "43"), ("team", "a")]),
        ..has
    };
    repaired(&scene, &name, &wanted).await?;
    operator.stop().await
}

impl Has {
    /// The tags of the mark alone, as they are stored.
    fn mark_tags(&self) -> BTreeMap<String, String> {
        let stored = |(part, value): (&String, &String)| {
            let key = format!("aws-infra-operator.runner.codes/{part}");
            (key, value.clone())
        };
        self.mark.iter().map(stored).collect()
    }
}

/// A wish for every facet, none of it what AWS gives by itself.
fn everything() -> Value {
    json!({
        "tags": { "team": "a", "tier": "gold" },
        "versioning": { "enabled": true },
        "encryption": {
            "algorithm": "aws:kms", "kmsKeyID": "alias/data", "bucketKeyEnabled": true,
        },
        "publicAccessBlock": {
            "blockPublicAcls": true, "ignorePublicAcls": false,
            "blockPublicPolicy": true, "restrictPublicBuckets": false,
        },
        "ownershipControls": { "objectOwnership": "BucketOwnerPreferred" },
    })
}

fn nothing() -> Value {
    let facets = everything();
    facets
        .as_object()
        .into_iter()
        .flatten()
        .map(|(facet, _)| (facet.clone(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Sets every facet to something else, as somebody at AWS's console would.
async fn disturb(scene: &Scene, name: &str) -> Result<()> {
    use aws_sdk_s3::types::{
        ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
    };
    let s3 = &scene.somebody.s3;
    let mut tags = scene.somebody.tags(name).await?;
    tags.remove("team");
    tags.insert("stray".into(), "x".into());
    scene.somebody.set_tags(name, &tags).await?;
    versioning(scene, "data", BucketVersioningStatus::Suspended).await?;
    s3.delete_bucket_encryption().bucket(name).send().await?;
    let open = PublicAccessBlockConfiguration::builder()
        .ignore_public_acls(true)
        .build();
    let block = s3.put_public_access_block().bucket(name);
    block.public_access_block_configuration(open).send().await?;
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::ObjectWriter)
        .build()?;
    let controls = OwnershipControls::builder().rules(rule).build()?;
    let put = s3.put_bucket_ownership_controls().bucket(name);
    put.ownership_controls(controls).send().await?;
    Ok(())
}

async fn versioning(scene: &Scene, bucket: &str, status: BucketVersioningStatus) -> Result<()> {
    let wanted = VersioningConfiguration::builder().status(status).build();
    let put = scene.somebody.s3.put_bucket_versioning();
    let put = put.bucket(scene.bucket_name(bucket));
    put.versioning_configuration(wanted).send().await?;
    Ok(())
}

async fn repaired(scene: &Scene, name: &str, wanted: &Has) -> Result<()> {
    wait::until("the bucket as it was", PATIENCE, || async {
        match scene.somebody.has(name).await {
            Ok(has) if has == *wanted => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

async fn edit(scene: &Scene, spec: Value) -> Result<()> {
    scene
        .patch::<S3Bucket>("data", json!({ "spec": spec }))
        .await?;
    Ok(())
}

async fn pause(scene: &Scene, paused: bool) -> Result<()> {
    let value = paused.then_some("true");
    let annotations = json!({ "aws-infra-operator.runner.codes/paused": value });
    let patch = json!({ "metadata": { "annotations": annotations } });
    scene.patch::<S3Bucket>("data", patch).await?;
    Ok(())
}

/// The installation that marks name unless configured: the UID of `kube-system`.
async fn installation(scene: &Scene) -> Result<String> {
    use k8s_openapi::api::core::v1::Namespace;
    let namespaces = kube::Api::<Namespace>::all(scene.cluster.client()?);
    Ok(namespaces.get("kube-system").await?.uid().unwrap())
}

fn conditions<K: Managed>(object: &K) -> Vec<String> {
    let conditions = lifecycle(object).conditions;
    conditions
        .iter()
        .map(|condition| format!("{}={}", condition.type_, condition.status))
        .collect()
}

fn facets(bucket: &S3Bucket) -> Vec<(String, FacetState)> {
    let status = bucket.status.clone().unwrap_or_default();
    status
        .facets
        .into_iter()
        .map(|facet| (facet.name, facet.state))
        .collect()
}

fn in_sync(facet: &str) -> (String, FacetState) {
    (facet.to_owned(), FacetState::InSync)
}

fn owned(bucket: &S3Bucket) -> Vec<String> {
    let record = bucket.status.as_ref().and_then(|it| it.record.clone());
    record.map(|it| it.owned_facets).unwrap_or_default()
}

fn columns(table: &str) -> Vec<Vec<String>> {
    table
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}
