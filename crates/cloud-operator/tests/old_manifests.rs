//! Manifests of the older operator on an empty account: they do what they did, or say what does not work.
//!
//! They are taken as they are but for what cannot be the same here: names of namespaces and buckets are the
//! test's own, and every provider names the endpoint of AWS's stand-in.

mod scene;

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use cloud_operator::s3bucket::S3Buckets;
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket},
    lifecycle::{Managed, PlannedAction},
};
use harness::{Moto, Namespace};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt, api::PostParams};
use operator_core::engines::external::External;
use scene::{
    Scene,
    outside::{ACCOUNT, Somebody, pairs},
    program::Served,
    ready_message,
};
use serde_json::{Value, json};

/// The account of the role that `by-role` names.
const ROLES_ACCOUNT: &str = "111122223333";
/// The account of the role that `by-secret` assumes.
const TENANTS_ACCOUNT: &str = "444455556666";

/// A scene with the namespaces that the manifests speak of.
struct Old {
    scene: Scene,
    /// `platform` in the manifests.
    platform: Namespace,
    /// `vault` in the manifests; not the operator's to look after.
    vault: Namespace,
    documents: Vec<Value>,
}

impl Old {
    async fn new(prefix: &str) -> Result<Self> {
        let scene = Scene::new(prefix).await?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crd-types/tests/fixtures/aws");
        let mut documents = Vec::new();
        for file in ["older-providers.yaml", "older-buckets.yaml"] {
            let text = fs::read_to_string(folder.join(file))?;
            documents.extend(serde_saphyr::from_multiple::<Value>(&text)?);
        }
        Ok(Self {
            platform: scene.cluster.namespace("platform").await?,
            vault: scene.cluster.namespace("vault").await?,
            scene,
            documents,
        })
    }

