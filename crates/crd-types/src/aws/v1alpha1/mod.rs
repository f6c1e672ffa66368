//! Version `v1alpha1`: [`AWSProvider`] and [`S3Bucket`].

mod account_id;
mod allowed_namespace;
mod arn;
mod assume_role;
mod awsprovider;
mod awsprovider_status;
mod bucket_access;
mod bucket_cors;
mod bucket_encryption;
mod bucket_lifecycle;
mod bucket_name;
mod credentials;
mod endpoint;
mod kms_key_id;
mod partition;
mod references;
mod region;
mod s3bucket;
mod s3bucket_status;
mod tags;
mod web_identity;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use self::{
    account_id::AccountId,
    allowed_namespace::AllowedNamespace,
    arn::{Arn, RoleArn},
    assume_role::{AssumeRole, PolicyArn, SessionName, SessionPolicy, TagKey},
    awsprovider::{AWSProvider, AWSProviderSpec},
    awsprovider_status::AWSProviderStatus,
    bucket_access::{CannedAcl, ObjectOwnership, OwnershipControls, PublicAccessBlock},
    bucket_cors::{CorsMethod, CorsRule},
    bucket_encryption::{Encryption, EncryptionAlgorithm},
    bucket_lifecycle::{LifecycleExpiration, LifecycleRule, LifecycleTransition, StorageClass},
    bucket_name::BucketName,
    credentials::{Credentials, ExternalId},
    endpoint::Endpoint,
    kms_key_id::KmsKeyId,
    partition::Partition,
    references::{ProviderRef, SecretKeyRef, SecretRef},
    region::Region,
    s3bucket::{S3Bucket, S3BucketSpec, Versioning},
    s3bucket_status::{BucketRecord, FacetState, FacetStatus, S3BucketStatus},
    tags::{TAG_LIMIT, Tags},
    web_identity::{TokenFile, WebIdentity},
};

/// API group of every kind here.
pub const GROUP: &str = "aws-infra-operator.runner.codes";
/// API version of every kind here.
pub const VERSION: &str = "v1alpha1";

/// The definitions of every kind here, as they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![AWSProvider::crd(), S3Bucket::crd()]
}
