//! What must hold at the moment of each effect.

use std::sync::Arc;

use anyhow::{Result, ensure};
use cloud_operator::s3bucket::S3Buckets;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::proxy::{Call, Point as Side, Verb};
use kube::{Api, ResourceExt};
use operator_core::engines::external::External;
use parking_lot::Mutex;

use super::{Server, Strangers};
use crate::scene::Scene;

/// Looks at each call before it takes its effect, and remembers what should not have been.
#[derive(Clone)]
pub struct Guard {
    objects: Api<S3Bucket>,
    strangers: Arc<Strangers>,
    /// The one bucket that may be written to.
    bucket: String,
    violations: Arc<Mutex<Vec<String>>>,
}

impl Guard {
    pub fn new(scene: &Scene, strangers: &Arc<Strangers>) -> Self {
        Self {
            objects: scene.api_of(),
            strangers: strangers.clone(),
            bucket: scene.bucket_name("data"),
            violations: Arc::default(),
        }
    }

    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().clone()
    }

    pub async fn check(&self, server: Server, side: Side, call: &Call) {
        if (side, call.verb) != (Side::Before, Verb::Write) {
            return;
        }
        let checked = match server {
            Server::Aws => self.outside_write(call).await,
            Server::Api if call.about == "s3buckets" => self.object_write(call).await,
            Server::Api => Ok(()),
        };
        if let Err(violation) = checked {
            let violation = format!("{call:?}: {violation:#}");
            self.violations.lock().push(violation);
        }
    }

    async fn outside_write(&self, call: &Call) -> Result<()> {
        let bucket = call.path.trim_matches('/');
        ensure!(bucket == self.bucket, "this bucket is a stranger's");
        let object = self.objects.get("data").await?;
        let held = object
            .finalizers()
            .iter()
            .any(|held| held == S3Buckets::FINALIZER);
        ensure!(held, "no finalizer holds the object");
        let record = object
            .status
            .as_ref()
            .and_then(|status| status.record.as_ref());
        let recorded = record.is_some_and(|record| record.bucket_name.as_ref() == bucket);
        ensure!(recorded, "the intent is not written down: {record:?}");
        let leaving = object.metadata.deletion_timestamp.is_some();
        ensure!(
            leaving == (call.about == "DeleteBucket"),
            "the object is {} to be deleted",
            if leaving { "" } else { "not" }
        );
        Ok(())
    }

    /// The finalizer may be taken off only when nothing is left to hold.
    async fn object_write(&self, call: &Call) -> Result<()> {
        let name = call.path.rsplit('/').next().unwrap_or_default();
        let body = String::from_utf8_lossy(&call.body);
        if name != "data" || !body.contains("/metadata/finalizers") {
            return Ok(());
        }
        let object = self.objects.get("data").await?;
        if object.metadata.deletion_timestamp.is_some() {
            let exists = self.strangers.somebody.exists(&self.bucket).await?;
            ensure!(!exists, "the finalizer goes before the bucket: {body}");
        }
        Ok(())
    }
}
