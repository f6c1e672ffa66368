//! Buckets as somebody else sees them, past the operators and their proxies.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::{
    Client,
    config::{Credentials, Region},
    error::{ProvideErrorMetadata, SdkError},
    operation::head_bucket::HeadBucketError,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Tag, Tagging,
        VersioningConfiguration,
    },
};
use crd_types::aws::v1alpha1::GROUP;
use harness::{AwsProxy, Moto};

const REGION: &str = "eu-central-1";

/// What a bucket is and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub tags: BTreeMap<String, String>,
    pub versioning: Option<String>,
    /// The algorithm.
    pub encryption: Option<String>,
    /// `blockPublicAcls`, `ignorePublicAcls`, `blockPublicPolicy`, `restrictPublicBuckets`.
    pub public_access: Option<[bool; 4]>,
    pub ownership: Option<String>,
    /// Each object's key and content.
    pub objects: BTreeMap<String, Vec<u8>>,
}

/// The account in which all stories play, and the buckets in it that are none of the operator's business.
#[derive(Clone, Debug)]
pub struct Outside {
    client: Client,
    strangers: BTreeMap<&'static str, (String, Found)>,
    /// It supplies what moto does not; ends with this value.
    _aws: AwsProxy,
}

/// The stranger whose bucket has an ownership mark of another installation.
pub const MARKED: &str = "marked";
/// The stranger whose bucket has no mark at all.
pub const PLAIN: &str = "plain";

impl Outside {
    pub async fn new() -> Result<Self> {
        let aws = AwsProxy::start(Moto::shared().await?.url()).await?;
        let credentials = Credentials::new("AKIASOMEBODYELSE0001", "s", None, None, "tests");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .credentials_provider(credentials)
            .region(Region::new(REGION))
            .endpoint_url(aws.url())
            .force_path_style(true)
            .build();
        let mut outside = Self {
            client: Client::from_conf(config),
            strangers: BTreeMap::new(),
            _aws: aws,
        };
        let owner = format!("strangers-{:016x}", fastrand::u64(..));
        for (stranger, marked) in [(MARKED, true), (PLAIN, false)] {
            let bucket = format!("{owner}-{stranger}");
            outside.make(&bucket, marked).await?;
            let found = outside.found(&bucket).await?;
            outside.strangers.insert(stranger, (bucket, found));
        }
        Ok(outside)
    }

    /// The name of a stranger's bucket.
    pub fn of(&self, stranger: &str) -> &str {
        &self.strangers[stranger].0
    }

    /// Whether the strangers' buckets are what they always were.
    pub async fn untouched(&self) -> Result<()> {
        for (bucket, before) in self.strangers.values() {
            let after = self.found(bucket).await?;
            ensure!(after == *before, "{bucket} was {before:?} and is {after:?}");
        }
        Ok(())
    }

    /// The names of all buckets that begin with `prefix`.
    pub async fn names(&self, prefix: &str) -> Result<BTreeSet<String>> {
        let listed = self.client.list_buckets().prefix(prefix).send().await?;
        let names = listed.buckets().iter().filter_map(|bucket| bucket.name());
        Ok(names.map(str::to_owned).collect())
    }

    pub async fn exists(&self, bucket: &str) -> Result<bool> {
        match self.client.head_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), HeadBucketError::NotFound(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).with_context(|| format!("bucket {bucket}")),
        }
    }

    /// Makes a bucket with one object in it.
    async fn make(&self, bucket: &str, marked: bool) -> Result<()> {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(REGION))
            .build();
        let create = self.client.create_bucket().bucket(bucket);
        create.create_bucket_configuration(place).send().await?;
        let versioning = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let put = self.client.put_bucket_versioning().bucket(bucket);
        put.versioning_configuration(versioning).send().await?;
        if marked {
            let tags = MARK.iter().map(|part| {
                let tag = Tag::builder().key(mark_tag(part)).value("somebody-else");
                tag.build().expect("both are given")
            });
            let tagging = Tagging::builder().set_tag_set(Some(tags.collect()));
            let put = self.client.put_bucket_tagging().bucket(bucket);
            put.tagging(tagging.build()?).send().await?;
        }
        let content = aws_sdk_s3::primitives::ByteStream::from_static(b"not yours");
        let put = self.client.put_object().bucket(bucket).key("letter");
        put.body(content).send().await?;
        Ok(())
    }

    /// All that there is to know of a bucket.
    pub async fn found(&self, bucket: &str) -> Result<Found> {
        let found = self.look(bucket).await;
        found.with_context(|| format!("bucket {bucket}"))
    }

    async fn look(&self, bucket: &str) -> Result<Found> {
        let tagging = self.client.get_bucket_tagging().bucket(bucket).send().await;
        let tags = unless(tagging, "NoSuchTagSet")?.map(|tagging| {
            let tags = tagging.tag_set().iter();
            tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
                .collect()
        });
        let versioning = self
            .client
            .get_bucket_versioning()
            .bucket(bucket)
            .send()
            .await?;
        let encryption = self
            .client
            .get_bucket_encryption()
            .bucket(bucket)
            .send()
            .await;
        let none = "ServerSideEncryptionConfigurationNotFoundError";
        let encryption = unless(encryption, none)?.and_then(|found| {
            let configuration = found.server_side_encryption_configuration?;
            let rule = configuration.rules.into_iter().next()?;
            let default = rule.apply_server_side_encryption_by_default?;
            Some(default.sse_algorithm.to_string())
        });
        let blocked = self
            .client
            .get_public_access_block()
            .bucket(bucket)
            .send()
            .await;
        let blocked = unless(blocked, "NoSuchPublicAccessBlockConfiguration")?.and_then(|found| {
            let found = found.public_access_block_configuration?;
            let fields = [
                found.block_public_acls,
                found.ignore_public_acls,
                found.block_public_policy,
                found.restrict_public_buckets,
            ];
            Some(fields.map(Option::unwrap_or_default))
        });
        let ownership = self.client.get_bucket_ownership_controls().bucket(bucket);
        let ownership = ownership.send().await;
        let ownership = unless(ownership, "OwnershipControlsNotFoundError")?.and_then(|found| {
            let rule = found.ownership_controls?.rules.into_iter().next()?;
            Some(rule.object_ownership.to_string())
        });
        let mut objects = BTreeMap::new();
        for object in self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .send()
            .await?
            .contents()
        {
            let key = object.key().unwrap_or_default();
            let get = self
                .client
                .get_object()
                .bucket(bucket)
                .key(key)
                .send()
                .await?;
            let content = get.body.collect().await?.to_vec();
            objects.insert(key.to_owned(), content);
        }
        Ok(Found {
            tags: tags.unwrap_or_default(),
            versioning: versioning.status.map(|status| status.to_string()),
            encryption,
            public_access: blocked,
            ownership,
            objects,
        })
    }
}

/// The parts of an ownership mark.
pub const MARK: [&str; 5] = ["installation", "kind", "namespace", "name", "uid"];

/// The tag that holds a part of a mark.
pub fn mark_tag(part: &str) -> String {
    format!("{GROUP}/{part}")
}

/// What was answered; nothing if the answer was that there is none.
fn unless<T, E>(answer: Result<T, SdkError<E>>, none: &str) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == Some(none) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
