//! The tokens of Pods.

use std::time::Duration;

use anyhow::Result;
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::{Api, PostParams};
use node::Bench;
use serde_json::json;

use crate::stage::{ask, pod, ready, restricted, same};

/// What a target says of the token that every Pod has.
pub const TOKEN: &str = "/read/var/run/secrets/kubernetes.io/serviceaccount/token";

pub async fn are_renewed(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "token").await?;
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), json!({})),
    )
    .await?;
    let before = ask(&pod, TOKEN).await?;
    // The token is for 3607 s.
    bench.node().clock().advance(Duration::from_secs(3000));
    let renewed = || async {
        let now = ask(&pod, TOKEN).await.map_err(|e| e.to_string())?;
        if now == before {
            Err("it is the same".to_owned())
        } else {
            Ok(())
        }
    };
    until("a new token", PATIENCE, renewed).await?;
    let review = review(bench, ask(&pod, TOKEN).await?, None).await?;
    same(review.status.and_then(|it| it.authenticated), Some(true))
}

/// What the API server says of a token.
pub async fn review(bench: &Bench, token: String, audience: Option<&str>) -> Result<TokenReview> {
    let spec = TokenReviewSpec {
        token: Some(token),
        audiences: audience.map(|it| vec![it.to_owned()]),
    };
    let review = TokenReview {
        spec,
        ..TokenReview::default()
    };
    let reviews: Api<TokenReview> = Api::all(bench.cluster().client()?);
    Ok(reviews.create(&PostParams::default(), &review).await?)
}
