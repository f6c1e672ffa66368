//! Credentials of a Secret: awaited, incomplete, rotated, or of another account.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Moto,
    aws::refusal,
    proxy::{Action, Call, Rule, Verb, kubernetes::Attributes},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    create,
    scene::{
        PATIENCE, Scene, lifecycle,
        outside::{ACCOUNT, OTHER_ACCOUNT},
        ready_message, ready_reason,
    },
};

#[tokio::test]
async fn a_secret_that_does_not_exist_yet_is_waited_for() -> Result<()> {
    let scene = Scene::new("late-secret").await?;
    let operator = scene.operator()?;
    create(
        &scene,
        "late",
        json!({ "credentialsSecret": { "name": "late" } }),
    )
    .await?;
    scene.bucket("data", "late", json!({})).await?;
    let waiting = scene
        .refused::<AWSProvider>("late", "WaitingForSecret")
        .await?;
    let message = ready_message(&waiting);
    let secret = format!("Secret {}/late", scene.namespace.name());
    assert!(message.contains(&secret), "{message}");
    assert!(lifecycle(&waiting).condition("Reconciling").is_some());
    let waiting = scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    assert!(ready_message(&waiting).contains(&secret));

    scene.keys("late", "AKIALATE").await?;
    let ready = scene.ready::<AWSProvider>("late").await?;
    let status = ready.status.unwrap_or_default();
    assert_eq!(status.account_id.as_deref(), Some(ACCOUNT));
    assert_eq!(status.partition.as_deref(), Some("aws"));
    assert!(status.caller_identity.is_some());
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

/// As a controller makes it that brings secrets into the cluster: labelled and owned by an object of its own, first
/// empty, then filled by server-side apply, key by key.
#[tokio::test]
async fn a_secret_that_another_controller_makes_is_in_use_as_soon_as_it_is_whole() -> Result<()> {
    let scene = Scene::new("external-secret").await?;
    // No interval ends while this test waits, and what a Secret lacks is not looked for by itself.
    let seldom = ["--reconcile-interval=6h", "--drift-interval=6h"];
    let operator = scene.operator_with(&seldom)?;
    let spec = json!({ "credentialsSecret": { "name": "synced" } });
    create(&scene, "account", spec).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    let owner: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "synced" } }))?;
    let params = PostParams {
        field_manager: Some("external-secrets".to_owned()),
        ..PostParams::default()
    };
    let owner = scene.api_of::<ConfigMap>().create(&params, &owner).await?;
    let empty: Secret = serde_json::from_value(json!({
        "type": "Opaque",
        "metadata": {
            "name": "synced",
            "labels": { "app.kubernetes.io/managed-by": "external-secrets" },
            "annotations": { "reconcile.external-secrets.io/data-hash": "0" },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "synced", "uid": owner.uid(),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
    }))?;
    let secrets = scene.api_of::<Secret>();
    secrets.create(&params, &empty).await?;
    let lacks = async |key: &str| {
        let what = format!("it says that {key} is missing");
        let says = |provider: &AWSProvider| {
            let message = ready_message(provider);
            ready_reason(provider) == "InvalidSecret" && message.contains(key)
        };
        wait::wait_for(&scene.providers(), "account", &what, PATIENCE, says).await
    };
    lacks("AWS_ACCESS_KEY_ID").await?;
    let apply = async |data: Value| {
        let manager = PatchParams::apply("externalsecrets.external-secrets.io/synced").force();
        let part = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "synced" }, "stringData": data,
        });
        secrets
            .patch("synced", &manager, &Patch::Apply(&part))
            .await
    };
    apply(json!({ "AWS_ACCESS_KEY_ID": "AKIASYNCED" })).await?;
    lacks("AWS_SECRET_ACCESS_KEY").await?;
    let keys = json!({ "AWS_ACCESS_KEY_ID": "AKIASYNCED", "AWS_SECRET_ACCESS_KEY": "secret" });
    apply(keys.clone()).await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.ready::<S3Bucket>("data").await?;

    // Some replace it instead of writing to it.
    secrets.delete("synced", &Default::default()).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    apply(keys).await?;
    scene.ready::<AWSProvider>("account").await?;
    let written = scene.api.proxy().requests();
    let mut written = written.iter().filter_map(|it| Attributes::of(&it.call));
    ensure!(
        !written.any(|of| of.resource == "secrets" && !["get", "list", "watch"].contains(&of.verb)),
        "a Secret of somebody else was written"
    );
    operator.stop().await
}

