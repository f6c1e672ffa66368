//! Default encryption. Removed from the spec it goes back to AWS's own, which is AES256.

mod value;

use aws_sdk_s3::types::ServerSideEncryptionConfiguration;

use self::value::Encryption;
use super::{Facet, Wish, unless};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketEncryption;

impl Facet for BucketEncryption {
    const NAME: &'static str = "encryption";
    type Value = Encryption;

    fn wanted(wish: &Wish<'_>) -> Option<Encryption> {
        wish.spec.encryption.as_ref().map(Encryption::of_spec)
    }

    fn at_rest(found: &Encryption) -> Encryption {
        found.at_rest()
    }

    async fn read(reads: &Reads<'_>) -> Result<Encryption, Failed> {
        let found = unless(
            reads.get_bucket_encryption().await,
            "ServerSideEncryptionConfigurationNotFoundError",
        )?;
        let found = found.and_then(|found| found.server_side_encryption_configuration);
        let rule = found.and_then(|found| found.rules.into_iter().next());
        Ok(rule.map(Encryption::of_sdk).unwrap_or_default())
    }

    async fn write(writes: &Writes<'_>, value: &Encryption) -> Result<(), Failed> {
        let wanted = ServerSideEncryptionConfiguration::builder().rules(value.to_sdk());
        let wanted = wanted.build().expect("a rule is given");
        writes
            .put_bucket_encryption(|call| call.server_side_encryption_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_encryption(|call| call).await
    }
}
