//! Buckets that are none of the operator's business, though objects name them.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use crd_types::aws::v1alpha1::GROUP;
use harness::Moto;

use crate::scene::outside::{Has, Somebody};

/// The stranger whose bucket has the ownership mark of another installation.
pub const MARKED: &str = "marked";
/// The stranger whose bucket has no mark at all.
pub const PLAIN: &str = "plain";

/// The parts of an ownership mark.
pub const MARK: [&str; 5] = ["installation", "kind", "namespace", "name", "uid"];

/// What each stranger keeps in its bucket.
const LETTER: &str = "letter";

/// The strangers' buckets, the same for all stories of a process.
pub struct Strangers {
    pub somebody: Somebody,
    /// By the stranger: the bucket's name and what it had from the beginning.
    buckets: BTreeMap<&'static str, (String, Has)>,
}

impl Strangers {
    /// Makes the buckets, each with an object in it.
    pub async fn make() -> Result<Self> {
        let somebody = Somebody::new(Moto::shared().await?).await?;
        let owner = format!("strangers-{:016x}", fastrand::u64(..));
        let mark = MARK.map(|part| (format!("{GROUP}/{part}"), "somebody-else".to_owned()));
        let mut buckets = BTreeMap::new();
        for (stranger, tags) in [(MARKED, mark.into()), (PLAIN, BTreeMap::new())] {
            let bucket = format!("{owner}-{stranger}");
            somebody.create(&bucket).await?;
            if !tags.is_empty() {
                somebody.set_tags(&bucket, &tags).await?;
            }
            let versioning = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            let put = somebody.s3.put_bucket_versioning().bucket(&bucket);
            put.versioning_configuration(versioning).send().await?;
            somebody.put(&bucket, LETTER).await?;
            let has = somebody.has(&bucket).await?;
            buckets.insert(stranger, (bucket, has));
        }
        Ok(Self { somebody, buckets })
    }

    /// The name of a stranger's bucket.
    pub fn bucket_of(&self, stranger: &str) -> &str {
        &self.buckets[stranger].0
    }

    /// Whether the buckets are what they always were.
    pub async fn untouched(&self) -> Result<()> {
        for (bucket, had) in self.buckets.values() {
            let has = self.somebody.has(bucket).await?;
            ensure!(has == *had, "{bucket} had {had:?} and has {has:?}");
            let versions = self.somebody.s3.list_object_versions().bucket(bucket);
            let versions = versions.send().await?;
            let keys: Vec<_> = versions.versions().iter().map(|it| it.key()).collect();
            let markers = versions.delete_markers().len();
            ensure!(
                keys == [Some(LETTER)] && markers == 0,
                "{bucket} holds {versions:?}"
            );
        }
        Ok(())
    }
}