    /// The program with a web identity and keys of its own, as the older operator ran.
    fn start(&self, token: &Path) -> Result<Served> {
        let namespaces = [self.scene.namespace.name(), self.platform.name()].join(",");
        let settings = [
            format!("--watch-namespaces={namespaces}"),
            format!("--web-identity-token-file={}", token.display()),
        ];
        let environment = [
            ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let settings = settings.each_ref().map(String::as_str);
        let user = self.scene.cluster.config();
        self.scene.program(&user, &settings, &environment)
    }

    /// The manifest of this name.
    fn manifest(&self, name: &str) -> Result<Value> {
        let found = self
            .documents
            .iter()
            .find(|document| document["metadata"]["name"] == name);
        let mut manifest = found
            .with_context(|| format!("no manifest {name}"))?
            .clone();
        let spec = &mut manifest["spec"];
        if let Some(bucket) = spec["bucketName"].as_str() {
            spec["bucketName"] = self.scene.bucket_name(bucket).into();
        } else {
            spec.as_object_mut()
                .context("a spec")?
                .entry("endpoint")
                .or_insert(self.scene.aws.url().into());
        }
        for reference in [
            "providerRef",
            "accessKeyIDRef",
            "secretAccessKeyRef",
            "credentialsSecret",
        ] {
            let Some(namespace) = spec[reference]["namespace"].as_str() else {
                continue;
            };
            let own = match namespace {
                "platform" => &self.platform,
                _ => &self.vault,
            };
            spec[reference]["namespace"] = own.name().into();
        }
        Ok(manifest)
    }

    async fn apply<K: Managed>(&self, name: &str) -> Result<K> {
        self.scene.create(self.manifest(name)?).await
    }

    /// The Secret that the manifests call `credentials`, in the scene's own namespace.
    async fn credentials(&self) -> Result<()> {
        let secret: Secret = serde_json::from_value(json!({
            "metadata": { "name": "credentials" },
            "stringData": {
                "access-key-id": "AKIAOLD", "secret_access.key": "secret",
                "AWS_ACCESS_KEY_ID": "AKIAOLD", "AWS_SECRET_ACCESS_KEY": "secret",
            },
        }))?;
        let secrets = self.scene.api_of::<Secret>();
        secrets.create(&PostParams::default(), &secret).await?;
        Ok(())
    }

    async fn works_in(&self, provider: &str, account: &str) -> Result<AWSProvider> {
        let provider = self.scene.ready::<AWSProvider>(provider).await?;
        let status = provider.status.clone().unwrap_or_default();
        assert_eq!(status.account_id.as_deref(), Some(account));
        Ok(provider)
    }
}

fn token() -> Result<tempfile::NamedTempFile> {
    let token = tempfile::NamedTempFile::new()?;
    fs::write(token.path(), "token-of-the-pod")?;
    Ok(token)
}

#[tokio::test]
async fn providers_authenticate_as_they_did_or_say_what_they_may_not() -> Result<()> {
    let (old, token) = (Old::new("old-providers").await?, token()?);
    let _served = old.start(token.path())?;
    let scene = &old.scene;
    for provider in ["by-role", "by-environment", "by-key-pair", "by-secret"] {
        old.apply::<AWSProvider>(provider).await?;
    }
    old.works_in("by-role", ROLES_ACCOUNT).await?;
    old.works_in("by-environment", ACCOUNT).await?;

    // A Secret of another namespace is not lent to whoever may write a provider.
    for (provider, field) in [
        ("by-key-pair", "spec.secretAccessKeyRef.namespace"),
        ("by-secret", "spec.credentialsSecret.namespace"),
    ] {
        let refused = scene.refused::<AWSProvider>(provider, "NotAllowed").await?;
        let message = ready_message(&refused);
        for part in [field, old.vault.name()] {
            ensure!(message.contains(part), "{part} in {message}");
        }
    }
    let reads = scene.api.proxy().requests();
    let vault = format!("/namespaces/{}/", old.vault.name());
    ensure!(!reads.iter().any(|it| it.call.path.contains(&vault)));

    // Kept beside the provider, it is used as before.
    old.credentials().await?;
    let here = json!({ "namespace": null });
    let patch = json!({ "spec": { "secretAccessKeyRef": here } });
    scene.patch::<AWSProvider>("by-key-pair", patch).await?;
    old.works_in("by-key-pair", ACCOUNT).await?;

    // Plain http to any host was allowed to everybody; now whoever runs the operator allows it.
    let patch = json!({ "spec": { "credentialsSecret": here } });
    scene.patch::<AWSProvider>("by-secret", patch).await?;
    let refused = scene
        .refused::<AWSProvider>("by-secret", "EndpointNotAllowed")
        .await?;
    ensure!(ready_message(&refused).contains("ALLOWED_ENDPOINTS"));
    let patch = json!({ "spec": { "endpoint": scene.aws.url() } });
    scene.patch::<AWSProvider>("by-secret", patch).await?;
    old.works_in("by-secret", TENANTS_ACCOUNT).await?;
    let assumed = scene
        .aws
        .proxy()
        .settled(|call| call.about == "AssumeRole")
        .await;
    let form = String::from_utf8_lossy(&assumed.call.body).into_owned();
    ensure!(form.contains("ExternalId=tenant-1"), "{form}");
    Ok(())
}

#[tokio::test]
async fn a_plain_bucket_is_made_with_the_providers_default_tags() -> Result<()> {
    let (old, token) = (Old::new("old-plain").await?, token()?);
    let _served = old.start(token.path())?;
    old.apply::<AWSProvider>("by-role").await?;
    old.apply::<S3Bucket>("plain").await?;
    let plain = old.scene.ready::<S3Bucket>("plain").await?;
    let status = plain.status.context("a status")?;
    assert_eq!(status.region.as_deref(), Some("us-east-1"));

    let owner = Somebody::at(Moto::shared().await?, ROLES_ACCOUNT, "us-east-1").await?;
    let bucket = plain.spec.bucket_name.as_str();
    let has = owner.has(bucket).await?;
    let tags = pairs([
        ("environment", "production"),
        ("managed-by", "infra-operator"),
    ]);
    assert_eq!(has.tags, tags);
    assert_eq!(has.versioning, None, "nobody spoke of it");

    old.scene.delete::<S3Bucket>("plain").await?;
    old.scene.gone::<S3Bucket>("plain").await?;
    ensure!(!owner.exists(bucket).await?, "Delete was the default");
    Ok(())
}

#[tokio::test]
async fn a_bucket_with_the_older_finalizers_is_made_and_let_go() -> Result<()> {
    let (old, token) = (Old::new("old-finalizers").await?, token()?);
    let _served = old.start(token.path())?;
    let provider: AWSProvider = serde_json::from_value(old.manifest("by-role")?)?;
    let providers: Api<AWSProvider> = old.platform.api()?;
    providers.create(&PostParams::default(), &provider).await?;
    let held = old.apply::<S3Bucket>("with-finalizers").await?;
    assert_eq!(held.finalizers().len(), 2);

    // Anybody could use any provider; now the provider says who.
    let scene = &old.scene;
    let refused = scene
        .refused::<S3Bucket>("with-finalizers", "NotAllowed")
        .await?;
    ensure!(ready_message(&refused).contains("spec.allowedNamespaces"));
    let allow = json!({ "spec": { "allowedNamespaces": [scene.namespace.name()] } });
    let (allow, params) = (kube::api::Patch::Merge(allow), Default::default());
    providers.patch("by-role", &params, &allow).await?;

    let bucket = scene.ready::<S3Bucket>("with-finalizers").await?;
    let name = bucket.spec.bucket_name.as_str();
    let owner = Somebody::at(Moto::shared().await?, ROLES_ACCOUNT, "us-east-1").await?;
    let has = owner.has(name).await?;
    let key =
        format!("arn:aws:kms:us-east-1:{ROLES_ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555");
    assert_eq!(has.encryption, ("aws:kms".to_owned(), Some(key), false));
    assert_eq!(has.public_access_block, [true, false, false, true]);
    ensure!(has.versioning.as_deref() != Some("Enabled"), "{has:?}");

    scene.delete::<S3Bucket>("with-finalizers").await?;
    scene.gone::<S3Bucket>("with-finalizers").await?;
    let has = owner.has(name).await.context("Orphan keeps the bucket")?;
    assert_eq!(has.mark, pairs([]), "and takes the mark off");
    Ok(())
}

#[tokio::test]
async fn everything_that_was_said_of_a_bucket_is_in_force() -> Result<()> {
    let (old, token) = (Old::new("old-everything").await?, token()?);
    let _served = old.start(token.path())?;
    let mut provider = old.manifest("by-key-pair")?;
    let own = old.scene.namespace.name();
    provider["spec"]["secretAccessKeyRef"]["namespace"] = own.into();
    old.credentials().await?;
    old.scene.create::<AWSProvider>(provider).await?;
    old.apply::<S3Bucket>("everything").await?;

    let bucket = old.scene.ready::<S3Bucket>("everything").await?;
    let owner = Somebody::at(Moto::shared().await?, ACCOUNT, "us-west-2").await?;
    let bucket = bucket.spec.bucket_name.as_str();
    let has = owner.has(bucket).await?;
    let tags = pairs([("application", "shop"), ("cost-center", "engineering")]);
    assert_eq!(has.tags, tags);
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    assert_eq!(has.encryption.0, "AES256");
    assert_eq!(has.public_access_block, [true; 4]);

    let s3 = &owner.s3;
    let lifecycle = s3.get_bucket_lifecycle_configuration().bucket(bucket);
    let rules = lifecycle.send().await?.rules.context("rules")?;
    let ids: Vec<_> = rules.iter().filter_map(|rule| rule.id()).collect();
    assert_eq!(ids, ["cool-then-gone", "disabled"]);
    let (cool, disabled) = (&rules[0], &rules[1]);
    let filter = cool.filter.as_ref().and_then(|filter| filter.prefix());
    assert_eq!(filter, Some("logs/"));
    assert_eq!(cool.transitions().len(), 2);
    let expiration = cool.expiration.as_ref().and_then(|it| it.days);
    assert_eq!(expiration, Some(365));
    assert_eq!(disabled.status.as_str(), "Disabled");
    let cors = s3.get_bucket_cors().bucket(bucket).send().await?;
    let rule = cors.cors_rules().first().context("a rule")?;
    assert_eq!(rule.allowed_methods(), ["GET", "PUT", "POST"]);
    assert_eq!(rule.max_age_seconds, Some(3600));

    // What AWS gives by itself is not written.
    let requests = old.scene.aws.proxy().requests();
    let touched = requests.iter().find(|it| it.call.about == "PutBucketAcl");
    ensure!(touched.is_none(), "{touched:?}");

    old.scene.delete::<S3Bucket>("everything").await?;
    old.scene.gone::<S3Bucket>("everything").await?;
    ensure!(owner.exists(bucket).await?, "Retain keeps the bucket");
    Ok(())
}

/// The way that `docs/migration-cloud.md` describes.
#[tokio::test]
async fn what_the_older_operator_made_is_taken_over_only_on_request() -> Result<()> {
    let (old, token) = (Old::new("old-made").await?, token()?);
    let scene = &old.scene;
    let owner = Somebody::at(Moto::shared().await?, ROLES_ACCOUNT, "us-east-1").await?;
    old.apply::<AWSProvider>("by-role").await?;
    let mut names = Vec::new();
    for (name, mode) in [("taken", "Observe"), ("left", "Manage")] {
        let mut made = old.manifest("plain")?;
        let bucket = scene.bucket_name(name);
        owner.s3.create_bucket().bucket(&bucket).send().await?;
        made["metadata"] = json!({ "name": name, "finalizers": [S3Buckets::FINALIZER] });
        made["spec"]["bucketName"] = bucket.as_str().into();
        made["spec"]["mode"] = mode.into();
        scene.create::<S3Bucket>(made).await?;
        names.push(bucket);
    }
    let (taken, left) = (names[0].as_str(), names[1].as_str());
    let _served = old.start(token.path())?;

    let planned = scene.refused::<S3Bucket>("taken", "Planned").await?;
    let plan = planned.status.and_then(|it| it.upkeep.plan);
    let plan = plan.context("a plan")?;
    assert_eq!(plan.action, PlannedAction::Adopt);
    let fields: Vec<_> = plan.changes.fields.iter().map(|it| &*it.field).collect();
    ensure!(fields.contains(&"tags.environment"), "{fields:?}");

    scene.refused::<S3Bucket>("left", "NotManaged").await?;
    scene.delete::<S3Bucket>("left").await?;
    scene.gone::<S3Bucket>("left").await?;
    scene.event::<S3Bucket>("left", "LeftAlone").await?;
    for bucket in [taken, left] {
        let has = owner.has(bucket).await?;
        assert_eq!((has.mark, has.tags), (pairs([]), pairs([])), "{bucket}");
    }

    let adopt = json!({ "aws-infra-operator.runner.codes/adopt": "true" });
    let manage = json!({ "metadata": { "annotations": adopt }, "spec": { "mode": "Manage" } });
    scene.patch::<S3Bucket>("taken", manage).await?;
    scene.ready::<S3Bucket>("taken").await?;
    scene.event::<S3Bucket>("taken", "Adopted").await?;
    let has = owner.has(taken).await?;
    assert_eq!(
        has.tags.get("environment").map(String::as_str),
        Some("production")
    );
    ensure!(has.mark.contains_key("uid"), "{has:?}");
    Ok(())
}