#[tokio::test]
async fn a_secret_that_lacks_a_key_is_told_by_the_keys_name() -> Result<()> {
    let scene = Scene::new("bad-secret").await?;
    let operator = scene.operator()?;
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": "account" },
        "stringData": { "AWS_ACCESS_KEY_ID": "AKIACANARY", "SECRET": "canary" },
    }))?;
    let secrets = scene.api_of::<Secret>();
    secrets.create(&Default::default(), &secret).await?;
    create(
        &scene,
        "account",
        json!({ "credentialsSecret": { "name": "account" } }),
    )
    .await?;
    let refused = scene
        .refused::<AWSProvider>("account", "InvalidSecret")
        .await?;
    let message = ready_message(&refused);
    assert!(message.contains("AWS_SECRET_ACCESS_KEY"), "{message}");
    assert!(!message.to_lowercase().contains("canary"), "{message}");
    scene.keys("account", "AKIAWHOLE").await?;
    scene.ready::<AWSProvider>("account").await?;

    let taken = Patch::Merge(json!({ "data": { "AWS_SECRET_ACCESS_KEY": null } }));
    secrets
        .patch("account", &PatchParams::default(), &taken)
        .await?;
    let refused = scene
        .refused::<AWSProvider>("account", "InvalidSecret")
        .await?;
    assert!(!ready_message(&refused).contains("AKIAWHOLE"));
    operator.stop().await
}

