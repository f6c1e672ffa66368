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
mod bucket_logging;
mod bucket_name;
mod bucket_notification;
mod bucket_object_lock;
mod bucket_policy;
mod bucket_replication;
mod bucket_reports;
mod bucket_website;
mod credentials;
mod endpoint;
mod kms_key_id;
mod object_tags;
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
    bucket_access::{
        CannedAcl, ObjectOwnership, OwnershipControls, Payer, PublicAccessBlock, RequestPayment,
    },
    bucket_cors::{CorsMethod, CorsRule},
    bucket_encryption::{Encryption, EncryptionAlgorithm},
    bucket_lifecycle::{
        AbortIncompleteMultipartUpload, Day, LifecycleExpiration, LifecycleRule,
        LifecycleTransition, NoncurrentVersionExpiration, NoncurrentVersionTransition,
        StorageClass,
    },
    bucket_logging::Logging,
    bucket_name::BucketName,
    bucket_notification::{Notification, NotificationTarget},
    bucket_object_lock::{DefaultRetention, ObjectLock, RetentionMode},
    bucket_policy::PolicyDocument,
    bucket_replication::{
        ReplicaStorageClass, Replication, ReplicationDestination, ReplicationRule,
    },
    bucket_reports::{
        AccessTier, Analytics, AnalyticsExport, BucketMetrics, ConfigurationId,
        IncludedObjectVersions, IntelligentTiering, Inventory, InventoryDestination,
        InventoryFormat, InventoryFrequency, Tiering,
    },
    bucket_website::{
        RedirectAll, RoutingCondition, RoutingRedirect, RoutingRule, Website, WebsiteProtocol,
    },
    credentials::{Credentials, ExternalId},
    endpoint::Endpoint,
    kms_key_id::KmsKeyId,
    object_tags::ObjectTags,
    partition::Partition,
    references::{ProviderRef, SecretKeyRef, SecretRef},
    region::Region,
    s3bucket::{S3_BUCKET_FACETS, S3Bucket, S3BucketSpec, Switch, Versioning},
    s3bucket_status::{BucketRecord, Emptying, FacetState, FacetStatus, S3BucketStatus},
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
