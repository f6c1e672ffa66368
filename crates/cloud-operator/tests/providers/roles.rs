//! Credentials of a role: assumed with keys, or for the token of the operator's Pod.

use std::io::Write;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Moto,
    aws::refusal,
    proxy::{Action, Call, Rule},
};
use http::StatusCode;
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

/// The forms in which roles were asked for, in their order.
fn assumptions(scene: &Scene) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    let forms = requests.iter().filter(|it| it.call.about == "AssumeRole");
    forms
        .map(|it| {
            String::from_utf8_lossy(&it.call.body)
                .replace("%2F", "/")
                .replace("%3A", ":")
        })
        .collect()
}

#[tokio::test]
async fn a_chain_ends_in_its_last_role() -> Result<()> {
    let scene = Scene::new("chain").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIACHAIN").await?;
    let tenant = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenant");
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "expectedAccountID": OTHER_ACCOUNT,
        "assumeRoleChain": [
            { "roleARN": format!("arn:aws:iam::{ACCOUNT}:role/hub"), "externalID": "hub-1" },
            {
                "roleARN": tenant,
                "sessionName": "nightly",
                "durationSeconds": 1800,
                "tags": { "team": "a" },
                "transitiveTagKeys": ["team"],
            },
        ],
    });
    create(&scene, "account", spec).await?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let status = provider.status.unwrap_or_default();
    let identity = format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/tenant/nightly");
    assert_eq!(status.caller_identity, Some(identity));
    // What the tenant's trust policy can ask for, and did get.
    let external_id = status.external_id.unwrap_or_default();
    let end = format!("/{}/account", scene.namespace.name());
    assert!(external_id.ends_with(&end), "{external_id}");
    let forms = assumptions(&scene);
    assert!(
        forms[0].contains("role/hub") && forms[0].contains("ExternalId=hub-1"),
        "{}",
        forms[0]
    );
    for part in [
        "role/tenant",
        &format!("ExternalId={external_id}"),
        "Tags.member.1.Key=team",
        "DurationSeconds=1800",
    ] {
        assert!(forms[1].contains(part), "{part} in {}", forms[1]);
    }

    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let tenant = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
    tenant.has(&scene.bucket_name("data")).await?;
    assert_eq!(assumptions(&scene).len(), 2, "once, and kept");

    let elsewhere = json!({ "spec": { "expectedAccountID": ACCOUNT } });
    scene.patch::<AWSProvider>("account", elsewhere).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AccountMismatch")
        .await?;
    let message = ready_message(&refused);
    assert!(
        message.contains("spec.expectedAccountID") && message.contains(OTHER_ACCOUNT),
        "{message}"
    );
    operator.stop().await
}

#[tokio::test]
async fn the_external_id_is_shown_before_the_role_trusts_it() -> Result<()> {
    let scene = Scene::new("external-id").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIAEXTERNAL").await?;
    let denied = refusal::query(StatusCode::FORBIDDEN, "AccessDenied", "not authorized");
    let assumption = |call: &Call| call.about == "AssumeRole";
    let distrust = scene
        .aws
        .proxy()
        .rule(Rule::when(assumption, Action::Answer(denied)));
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "assumeRoleARN": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenant"),
    });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let shown = refused.status.and_then(|status| status.external_id);
    let shown = shown.unwrap_or_default();
    let end = format!("/{}/account", scene.namespace.name());
    assert!(shown.ends_with(&end), "{shown}");
    for form in assumptions(&scene) {
        assert!(form.contains(&format!("ExternalId={shown}")), "{form}");
    }

    distrust.remove();
    // An edit asks for a pass at once.
    let own = json!({ "spec": { "externalID": "agreed" } });
    scene.patch::<AWSProvider>("account", own).await?;
    let ready = scene.ready::<AWSProvider>("account").await?;
    let status = ready.status.unwrap_or_default();
    assert_eq!(
        status.external_id, None,
        "there is none that it would be for"
    );
    operator.stop().await
}

