//! A play in which everything happens that the operator ever does in the cluster.

use std::time::Duration;

use anyhow::{Context, Result};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    User, UserRules,
    aws::refusal,
    proxy::{Action, Rule, kubernetes::Attributes},
};
use http::StatusCode;
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::json;
use tokio::time::timeout;

use crate::scene::{PATIENCE, Running, Scene};

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
}

impl Rules {
    pub fn all(&self) -> Vec<PolicyRule> {
        [
            &self.watched,
            &self.election,
            &self.installation,
            &self.namespaces,
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
    }

    /// A user who has them, and nothing else.
    pub async fn user(&self, scene: &Scene, reach: Reach) -> Result<User> {
        let namespace = scene.namespace.name().to_owned();
        let anyway = [&*self.installation, &*self.namespaces].concat();
        let (cluster, watched) = match reach {
            Reach::Cluster => ([&*self.watched, &*anyway].concat(), Vec::new()),
            Reach::Namespace => (anyway, self.watched.clone()),
        };
        let roles = [watched, self.election.clone()].concat();
        let rules = UserRules {
            cluster,
            namespaced: vec![(namespace, roles)],
        };
        scene.cluster.user("rights", rules).await
    }
}

pub fn rules() -> Rules {
    Rules {
        watched: cloud_operator::rbac::watched(),
        election: cloud_operator::rbac::election(),
        installation: cloud_operator::rbac::installation(),
        namespaces: cloud_operator::rbac::namespaces(),
    }
}

/// Plays to the end, as an administrator; each act waits for its effect.
pub async fn play(scene: &Scene, operator: &Running) -> Result<()> {
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;

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
