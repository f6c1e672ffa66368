//! Somebody who wants buckets.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use crd_types::lifecycle::{HasLifecycle, Managed};
use harness::Namespace;
use harness::moto::AccessKey;
use harness::wait::{PATIENCE, wait_for};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::{Ground, REGION, values};

const VERSION: &str = "aws-infra-operator.runner.codes/v1alpha1";
/// The only provider of a tenant.
const PROVIDER: &str = "account";
/// The tag that edits change.
const EDITED: &str = "edited";

/// A namespace with one account and buckets.
#[derive(Debug)]
pub struct Tenant<'a> {
    ground: &'a Ground,
    namespace: Namespace,
}

impl<'a> Tenant<'a> {
    /// In a namespace of its own, with nothing in it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn new(ground: &'a Ground, prefix: &str) -> Result<Self> {
        let namespace = ground.namespace(prefix).await?;
        Ok(Self { ground, namespace })
    }

    /// In a namespace that is there.
    pub fn within(ground: &'a Ground, namespace: &Namespace) -> Self {
        let namespace = namespace.clone();
        Self { ground, namespace }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Applies an object in the namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply(&self, mut object: Value) -> Result<DynamicObject> {
        object["metadata"]["namespace"] = json!(self.namespace.name());
        self.ground.cluster().apply(object).await
    }

    /// Applies the provider; `how` says whence its credentials come.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn account(&self, how: Value) -> Result<()> {
        let spec = json!({ "region": REGION, "endpoint": self.ground.aws().url() });
        let provider = json!({
            "apiVersion": VERSION, "kind": "AWSProvider", "metadata": { "name": PROVIDER },
            "spec": values::with(spec, how),
        });
        self.apply(provider).await.map(drop)
    }

    /// Applies the provider with a key that a Secret holds, of a user who is called as the namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn account_by_secret(&self) -> Result<AccessKey> {
        let key = self.ground.aws().key(self.namespace.name()).await?;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key" },
            "stringData": { "AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret },
        });
        self.apply(secret).await?;
        self.account(json!({ "credentialsSecret": { "name": "key" } }))
            .await?;
        Ok(key)
    }

    /// An object for a bucket of the account.
    pub fn wish(&self, name: &str) -> Value {
        json!({
            "apiVersion": VERSION, "kind": "S3Bucket",
            "metadata": { "name": name, "namespace": self.namespace.name() },
            "spec": {
                "providerRef": { "name": PROVIDER }, "bucketName": self.bucket_name(name),
                "tags": { "team": "media" },
            },
        })
    }

    /// What the bucket of an object is called.
    pub fn bucket_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace.name())
    }

    /// Applies an object for a bucket and waits until it is ready and AWS has the bucket.
    ///
    /// # Errors
    /// When one of that does not come to be.
    pub async fn has_bucket(&self, name: &str) -> Result<S3Bucket> {
        self.apply(self.wish(name)).await?;
        let ready = self.ready(name).await?;
        let tags = self.tags(name).await?.context("AWS has no such bucket")?;
        let team = tags.get("team").map(String::as_str);
        ensure!(team == Some("media"), "{tags:?}");
        Ok(ready)
    }

    /// The tags that the bucket of an object has; `None` where there is no bucket.
    ///
    /// # Errors
    /// When AWS does not tell.
    pub async fn tags(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.ground.aws().tags(&self.bucket_name(name)).await
    }

    /// Edits a bucket, and returns when AWS has it so.
    ///
    /// # Errors
    /// When the edit is refused, or takes no effect.
    pub async fn edit(&self, name: &str, value: &str) -> Result<()> {
        let buckets: Api<S3Bucket> = self.namespace.api()?;
        let patch = Patch::Merge(json!({ "spec": { "tags": { EDITED: value } } }));
        let edited = buckets.patch(name, &PatchParams::default(), &patch).await?;
        let generation = edited.metadata.generation.unwrap_or_default();
        self.ready_since::<S3Bucket>(name, generation).await?;
        let tags = self.tags(name).await?.context("AWS has no such bucket")?;
        let found = tags.get(EDITED).map(String::as_str);
        ensure!(found == Some(value), "ready without the edit: {tags:?}");
        Ok(())
    }

    /// Waits until the account is ready.
    ///
    /// # Errors
    /// When it does not become so.
    pub async fn account_ready(&self) -> Result<AWSProvider> {
        self.ready(PROVIDER).await
    }

    /// Waits until an object is ready as it is written now.
    ///
    /// # Errors
    /// When it does not become so.
    pub async fn ready<K: Managed>(&self, name: &str) -> Result<K> {
        self.ready_since(name, 0).await
    }

    async fn ready_since<K: Managed>(&self, name: &str, generation: i64) -> Result<K> {
        let objects: Api<K> = self.namespace.api()?;
        let is_ready = |object: &K| {
            let present = object.meta().generation;
            let status = object.status().map(HasLifecycle::lifecycle);
            present >= Some(generation)
                && status.is_some_and(|it| it.ready && it.observed_generation == present)
        };
        // A lease that nobody gives back has to run out first.
        let patience = 2 * PATIENCE;
        wait_for(&objects, name, "to be ready", patience, is_ready).await
    }
}