#[tokio::test]
async fn nobody_can_have_the_role_of_another_assumed() -> Result<()> {
    let scene = Scene::new("deputy").await?;
    let operator = scene.operator_with(&["--enforce-external-ids=true"])?;
    scene.keys("keys", "AKIADEPUTY").await?;
    let role = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/victim");
    // What the victim's provider has, in another namespace: a known value, but not for this one.
    let stolen = "installation/victim/account";
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "assumeRoleChain": [{ "roleARN": role }, { "roleARN": role, "externalID": stolen }],
    });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "NotAllowed")
        .await?;
    let message = ready_message(&refused);
    let own = format!("/{}/account", scene.namespace.name());
    for part in [
        "spec.assumeRoleChain[1].externalID",
        "ENFORCE_EXTERNAL_IDS",
        &own,
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(scene.aws.proxy().requests().is_empty(), "nothing was asked");

    let without = json!({ "spec": { "assumeRoleChain": [{ "roleARN": role }] } });
    scene.patch::<AWSProvider>("account", without).await?;
    scene.ready::<AWSProvider>("account").await?;
    for form in assumptions(&scene) {
        assert!(form.contains(&own) && !form.contains(stolen), "{form}");
    }
    operator.stop().await
}

#[tokio::test]
async fn only_roles_that_the_operators_settings_allow_are_assumed() -> Result<()> {
    let scene = Scene::new("allowed-roles").await?;
    let namespace = scene.namespace.name();
    let pattern = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenants/{{namespace}}/*");
    let operator = scene.operator_with(&[&format!("--allowed-roles={pattern}")])?;
    scene.keys("keys", "AKIAROLES").await?;
    let role = |namespace: &str| json!([{ "roleARN": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenants/{namespace}/deploy") }]);
    let spec =
        json!({ "credentialsSecret": { "name": "keys" }, "assumeRoleChain": role("another") });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "RoleNotAllowed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        "tenants/another/deploy",
        namespace,
        &pattern,
        "ALLOWED_ROLES",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(scene.aws.proxy().requests().is_empty(), "nothing was asked");

    let own = json!({ "spec": { "assumeRoleChain": role(namespace) } });
    scene.patch::<AWSProvider>("account", own).await?;
    scene.ready::<AWSProvider>("account").await?;

    let by_token = json!({ "spec": {
        "credentialsSecret": null, "assumeRoleChain": null,
        "roleARN": format!("arn:aws:iam::{ACCOUNT}:role/operator"),
    } });
    scene.patch::<AWSProvider>("account", by_token).await?;
    scene
        .refused::<AWSProvider>("account", "RoleNotAllowed")
        .await?;
    operator.stop().await
}

#[tokio::test]
async fn a_role_of_another_partition_is_refused_before_it_is_asked_for() -> Result<()> {
    let scene = Scene::new("partition").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIAPARTITION").await?;
    // An endpoint of its own can be of any partition.
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "endpoint": null,
        "assumeRoleARN": format!("arn:aws-cn:iam::{OTHER_ACCOUNT}:role/tenant"),
    });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "InvalidSpec")
        .await?;
    let message = ready_message(&refused);
    for part in ["spec.assumeRoleARN", "aws-cn", "eu-central-1"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    operator.stop().await
}

#[tokio::test]
async fn a_projected_token_is_used_only_from_an_allowed_folder() -> Result<()> {
    let scene = Scene::new("token-folder").await?;
    let folder = tempfile::tempdir()?;
    let (tokens, secrets) = (folder.path().join("tokens"), folder.path().join("secrets"));
    for (folder, content) in [(&tokens, "projected"), (&secrets, "canary-of-the-pod")] {
        std::fs::create_dir(folder)?;
        std::fs::write(folder.join("token"), content)?;
    }
    let setting = format!("--web-identity-token-folders={}", tokens.display());
    let operator = scene.operator_with(&[&setting])?;
    let spec = json!({
        "roleARN": format!("arn:aws:iam::{ACCOUNT}:role/operator"),
        "webIdentity": { "tokenFile": secrets.join("token") },
    });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "TokenFileNotAllowed")
        .await?;
    let message = ready_message(&refused);
    for part in ["spec.webIdentity.tokenFile", "WEB_IDENTITY_TOKEN_FOLDERS"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(!message.contains("canary"), "{message}");
    assert!(scene.aws.proxy().requests().is_empty(), "nothing was sent");

    let allowed = json!({ "spec": { "webIdentity": { "tokenFile": tokens.join("token") } } });
    scene.patch::<AWSProvider>("account", allowed).await?;
    scene.ready::<AWSProvider>("account").await?;
    operator.stop().await
}
