//! A provider that names no credentials works with those of the operator's own process.

use anyhow::{Context, Result};
use bytes::Bytes;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Moto,
    port::Port,
    proxy::{Action, Call, Rule},
};
use serde_json::json;

use crate::{
    create,
    scene::{Scene, outside::ACCOUNT, program::Served, ready_message},
};

/// No instance: its metadata must not be looked for on the network that the test happens to run in.
const NO_INSTANCE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

/// The program in this environment, and a provider that says nothing of credentials.
async fn ambient(scene: &Scene, environment: &[(&str, &str)]) -> Result<Served> {
    let served = scene.program(&scene.cluster.config(), &[], environment)?;
    create(scene, "account", json!({})).await?;
    Ok(served)
}

async fn works_as(scene: &Scene, user: &str) -> Result<()> {
    let provider = scene.ready::<AWSProvider>("account").await?;
    let identity = provider.status.and_then(|status| status.caller_identity);
    let expected = format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    assert_eq!(identity, Some(expected));
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.somebody.has(&scene.bucket_name("data")).await?;
    Ok(())
}

#[tokio::test]
async fn keys_of_the_environment_are_used() -> Result<()> {
    let scene = Scene::new("ambient-keys").await?;
    let user = scene.bucket_name("operator");
    let keys = Moto::shared().await?.user(&user).await?;
    let environment = [
        ("AWS_ACCESS_KEY_ID", &*keys.id),
        ("AWS_SECRET_ACCESS_KEY", &*keys.secret),
        NO_INSTANCE,
    ];
    let served = ambient(&scene, &environment).await?;
    works_as(&scene, &user).await?;
    let output = served.program.output();
    for secret in [&keys.id, &keys.secret] {
        assert!(!output.contains(secret.as_str()), "{output}");
    }
    Ok(())
}

#[tokio::test]
async fn credentials_of_the_container_are_used() -> Result<()> {
    let scene = Scene::new("ambient-container").await?;
    let user = scene.bucket_name("operator");
    let keys = Moto::shared().await?.user(&user).await?;
    let answer = json!({
        "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
        "Token": "token", "Expiration": "2999-01-01T00:00:00Z",
    });
    let answer = http::Response::builder()
        .header("content-type", "application/json")
        .body(Bytes::from(answer.to_string()))?;
    let asked = |call: &Call| call.path == "/container/credentials";
    let asked = scene
        .aws
        .proxy()
        .rule(Rule::when(asked, Action::Answer(answer)));
    let place = format!("{}/container/credentials", scene.aws.url());
    let environment = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*place), NO_INSTANCE];
    let _served = ambient(&scene, &environment).await?;
    works_as(&scene, &user).await?;
    assert!(asked.hits() >= 1);
    Ok(())
}

#[tokio::test]
async fn where_there_are_none_the_provider_says_what_to_do() -> Result<()> {
    let scene = Scene::new("ambient-none").await?;
    let _served = ambient(&scene, &[NO_INSTANCE]).await?;
    tells_what_to_do(&scene).await?;
    assert!(scene.aws.proxy().requests().is_empty(), "nobody to ask as");
    Ok(())
}

#[tokio::test]
async fn an_instance_that_does_not_answer_is_the_same_as_none() -> Result<()> {
    let scene = Scene::new("ambient-instance").await?;
    // Reserved, and nobody listens.
    let nobody = Port::reserve()?;
    let place = format!("http://{}", nobody.address());
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*place)];
    let _served = ambient(&scene, &environment).await?;
    tells_what_to_do(&scene).await
}

async fn tells_what_to_do(scene: &Scene) -> Result<()> {
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        "environment",
        "container",
        "instance",
        "credentialsSecret",
        "roleARN",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let status = refused.status.context("a status")?;
    assert_eq!(status.account_id, None);
    Ok(())
}

#[tokio::test]
async fn the_role_of_the_pods_own_token_is_used() -> Result<()> {
    let scene = Scene::new("ambient-token").await?;
    let token = tempfile::NamedTempFile::new()?;
    std::fs::write(token.path(), "canary-token-of-the-pod")?;
    let file = token.path().display().to_string();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/operator");
    let environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &*file),
        ("AWS_ROLE_ARN", &*role),
        NO_INSTANCE,
    ];
    let served = ambient(&scene, &environment).await?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let identity = provider.status.and_then(|status| status.caller_identity);
    let expected = format!("arn:aws:sts::{ACCOUNT}:assumed-role/operator/cloud-operator");
    assert_eq!(identity, Some(expected));
    let asked = |call: &Call| call.about == "AssumeRoleWithWebIdentity";
    let exchanged = scene.aws.proxy().settled(asked).await;
    let form = String::from_utf8_lossy(&exchanged.call.body).into_owned();
    assert!(
        form.contains("WebIdentityToken=canary-token-of-the-pod"),
        "{form}"
    );
    let output = served.program.output();
    assert!(!output.contains("canary"), "{output}");
    Ok(())
}

#[tokio::test]
async fn the_role_of_the_instance_is_left_alone_where_the_settings_say_so() -> Result<()> {
    let scene = Scene::new("ambient-off").await?;
    // Would give credentials, if it were asked.
    let place = scene.aws.url();
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*place)];
    let settings = ["--instance-credentials=false"];
    let _served = scene.program(&scene.cluster.config(), &settings, &environment)?;
    create(&scene, "account", json!({})).await?;
    tells_what_to_do(&scene).await?;
    assert!(scene.aws.proxy().requests().is_empty(), "it was not asked");
    Ok(())
}

#[tokio::test]
async fn the_operators_own_credentials_are_not_for_every_namespace() -> Result<()> {
    let scene = Scene::new("ambient-namespaces").await?;
    let keys = Moto::shared()
        .await?
        .user(&scene.bucket_name("operator"))
        .await?;
    let environment = [
        ("AWS_ACCESS_KEY_ID", &*keys.id),
        ("AWS_SECRET_ACCESS_KEY", &*keys.secret),
        NO_INSTANCE,
    ];
    let settings = ["--ambient-credentials-namespaces=platform"];
    let _served = scene.program(&scene.cluster.config(), &settings, &environment)?;
    create(&scene, "account", json!({})).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "CredentialsNotAllowed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        scene.namespace.name(),
        "platform",
        "AMBIENT_CREDENTIALS_NAMESPACES",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    // Nor as the beginning of a chain.
    let role = format!("arn:aws:iam::{ACCOUNT}:role/operator");
    let chain = json!({ "spec": { "assumeRoleChain": [{ "roleARN": role }] } });
    scene.patch::<AWSProvider>("account", chain).await?;
    scene
        .refused::<AWSProvider>("account", "CredentialsNotAllowed")
        .await?;
    assert!(scene.aws.proxy().requests().is_empty(), "nobody was asked");
    Ok(())
}
