use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::kms_key_id::KmsKeyId;
use crate::{
    rules::{InvalidField, Rule, Ruled, with_rules},
    stored::Stored,
};

/// How S3 encrypts objects that are written without a wish of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Encryption {
    /// AES256 for keys that S3 keeps (SSE-S3), aws:kms for a key of KMS (SSE-KMS), aws:kms:dsse for a key of
    /// KMS and two layers (DSSE-KMS); aws_kms is an older spelling of aws:kms.
    pub algorithm: EncryptionAlgorithm,

    /// The KMS key: its ID, its ARN, alias/name or the ARN of an alias. Not with AES256. Left out: the key
    /// aws/s3 that AWS keeps for the account.
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<Stored<KmsKeyId>>,

    /// Whether S3 asks KMS for one key for the bucket and not for each object, which costs less. Only with
    /// aws:kms.
    #[serde(default)]
    pub bucket_key_enabled: bool,
}

impl Ruled for Encryption {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".kmsKeyID",
            "self.algorithm != 'AES256' || !has(self.kmsKeyID)",
            "kmsKeyID has a use only with algorithm aws:kms or aws:kms:dsse",
            |encryption| {
                encryption.algorithm != EncryptionAlgorithm::Aes256
                    || encryption.kms_key_id.is_none()
            },
        ),
        Rule::of_field(
            ".bucketKeyEnabled",
            "self.algorithm in ['aws:kms', 'aws_kms'] || !self.bucketKeyEnabled",
            "bucketKeyEnabled has a use only with algorithm aws:kms",
            |encryption| {
                encryption.algorithm == EncryptionAlgorithm::Kms || !encryption.bucket_key_enabled
            },
        ),
    ];
}

impl Encryption {
    /// Checks what admission checks, for a value at `path`.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self, path: &str) -> Result<(), InvalidField> {
        self.check_rules(path)?;
        self.kms_key_id
            .as_ref()
            .map_or(Ok(()), |key| key.check(&format!("{path}.kmsKeyID")))
    }
}

/// An algorithm of server-side encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncryptionAlgorithm {
    /// SSE-S3.
    #[serde(rename = "AES256")]
    Aes256,
    /// SSE-KMS.
    #[serde(rename = "aws:kms", alias = "aws_kms")]
    Kms,
    /// DSSE-KMS.
    #[serde(rename = "aws:kms:dsse")]
    KmsTwice,
}

// By hand: the derived schema knows nothing of a serde alias.
impl JsonSchema for EncryptionAlgorithm {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "EncryptionAlgorithm".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["AES256", "aws:kms", "aws_kms", "aws:kms:dsse"] })
    }
}
