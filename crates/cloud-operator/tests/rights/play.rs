//! A play in which everything happens that the operator ever does in the cluster.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Scrape, User, UserRules,
    aws::refusal,
    proxy::{Action, Rule, kubernetes::Attributes},
};
use http::StatusCode;
use k8s_openapi::api::{core::v1::Secret, rbac::v1::PolicyRule};
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use tokio::time::timeout;

use crate::scene::{PATIENCE, Running, Scene, config, hook::Hook};

/// Where the operator's rules hold.
#[derive(Clone, Copy)]
pub enum Reach {
    /// A ClusterRole for all that is watched.
    Cluster,
    /// A Role in the watched namespace.
    Namespace,
}

/// The operator's own rules, part by part.
#[derive(Clone)]
pub struct Rules {
    pub watched: Vec<PolicyRule>,
    pub election: Vec<PolicyRule>,
    pub installation: Vec<PolicyRule>,
    pub namespaces: Vec<PolicyRule>,
    pub metrics: Vec<PolicyRule>,
    pub admission: Vec<PolicyRule>,
    /// Of the Secret with the certificate for HTTPS.
    pub certificate: Vec<PolicyRule>,
}

impl Rules {
    pub fn all(&self) -> Vec<PolicyRule> {
        let parts = [
            &self.watched,
            &self.election,
            &self.installation,
            &self.namespaces,
            &self.metrics,
            &self.admission,
            &self.certificate,
        ];
        parts.into_iter().flatten().cloned().collect()
    }

    /// A user who has them, and nothing else.
    pub async fn user(&self, scene: &Scene, reach: Reach) -> Result<User> {
        let namespace = scene.namespace.name().to_owned();
        let (mut cluster, watched) = match reach {
            Reach::Cluster => (self.watched.clone(), Vec::new()),
            Reach::Namespace => (Vec::new(), self.watched.clone()),
        };
        let anyway = [
            &self.installation,
            &self.namespaces,
            &self.metrics,
            &self.admission,
        ];
        cluster.extend(anyway.into_iter().flatten().cloned());
        let roles = [watched, self.election.clone(), self.certificate.clone()].concat();
        let rules = UserRules {
            cluster,
            namespaced: vec![(namespace, roles)],
        };
        scene.cluster.user("rights", rules).await
    }
}

/// The rules of an operator of this scene.
pub fn rules(scene: &Scene, scrape: &Scrape, hook: &Hook) -> Result<Rules> {
    let settings = config(scene.settings(), &refs(&scrape.settings()))?;
    let authority = settings.common.serving_authority(cloud_operator::NAME);
    let authority = authority.map_err(anyhow::Error::msg)?.context("its own")?;
    let certificate = authority.rules().remove(scene.namespace.name());
    Ok(Rules {
        watched: cloud_operator::rbac::watched(),
        election: cloud_operator::rbac::election(),
        installation: cloud_operator::rbac::installation(),
        namespaces: cloud_operator::rbac::namespaces(),
        metrics: cloud_operator::rbac::metrics(),
        admission: cloud_operator::rbac::admission(hook.name()),
        certificate: certificate.context("its Secret is in this namespace")?,
    })
}

pub fn refs(settings: &[String]) -> Vec<&str> {
    settings.iter().map(String::as_str).collect()
}

/// What the operator finds: its Secret was emptied.
pub async fn found(scene: &Scene, scrape: &Scrape) -> Result<()> {
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": scrape.secret(),
            "labels": { "app.kubernetes.io/managed-by": cloud_operator::NAME },
        },
    }))?;
    let secrets = scene.api_of::<Secret>();
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// Plays to the end, as an administrator; each act waits for its effect.
pub async fn play(scene: &Scene, scrape: &Scrape, operator: &Running) -> Result<()> {
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let scraper = scrape.user(cloud_operator::rbac::metrics_reader()).await?;
    let (status, text) = scrape.get(Some(scraper.token()), "/metrics").await?;
    ensure!(status == 200, "{status}: {text}");
    // It is made anew when time goes on.
    let secrets = scene.api_of::<Secret>();
    secrets
        .delete(scrape.secret(), &DeleteParams::default())
        .await?;

    let denied = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketVersioning",
        Action::Answer(refusal::s3(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        )),
    ));
    let versioned = json!({ "spec": { "versioning": { "enabled": true } } });
    scene.patch::<S3Bucket>("data", versioned).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    denied.remove();
    // The bucket has become ready before: the event of it goes on as a series, but not more often than so.
    operator.clock.advance(Duration::from_secs(61));
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    asked(scene, "events", "patch").await?;
    asked(scene, "leases", "update").await?;
    asked(scene, "secrets", "create").await?;
    asked(scene, "validatingwebhookconfigurations", "patch").await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await
}

async fn asked(scene: &Scene, resource: &str, verb: &str) -> Result<()> {
    let asked = scene.api.proxy().settled(|call| {
        Attributes::of(call).is_some_and(|of| of.resource == resource && of.verb == verb)
    });
    let asked = timeout(PATIENCE, asked).await;
    asked.with_context(|| format!("nobody asked to {verb} {resource}"))?;
    Ok(())
}
