//! A role of AWS by the service account of the operator, as on EKS.

use anyhow::{Context, Result, ensure};
use charts::helms;
use harness::proxy::Call;
use install::{ACCOUNT, Ground, Release, Tenant, values};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::{Api, PostParams};
use serde_json::json;

/// Whom the token is for.
const AUDIENCE: &str = "sts.amazonaws.com";

pub async fn of_the_service_account(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[0], "identity").await?;
    let namespace = release.namespace().name();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{namespace}");
    let limited = values::with(values::cloud(ground), values::limited(&[namespace]));
    let annotated = json!({
        "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": role } },
        "webIdentity": { "enabled": true, "roleArn": role },
    });
    release
        .roll_out("cloud-operator", values::with(limited, annotated))
        .await?;

    let tenant = Tenant::within(ground, release.namespace());
    tenant.account(json!({})).await?;
    let account = tenant.account_ready().await?;
    let expected = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{namespace}/cloud-operator");
    let identity = account.status.and_then(|it| it.caller_identity);
    ensure!(identity == Some(expected), "it works as {identity:?}");
    tenant.has_bucket("data").await?;

    let shown = shown(ground, namespace).await?;
    let logs = release.logs().await?;
    ensure!(!logs.contains(&shown), "the token is in the log");
    let holder = holder(ground, shown).await?;
    let operator = format!("system:serviceaccount:{namespace}:cloud-operator");
    ensure!(holder == operator, "it is the token of {holder}");
    Ok(())
}

/// The token that AWS was shown for this role.
async fn shown(ground: &Ground, role: &str) -> Result<String> {
    let exchange = |call: &Call| {
        let form = String::from_utf8_lossy(&call.body);
        call.about == "AssumeRoleWithWebIdentity" && form.contains(role)
    };
    let exchange = ground.aws().asked().settled(exchange).await;
    let form = String::from_utf8_lossy(&exchange.call.body).into_owned();
    let mut fields = form.split('&');
    // A token has no character that a form would write otherwise.
    let token = fields.find_map(|field| field.strip_prefix("WebIdentityToken="));
    token.map(str::to_owned).context("no token was shown")
}

/// Whose token it is, by the word of the API server that issued it, for this audience alone.
async fn holder(ground: &Ground, token: String) -> Result<String> {
    let review = TokenReview {
        spec: TokenReviewSpec {
            audiences: Some(vec![AUDIENCE.to_owned()]),
            token: Some(token),
        },
        ..TokenReview::default()
    };
    let reviews: Api<TokenReview> = Api::all(ground.cluster().client()?);
    let answer = reviews.create(&PostParams::default(), &review).await?;
    let status = answer.status.context("an answer without a status")?;
    ensure!(
        status.authenticated == Some(true),
        "the API server does not know the token: {:?}",
        status.error
    );
    let user = status.user.and_then(|it| it.username);
    user.context("a token of nobody")
}
