//! Default encryption. Removed from the spec it goes back to AWS's own, which is AES256.

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use crd_types::aws::v1alpha1::EncryptionAlgorithm;
use serde::{Deserialize, Serialize};

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketEncryption;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Encryption {
    /// As AWS writes it; none where a store that is not AWS does not encrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    bucket_key_enabled: bool,
}

impl Facet for BucketEncryption {
    const NAME: &'static str = "encryption";
    type Value = Encryption;

    fn wanted(wish: &Wish<'_>) -> Option<Encryption> {
        let spec = wish.spec.encryption.as_ref()?;
        let algorithm = match spec.algorithm {
            EncryptionAlgorithm::Aes256 => ServerSideEncryption::Aes256,
            EncryptionAlgorithm::Kms => ServerSideEncryption::AwsKms,
            EncryptionAlgorithm::KmsTwice => ServerSideEncryption::AwsKmsDsse,
        };
        Some(Encryption {
            algorithm: Some(algorithm.as_str().to_owned()),
            kms_key_id: spec.kms_key_id.as_ref().map(|key| key.as_str().to_owned()),
            bucket_key_enabled: spec.bucket_key_enabled,
        })
    }

    fn at_rest(found: &Encryption) -> Encryption {
        let algorithm = found
            .algorithm
            .as_ref()
            .map(|_| ServerSideEncryption::Aes256.as_str().to_owned());
        Encryption {
            algorithm,
            kms_key_id: None,
            bucket_key_enabled: false,
        }
    }

    async fn read(reads: &Reads<'_>) -> Result<Encryption, Failed> {
        let none = Encryption {
            algorithm: None,
            kms_key_id: None,
            bucket_key_enabled: false,
        };
        let found = match reads.get_bucket_encryption().await {
            Ok(found) => found.server_side_encryption_configuration,
            Err(failed) if failed.is(&["ServerSideEncryptionConfigurationNotFoundError"]) => None,
            Err(failed) => return Err(failed),
        };
        let Some(rule) = found.and_then(|found| found.rules.into_iter().next()) else {
            return Ok(none);
        };
        let default = rule.apply_server_side_encryption_by_default;
        Ok(Encryption {
            algorithm: default
                .as_ref()
                .map(|default| default.sse_algorithm.as_str().to_owned()),
            kms_key_id: default.and_then(|default| default.kms_master_key_id),
            bucket_key_enabled: rule.bucket_key_enabled.unwrap_or_default(),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Encryption) -> Result<(), Failed> {
        let algorithm = value.algorithm.as_deref().unwrap_or_default();
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(algorithm))
            .set_kms_master_key_id(value.kms_key_id.clone())
            .build()
            .expect("the algorithm is given");
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(value.bucket_key_enabled)
            .build();
        let wanted = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build();
        let wanted = wanted.expect("a rule is given");
        writes
            .put_bucket_encryption(|call| call.server_side_encryption_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_encryption(|call| call).await
    }
}
