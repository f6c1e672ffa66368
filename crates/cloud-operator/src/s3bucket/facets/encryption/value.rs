//! Default encryption, as the spec asks for it and as the SDK has it.

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionRule,
};
use crd_types::aws::v1alpha1::{self, EncryptionAlgorithm};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::s3bucket::facets) struct Encryption {
    /// As AWS writes it; none where a store that is not AWS does not encrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    bucket_key_enabled: bool,
}

impl Encryption {
    pub(super) fn of_spec(spec: &v1alpha1::Encryption) -> Self {
        let algorithm = match spec.algorithm {
            EncryptionAlgorithm::Aes256 => ServerSideEncryption::Aes256,
            EncryptionAlgorithm::Kms => ServerSideEncryption::AwsKms,
            EncryptionAlgorithm::KmsTwice => ServerSideEncryption::AwsKmsDsse,
        };
        Self {
            algorithm: Some(algorithm.as_str().to_owned()),
            kms_key_id: spec.kms_key_id.as_ref().map(|key| key.as_str().to_owned()),
            bucket_key_enabled: spec.bucket_key_enabled,
        }
    }

    /// What AWS does of itself, where it encrypts at all.
    pub(super) fn at_rest(&self) -> Self {
        let algorithm = self
            .algorithm
            .as_ref()
            .map(|_| ServerSideEncryption::Aes256.as_str().to_owned());
        Self {
            algorithm,
            ..Self::default()
        }
    }

    pub(super) fn of_sdk(rule: ServerSideEncryptionRule) -> Self {
        let default = rule.apply_server_side_encryption_by_default;
        Self {
            algorithm: default
                .as_ref()
                .map(|default| default.sse_algorithm.as_str().to_owned()),
            kms_key_id: default.and_then(|default| default.kms_master_key_id),
            bucket_key_enabled: rule.bucket_key_enabled.unwrap_or_default(),
        }
    }

    pub(super) fn to_sdk(&self) -> ServerSideEncryptionRule {
        let algorithm = self.algorithm.as_deref().unwrap_or_default();
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(algorithm))
            .set_kms_master_key_id(self.kms_key_id.clone())
            .build()
            .expect("the algorithm is given");
        ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(self.bucket_key_enabled)
            .build()
    }
}