#[tokio::test]
async fn a_rotated_secret_is_in_use_at_once() -> Result<()> {
    let scene = Scene::new("rotated").await?;
    let operator = scene.operator()?;
    let moto = Moto::shared().await?;
    let users = [scene.bucket_name("old"), scene.bucket_name("new")];
    let [old, new] = [moto.user(&users[0]).await?, moto.user(&users[1]).await?];
    scene.keys("account", &old.id).await?;
    create(
        &scene,
        "account",
        json!({ "credentialsSecret": { "name": "account" } }),
    )
    .await?;
    let before = scene.ready::<AWSProvider>("account").await?;
    let identity = |provider: &AWSProvider| {
        let status = provider.status.clone().unwrap_or_default();
        status.caller_identity.unwrap_or_default()
    };
    let arn = |user: &str| format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    assert_eq!(identity(&before), arn(&users[0]));

    // What changes nothing moves no time.
    let again = scene.request_pass::<AWSProvider>("account").await?;
    let time = |provider: &AWSProvider| {
        let status = provider.status.clone().unwrap_or_default();
        status.last_authentication_time
    };
    assert!(time(&before).is_some());
    assert_eq!(time(&again), time(&before));

    // Times in a status have whole seconds.
    operator.clock.advance(Duration::from_secs(2));
    scene.keys("account", &new.id).await?;
    let renewed = wait::wait_for(
        &scene.providers(),
        "account",
        "the new key is in use",
        PATIENCE,
        |provider: &AWSProvider| identity(provider) == arn(&users[1]),
    )
    .await?;
    assert!(time(&renewed) > time(&before));
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

/// Nothing came of the creation in the first account, so nothing binds bucket and provider to it.
#[tokio::test]
async fn a_creation_that_is_refused_binds_nobody_to_its_account() -> Result<()> {
    let scene = Scene::new("unbound").await?;
    let operator = scene.operator()?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let in_the_first = |call: &Call| call.about == "CreateBucket" && call.signer == "AKIDEXAMPLE";
    let denying = Rule::when(in_the_first, Action::Answer(denied));
    scene.aws.proxy().rule(denying);
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    keys_of_another_account(&scene).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let record = bucket.status.and_then(|status| status.record);
    let account = record.map(|record| record.account_id.to_string());
    assert_eq!(account.as_deref(), Some(OTHER_ACCOUNT));
    // Its session is in use before it says so.
    let is_other = |provider: &AWSProvider| {
        let status = provider.status.as_ref();
        let account = status.and_then(|status| status.account_id.as_deref());
        lifecycle(provider).ready && account == Some(OTHER_ACCOUNT)
    };
    let what = "it says the other account";
    wait::wait_for(&scene.providers(), "account", what, PATIENCE, is_other).await?;
    operator.stop().await
}

/// As it is where a namespace is deleted: the Secret goes before the bucket.
#[tokio::test]
async fn an_object_whose_creation_was_refused_goes_without_its_secret() -> Result<()> {
    let scene = Scene::new("empty-handed").await?;
    let operator = scene.operator()?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let creates = |call: &Call| call.about == "CreateBucket";
    scene
        .aws
        .proxy()
        .rule(Rule::when(creates, Action::Answer(denied)));
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let secrets = scene.api_of::<Secret>();
    secrets.delete("account", &DeleteParams::default()).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_never_follows_its_provider_to_another_account() -> Result<()> {
    let scene = Scene::new("moved").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("pinned", "account", json!({})).await?;
    scene.ready::<S3Bucket>("pinned").await?;
    let writes = scene.aws.proxy().counts().of(Verb::Write);

    keys_of_another_account(&scene).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AccountChanged")
        .await?;
    let bucket = format!("{}/pinned", scene.namespace.name());
    let event = scene.event::<AWSProvider>("account", "AccountChanged");
    for message in [ready_message(&refused), event.await?] {
        for part in [ACCOUNT, OTHER_ACCOUNT, &bucket] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
    let account = |provider: &AWSProvider| {
        let status = provider.status.clone().unwrap_or_default();
        status.account_id
    };
    assert_eq!(account(&refused).as_deref(), Some(ACCOUNT));
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("pinned", edit).await?;
    let waiting = scene
        .refused::<S3Bucket>("pinned", "ProviderNotReady")
        .await?;
    assert!(ready_message(&waiting).contains(OTHER_ACCOUNT));

    // Where the provider does not know any more where it was, the bucket still does.
    operator.stop().await?;
    let forget = Patch::Merge(json!({ "status": { "accountID": null } }));
    scene
        .providers()
        .patch_status("account", &PatchParams::default(), &forget)
        .await?;
    let operator = scene.operator()?;
    let followed = scene.ready::<AWSProvider>("account").await?;
    assert_eq!(account(&followed).as_deref(), Some(OTHER_ACCOUNT));
    let refused = scene
        .refused::<S3Bucket>("pinned", "AccountChanged")
        .await?;
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        assert!(
            ready_message(&refused).contains(account),
            "{}",
            ready_message(&refused)
        );
    }
    let after = scene.aws.proxy().counts().of(Verb::Write);
    let assumptions = scene.aws.proxy().counts().about(Verb::Write, "AssumeRole");
    assert_eq!(
        after - assumptions,
        writes,
        "nothing was written in the other account"
    );

    scene.keys("account", "AKIDEXAMPLE").await?;
    let patch = Patch::Merge(json!({ "data": { "AWS_SESSION_TOKEN": null } }));
    scene
        .api_of::<Secret>()
        .patch("account", &PatchParams::default(), &patch)
        .await?;
    scene.ready::<S3Bucket>("pinned").await?;
    operator.stop().await
}

/// From now on the provider's Secret has keys of another account.
async fn keys_of_another_account(scene: &Scene) -> Result<()> {
    let sts = aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::Config::builder()
            .behavior_version_latest()
            .credentials_provider(aws_credential_types::Credentials::new(
                "AKIDEXAMPLE",
                "s",
                None,
                None,
                "test",
            ))
            .region(aws_sdk_sts::config::Region::new("eu-central-1"))
            .endpoint_url(scene.aws.url())
            .build(),
    );
    let role = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/other");
    let assumed = sts
        .assume_role()
        .role_arn(role)
        .role_session_name("test")
        .send()
        .await?;
    let keys = assumed.credentials.context("credentials")?;
    let values = json!({ "stringData": {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": format!("{}\n", keys.session_token),
    }});
    let secrets = scene.api_of::<Secret>();
    secrets
        .patch("account", &PatchParams::default(), &Patch::Merge(values))
        .await?;
    Ok(())
}
