//! What the figures are taken on: a control plane, AWS's stand-in, the operator's program.

use std::{ops::Range, path::Path, process::Command};

use anyhow::{Result, bail};
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket, crds},
    lifecycle::{HasLifecycle, Managed},
};
use futures::{StreamExt, TryStreamExt, stream};
use harness::{
    AwsProxy, Moto,
    process::{self, Child},
    wait,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Resource,
    api::{ListParams, PostParams},
    core::NamespaceResourceScope,
};
use operator_core::decide::clock::Clock;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::{ground::Ground, resident::Resident};

/// How many clients create at once.
const CLIENTS: usize = 16;

/// A control plane with an operator at work.
pub struct Stage {
    pub clock: Clock,
    operator: Child,
    aws: AwsProxy,
    ground: Ground,
    _moto: Moto,
}

impl Stage {
    pub async fn set(program: &Path) -> Result<Self> {
        let ground = Ground::prepare(crds()).await?;
        let moto = Moto::start().await?;
        let aws = AwsProxy::start(moto.url()).await?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .args(ground.settings())
            .arg(format!("--allowed-endpoints={}", aws.url()))
            .arg("--allow-http-endpoints=true")
            .args(["--metrics-bind-address=0", "--health-probe-bind-address=0"]);
        let operator = process::spawn(command, &ground.folder().join("operator.log"))?;
        Ok(Self {
            clock: Clock::system(),
            operator,
            aws,
            ground,
            _moto: moto,
        })
    }

    pub fn resident(&self) -> Result<Resident> {
        if let Some(status) = self.operator.try_wait() {
            bail!(
                "the operator ended with {status}: {}",
                self.operator.log_tail(20)
            );
        }
        Resident::of(self.operator.pid())
    }

    /// How many roles the operator has asked for.
    pub fn assumed(&self) -> usize {
        let requests = self.aws.proxy().requests();
        let roles = requests.iter().filter(|it| it.call.about == "AssumeRole");
        roles.count()
    }

    /// Creates these providers with their Secrets, and waits until all are ready.
    pub async fn providers(&self, numbers: Range<usize>) -> Result<()> {
        let end = numbers.end;
        let create = |number: usize| async move {
            let name = format!("account-{number}");
            let secret = json!({
                "metadata": { "name": name },
                "stringData": {
                    "AWS_ACCESS_KEY_ID": format!("AKIABENCH{number:07}"),
                    "AWS_SECRET_ACCESS_KEY": format!("secret-{number}"),
                },
            });
            self.create::<Secret>(secret).await?;
            let role = |name: &str| format!("arn:aws:iam::{:012}:role/{name}", 100_000 + number);
            let provider = json!({
                "metadata": { "name": name },
                "spec": {
                    "region": "eu-central-1",
                    "endpoint": self.aws.url(),
                    "credentialsSecret": { "name": name },
                    "assumeRoleChain": [
                        { "roleARN": role("hub") },
                        { "roleARN": role("tenant"), "tags": { "number": number.to_string() } },
                    ],
                    "defaultTags": { "team": "platform" },
                },
            });
            self.create::<AWSProvider>(provider).await
        };
        let creations = stream::iter(numbers).map(create);
        creations
            .buffer_unordered(CLIENTS)
            .try_collect::<Vec<_>>()
            .await?;
        self.ready::<AWSProvider>(end).await
    }

    /// Creates a bucket of each of these providers, and waits until all are ready.
    pub async fn buckets(&self, numbers: Range<usize>) -> Result<()> {
        let end = numbers.end;
        let create = |number: usize| async move {
            let bucket = json!({
                "metadata": { "name": format!("bucket-{number}") },
                "spec": {
                    "providerRef": { "name": format!("account-{number}") },
                    "bucketName": format!("{}-bucket-{number}", self.ground.namespace.name()),
                },
            });
            self.create::<S3Bucket>(bucket).await
        };
        let creations = stream::iter(numbers).map(create);
        creations
            .buffer_unordered(CLIENTS)
            .try_collect::<Vec<_>>()
            .await?;
        self.ready::<S3Bucket>(end).await
    }

    async fn create<K>(&self, mut object: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    {
        object["apiVersion"] = K::api_version(&()).into();
        object["kind"] = K::kind(&()).into();
        let object: K = serde_json::from_value(object)?;
        let api: Api<K> = self.ground.namespace.api()?;
        api.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    async fn ready<K: Managed>(&self, count: usize) -> Result<()> {
        let api: Api<K> = self.ground.namespace.api()?;
        wait::until(&format!("{count} to be ready"), PATIENCE, || async {
            let found = api.list(&ListParams::default()).await;
            let found = found.map_err(|error| error.to_string())?;
            let is_ready = |it: &&K| it.status().is_some_and(|it| it.lifecycle().ready);
            match found.items.iter().filter(is_ready).count() {
                ready if ready >= count => Ok(()),
                ready => Err(format!("{ready} are")),
            }
        })
        .await
    }
}
