//! The objects that are created, edited and deleted.

use std::{fmt::Debug, ops::Range};

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use futures::{StreamExt, TryStreamExt, stream};
use harness::Namespace;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::seen::{Said, Seen};

/// How many clients create at once.
const CLIENTS: usize = 16;
/// How many buckets an account has, each of which has a provider of its own.
pub const OF_AN_ACCOUNT: usize = 1_000;

/// The objects of a stage.
pub struct Buckets {
    pub seen: Seen,
    namespace: Namespace,
    api: Api<S3Bucket>,
    endpoint: String,
}

impl Buckets {
    pub fn of(namespace: &Namespace, endpoint: String) -> Result<Self> {
        Ok(Self {
            seen: Seen::start(namespace)?,
            namespace: namespace.clone(),
            api: namespace.api()?,
            endpoint,
        })
    }

    /// What a bucket is called at AWS.
    pub fn outside(&self, number: usize) -> String {
        format!("{}-{number}", self.namespace.name())
    }

    /// Creates these buckets, and the providers that they need where they are missing.
    pub async fn create(&self, numbers: Range<usize>) -> Result<()> {
        for account in numbers.start / OF_AN_ACCOUNT..numbers.end.div_ceil(OF_AN_ACCOUNT) {
            self.provider(account).await?;
        }
        let create = |number: usize| async move {
            let bucket = json!({
                "metadata": { "name": name(number) },
                "spec": {
                    "providerRef": { "name": provider(number / OF_AN_ACCOUNT) },
                    "bucketName": self.outside(number),
                    "tags": { "team": "platform", "number": number.to_string() },
                    "versioning": { "enabled": true },
                    "encryption": { "algorithm": "aws:kms", "bucketKeyEnabled": true },
                    "publicAccessBlock": {
                        "blockPublicAcls": true, "ignorePublicAcls": true,
                        "blockPublicPolicy": true, "restrictPublicBuckets": true,
                    },
                    "lifecycleRules": [
                        { "id": "logs", "enabled": true, "prefix": "logs/", "expiration": { "days": 90 } },
                        {
                            "id": "unfinished", "enabled": true,
                            "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 },
                        },
                    ],
                },
            });
            let bucket: S3Bucket = object(bucket)?;
            self.api.create(&PostParams::default(), &bucket).await?;
            anyhow::Ok(())
        };
        let creations = stream::iter(numbers).map(create);
        creations.buffer_unordered(CLIENTS).try_collect().await
    }

    async fn provider(&self, account: usize) -> Result<()> {
        let name = provider(account);
        let secret = json!({
            "metadata": { "name": name },
            "stringData": {
                // The stand-in knows the account by the last twelve digits.
                "AWS_ACCESS_KEY_ID": format!("AKIA{:012}", 1 + account),
                "AWS_SECRET_ACCESS_KEY": "secret",
            },
        });
        self.apply::<Secret>(&name, secret).await?;
        let provider = json!({
            "metadata": { "name": name },
            "spec": {
                "region": "eu-central-1",
                "endpoint": self.endpoint,
                "credentialsSecret": { "name": name },
            },
        });
        self.apply::<AWSProvider>(&name, provider).await
    }

    async fn apply<K>(&self, name: &str, wanted: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Serialize + DeserializeOwned,
    {
        let api: Api<K> = self.namespace.api()?;
        let params = PatchParams::apply("bench").force();
        let wanted: K = object(wanted)?;
        api.patch(name, &params, &Patch::Apply(&wanted)).await?;
        Ok(())
    }

    /// Edits a bucket's tags so that they are others than after any edit before; returns the generation of the spec.
    pub async fn edit(&self, number: usize, edit: usize) -> Result<i64> {
        let patch = json!({ "spec": { "tags": { "edit": edit.to_string() } } });
        let edited = self.patch(number, patch).await?;
        Ok(edited.metadata.generation.unwrap_or_default())
    }

    /// Asks for a look at a bucket at once.
    pub async fn request(&self, number: usize, request: &str) -> Result<()> {
        let key = format!("{}/reconcile-requested-at", S3Bucket::group(&()));
        let patch = json!({ "metadata": { "annotations": { key: request } } });
        self.patch(number, patch).await.map(drop)
    }

    async fn patch(&self, number: usize, patch: Value) -> Result<S3Bucket> {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        Ok(self.api.patch(&name(number), &params, &patch).await?)
    }

    /// Waits until this generation of a bucket, or a later one, is in force.
    pub async fn ready(&self, number: usize, generation: i64) -> Result<()> {
        let ready = |said: Option<&Said>| said.is_some_and(|it| it.is_ready(generation));
        self.seen.until("ready", &name(number), ready).await
    }

    /// Waits until this request was answered.
    pub async fn answered(&self, number: usize, request: &str) -> Result<()> {
        let answered =
            |said: Option<&Said>| said.is_some_and(|it| it.answered.as_deref() == Some(request));
        self.seen.until("looked at", &name(number), answered).await
    }

    /// Deletes a bucket, and waits until it is gone.
    pub async fn delete(&self, number: usize) -> Result<()> {
        let name = name(number);
        self.api.delete(&name, &DeleteParams::default()).await?;
        self.seen.until("gone", &name, |said| said.is_none()).await
    }
}

fn object<K>(mut object: Value) -> Result<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    object["apiVersion"] = K::api_version(&()).into();
    object["kind"] = K::kind(&()).into();
    Ok(serde_json::from_value(object)?)
}

fn name(number: usize) -> String {
    format!("bucket-{number}")
}

fn provider(account: usize) -> String {
    format!("account-{account}")
}
