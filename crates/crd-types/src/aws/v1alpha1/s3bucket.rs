use bon::bon;
use kube::{CustomResource, core::ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bucket_access::{CannedAcl, OwnershipControls, PublicAccessBlock},
    bucket_cors::CorsRule,
    bucket_encryption::Encryption,
    bucket_lifecycle::LifecycleRule,
    bucket_name::BucketName,
    references::ProviderRef,
    s3bucket_status::S3BucketStatus,
    tags::Tags,
};
use crate::{
    lifecycle::{DeletionPolicy, Managed},
    rules::{Check, InvalidField, Rule, Ruled, Transition, with_rules},
    schema::conform,
    stored::Stored,
};

/// What a bucket shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, JsonSchema)]
#[kube(
    group = "aws-infra-operator.runner.codes",
    version = "v1alpha1",
    kind = "S3Bucket",
    plural = "s3buckets",
    shortname = "s3",
    category = "aws",
    namespaced,
    status = "S3BucketStatus",
    derive = "PartialEq",
    selectable = ".spec.providerRef.name",
    doc = "An S3Bucket is a bucket of Amazon S3 in the account and region of its provider. A bucket that exists already is taken over only on request; drift is corrected.",
    printcolumn = r#"{"name":"Bucket","type":"string","jsonPath":".spec.bucketName"}"#,
    printcolumn = r#"{"name":"Ready","type":"boolean","jsonPath":".status.ready"}"#,
    printcolumn = r#"{"name":"Region","type":"string","jsonPath":".status.region"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform, transform = with_rules::<Self>)]
pub struct S3BucketSpec {
    /// The AWSProvider whose account and region the bucket is in. May be changed to another provider of the
    /// same account and region.
    pub provider_ref: ProviderRef,

    /// Name of the bucket in AWS, unique among all accounts of a partition. Immutable.
    pub bucket_name: Stored<BucketName>,

    /// Whether S3 keeps earlier versions of objects. Left out: as AWS or others set it. Removed after having
    /// been set: versioning is suspended, for AWS knows no way back to a bucket that never had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<Versioning>,

    /// Default encryption of new objects. Left out: as AWS or others set it; AWS's default is AES256. Removed
    /// after having been set: back to AWS's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,

    /// Guards against public access. Left out: as AWS or others set it; AWS's default is all four true.
    /// Removed after having been set: back to AWS's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_access_block: Option<PublicAccessBlock>,

    /// Who owns the objects of the bucket. Left out: as AWS or others set it; AWS's default is
    /// BucketOwnerEnforced. Removed after having been set: back to AWS's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership_controls: Option<OwnershipControls>,

    /// Tags of the bucket, besides the provider's defaultTags, of which one with the same key gives way. At
    /// most 45, counted together with the provider's. The bucket has these tags and the operator's ownership
    /// mark, and no others; AWS's own (aws:…) stay.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,

    /// What happens to the bucket when this object is deleted. Delete: it is deleted too, if it is empty;
    /// until then the object waits and says so. Retain: it stays, marked as this object's, which takes it
    /// back when created again. Orphan: it stays and the mark is taken off. Left out: Delete. The annotation
    /// aws-infra-operator.runner.codes/deletion-policy of this object, if it has one, comes before this
    /// field. The policy in force is in status.deletionPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// Canned ACL: private, public-read, public-read-write or authenticated-read. Only private is in force in
    /// this version, as what AWS gives every new bucket; with any other value the bucket is Ready=False.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<CannedAcl>,

    /// What happens to objects as they age. Not in force in this version: a bucket with such rules is
    /// Ready=False.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub lifecycle_rules: Vec<LifecycleRule>,

    /// What browsers may do from pages of other origins. Not in force in this version: a bucket with such
    /// rules is Ready=False.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub cors_rules: Vec<CorsRule>,
}

/// Whether S3 keeps earlier versions of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Versioning {
    /// True: every version is kept. False: versioning is suspended; versions that exist stay.
    pub enabled: bool,
}

impl Ruled for S3BucketSpec {
    const RULES: &'static [Rule<Self>] = &[];
    const TRANSITIONS: &'static [Transition] = &[Transition {
        cel: "self.bucketName == oldSelf.bucketName",
        message: "bucketName is immutable: AWS cannot rename a bucket; create another S3Bucket",
        field: ".bucketName",
    }];
}

impl S3BucketSpec {
    /// Checks the rules that admission checks; the sizes of lists and maps are admission's alone.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self) -> Result<(), InvalidField> {
        self.check_rules("spec")?;
        self.provider_ref.check("spec.providerRef")?;
        self.bucket_name.check("spec.bucketName")?;
        if let Some(encryption) = &self.encryption {
            encryption.check("spec.encryption")?;
        }
        Check::check(&self.lifecycle_rules, "spec.lifecycleRules")?;
        Check::check(&self.cors_rules, "spec.corsRules")?;
        self.tags.check_rules("spec.tags")
    }

    /// Fields that are set and that this version of the operator does not bring into force.
    pub fn not_in_force(&self) -> Vec<&'static str> {
        [
            (
                "spec.acl",
                self.acl.is_some_and(|acl| acl != CannedAcl::Private),
            ),
            ("spec.lifecycleRules", !self.lifecycle_rules.is_empty()),
            ("spec.corsRules", !self.cors_rules.is_empty()),
        ]
        .into_iter()
        .filter_map(|(field, is_set)| is_set.then_some(field))
        .collect()
    }
}

impl Managed for S3Bucket {
    type Status = S3BucketStatus;

    fn status(&self) -> Option<&S3BucketStatus> {
        self.status.as_ref()
    }

    fn deletion_policy(&self) -> Option<DeletionPolicy> {
        self.spec.deletion_policy
    }
}

#[bon]
impl S3Bucket {
    /// Builds a bucket; what its spec requires is required here.
    ///
    /// ```
    /// # use crd_types::aws::v1alpha1::{ProviderRef, S3Bucket, Versioning};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bucket = S3Bucket::builder("notes", "default")
    ///     .provider_ref(ProviderRef::named("aws".parse()?))
    ///     .bucket_name("example-notes".parse()?)
    ///     .versioning(Versioning { enabled: true })
    ///     .build();
    /// # bucket.spec.check()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without a required part there is nothing to build:
    ///
    /// ```compile_fail
    /// # use crd_types::aws::v1alpha1::{ProviderRef, S3Bucket};
    /// let bucket = S3Bucket::builder("notes", "default")
    ///     .provider_ref(ProviderRef::named("aws".parse().unwrap()))
    ///     .build();
    /// ```
    #[builder(start_fn = builder, finish_fn = build)]
    pub fn assemble(
        #[builder(start_fn, into)] name: String,
        #[builder(start_fn, into)] namespace: String,
        provider_ref: ProviderRef,
        bucket_name: BucketName,
        versioning: Option<Versioning>,
        encryption: Option<Encryption>,
        public_access_block: Option<PublicAccessBlock>,
        ownership_controls: Option<OwnershipControls>,
        #[builder(default)] tags: Tags,
        deletion_policy: Option<DeletionPolicy>,
    ) -> Self {
        Self {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            spec: S3BucketSpec {
                provider_ref,
                bucket_name: bucket_name.into(),
                versioning,
                encryption,
                public_access_block,
                ownership_controls,
                tags,
                deletion_policy,
                acl: None,
                lifecycle_rules: Vec::new(),
                cors_rules: Vec::new(),
            },
            status: None,
        }
    }
}
