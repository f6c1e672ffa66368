//! Credentials of a role: assumed with keys, or for the token of the operator's Pod.

use std::io::Write;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{Moto, proxy::Call};
use serde_json::json;

use crate::{
    create,
    scene::{
        Scene,
        outside::{ACCOUNT, OTHER_ACCOUNT, Somebody},
        ready_message,
    },
};

#[tokio::test]
async fn a_role_is_assumed_with_the_keys_and_works_in_its_account() -> Result<()> {
    let scene = Scene::new("hop").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIAHOP").await?;
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "assumeRoleARN": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenant"),
        "externalID": "agreed",
    });
    create(&scene, "account", spec).await?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let status = provider.status.unwrap_or_default();
    assert_eq!(status.account_id.as_deref(), Some(OTHER_ACCOUNT));
    let identity = status.caller_identity.unwrap_or_default();
    let role = format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/tenant/");
    assert!(identity.starts_with(&role), "{identity}");
    let assumed = scene
        .aws
        .proxy()
        .settled(|call| call.about == "AssumeRole")
        .await;
    let form = String::from_utf8_lossy(&assumed.call.body).into_owned();
    assert!(form.contains("ExternalId=agreed"), "{form}");

    scene.bucket("data", "account", json!({})).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let account = bucket.status.and_then(|status| status.account_id);
    assert_eq!(account.as_deref(), Some(OTHER_ACCOUNT));
    let tenant = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
    tenant.has(&scene.bucket_name("data")).await?;
    operator.stop().await
}

#[tokio::test]
async fn the_pods_own_token_is_exchanged_for_a_role() -> Result<()> {
    let scene = Scene::new("web-identity").await?;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/operator");
    let spec = json!({ "roleARN": role });

    let operator = scene.operator()?;
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    assert!(message.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{message}");
    operator.stop().await?;

    let mut token = tempfile::NamedTempFile::new()?;
    token.write_all(b"token-of-the-pod")?;
    let file = format!("--web-identity-token-file={}", token.path().display());
    let operator = scene.operator_with(&[&file])?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let identity = provider.status.and_then(|status| status.caller_identity);
    let identity = identity.unwrap_or_default();
    let assumed = format!("arn:aws:sts::{ACCOUNT}:assumed-role/operator/");
    assert!(identity.starts_with(&assumed), "{identity}");
    let exchange = |call: &Call| call.about == "AssumeRoleWithWebIdentity";
    let exchanged = scene.aws.proxy().settled(exchange).await;
    let form = String::from_utf8_lossy(&exchanged.call.body).into_owned();
    assert!(form.contains("WebIdentityToken=token-of-the-pod"), "{form}");
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}
