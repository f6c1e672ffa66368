use bon::bon;
use kube::{CustomResource, core::ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bucket_access::{CannedAcl, OwnershipControls, PublicAccessBlock, RequestPayment},
    bucket_cors::CorsRule,
    bucket_encryption::Encryption,
    bucket_lifecycle::LifecycleRule,
    bucket_logging::Logging,
    bucket_name::BucketName,
    bucket_notification::Notification,
    bucket_object_lock::ObjectLock,
    bucket_policy::PolicyDocument,
    bucket_replication::Replication,
    bucket_reports::{Analytics, BucketMetrics, IntelligentTiering, Inventory},
    bucket_website::Website,
    references::ProviderRef,
    s3bucket_status::S3BucketStatus,
    tags::Tags,
};
use crate::{
    lifecycle::{DeletionPolicy, DriftControl, FieldPath, Managed, Mode, Upheld},
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
    doc = "An S3Bucket is a bucket of Amazon S3 in the account and region of its provider. A bucket that exists already is taken over only on request; drift is corrected, or told where spec.drift says so.",
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

    /// What happens to the bucket when this object is deleted. Delete: it is deleted too, if it is empty or
    /// emptyOnDelete is true; otherwise the object waits and says so. Retain: it stays, marked as this object's, which takes it
    /// back when created again. Orphan: it stays and the mark is taken off. The annotation
    /// aws-infra-operator.runner.codes/deletion-policy of this object, if it has one, comes before this
    /// field. Where neither is there, that annotation of the namespace counts, then the operator's setting
    /// DELETION_POLICY, then Delete. The policy in force is in status.deletionPolicy, and in
    /// status.deletionPolicySource where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// Manage: the bucket is made as this object says. Observe: nothing is ever done in AWS, neither now nor when this
    /// object is deleted; status.plan shows what Manage would do, and Ready is True if that is nothing. Left out:
    /// Manage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,

    /// What to do about differences that nobody asked for by editing this object. Left out: they are set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftControl>,

    /// Whether a bucket that is deleted with this object is emptied first: of all objects, earlier versions,
    /// delete markers and unfinished uploads, for good. What is locked, or needs a second factor, stays and is
    /// told. Emptying goes on step by step; status.emptying shows how far it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_on_delete: bool,

    /// Canned ACL: private, public-read, public-read-write or authenticated-read. Any other than private needs
    /// ownershipControls with BucketOwnerPreferred or ObjectWriter, and a publicAccessBlock that lets it be. Left
    /// out: as AWS or others set it. Removed after having been set: private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<CannedAcl>,

    /// Bucket policy, as JSON. It is compared by what it means: order and spelling of actions, principals,
    /// resources and conditions do not matter. Left out: as AWS or others set it. Removed after having been set: no
    /// policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Stored<PolicyDocument>>,

    /// What happens to objects as they age. These are all rules of the bucket: others are taken away. Left out: as
    /// AWS or others set it. Removed after having been set: no rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub lifecycle_rules: Vec<LifecycleRule>,

    /// What browsers may do from pages of other origins; the first rule that matches counts. These are all rules of
    /// the bucket. Left out: as AWS or others set it. Removed after having been set: no rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub cors_rules: Vec<CorsRule>,

    /// Where S3 writes down who used the bucket. Left out: as AWS or others set it. Removed after having been set:
    /// nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,

    /// How the bucket answers as a website. Left out: as AWS or others set it. Removed after having been set: not
    /// at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<Website>,

    /// Who is told of what happens in the bucket; nobody else is. Left out: as AWS or others set it. Removed after
    /// having been set: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notification>,

    /// Who pays for requests and downloads. Left out: as AWS or others set it. Removed after having been set:
    /// BucketOwner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_payment: Option<RequestPayment>,

    /// Whether the bucket can be reached over the edge locations of CloudFront (Transfer Acceleration). Not for a
    /// bucketName with dots. Left out: as AWS or others set it. Removed after having been set: suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerate: Option<Switch>,

    /// Object lock is on, so that versions can be kept from being deleted; needs versioning. AWS never turns it off
    /// again, so it cannot be removed. Left out: as AWS or others set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<ObjectLock>,

    /// Where objects are copied to as they are written; needs versioning. Left out: as AWS or others set it.
    /// Removed after having been set: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,

    /// When objects of the class Intelligent-Tiering that nobody asks for are archived. These are all of the
    /// bucket: others are taken away. Left out: as AWS or others set it. Removed after having been set: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub intelligent_tiering: Vec<IntelligentTiering>,

    /// Requests that CloudWatch counts by themselves. These are all of the bucket: others are taken away. Left out:
    /// as AWS or others set it. Removed after having been set: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub metrics: Vec<BucketMetrics>,

    /// Lists of the objects that AWS writes again and again. These are all of the bucket: others are taken away.
    /// Left out: as AWS or others set it. Removed after having been set: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub inventory: Vec<Inventory>,

    /// How AWS watches which objects are used. These are all of the bucket: others are taken away. Left out: as AWS
    /// or others set it. Removed after having been set: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub analytics: Vec<Analytics>,

    /// Whether the tags of the bucket decide who may use it (attribute-based access control). While it is on, AWS
    /// does not let tags be replaced as the operator does: tags that differ stay so and are told, and a bucket
    /// cannot be adopted, nor its mark be taken off. Left out: as AWS or others set it. Removed after having been
    /// set: off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abac: Option<Switch>,
}

/// Whether S3 keeps earlier versions of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Versioning {
    /// True: every version is kept. False: versioning is suspended; versions that exist stay.
    pub enabled: bool,
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switch {
    /// Whether it is on.
    pub enabled: bool,
}

/// The fields of [`S3BucketSpec`] that are parts of the bucket itself, each read and written by itself.
pub const S3_BUCKET_FACETS: [&str; 21] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "corsRules",
    "encryption",
    "intelligentTiering",
    "inventory",
    "lifecycleRules",
    "logging",
    "metrics",
    "notification",
    "objectLock",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "tags",
    "versioning",
    "website",
];

impl Ruled for S3BucketSpec {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".versioning",
            "!has(self.objectLock) || (has(self.versioning) && self.versioning.enabled)",
            "objectLock needs versioning.enabled: true",
            |spec| spec.object_lock.is_none() || spec.keeps_versions(),
        ),
        Rule::of_field(
            ".versioning",
            "!has(self.replication) || (has(self.versioning) && self.versioning.enabled)",
            "replication needs versioning.enabled: true",
            |spec| spec.replication.is_none() || spec.keeps_versions(),
        ),
        Rule::of_field(
            ".accelerate",
            "!has(self.accelerate) || !self.accelerate.enabled || !self.bucketName.contains('.')",
            "accelerate is not for a bucketName with dots",
            |spec| {
                spec.accelerate.is_none_or(|switch| !switch.enabled)
                    || !spec.bucket_name.as_str().contains('.')
            },
        ),
        Rule::of_field(
            ".drift.ignore",
            r"!has(self.drift) || !has(self.drift.ignore) || self.drift.ignore.all(path, path.matches('^(abac|accelerate|acl|analytics|corsRules|encryption|intelligentTiering|inventory|lifecycleRules|logging|metrics|notification|objectLock|ownershipControls|policy|publicAccessBlock|replication|requestPayment|tags|versioning|website)([.\\[]|$)'))",
            "must begin with a part of the bucket: abac, accelerate, acl, analytics, corsRules, encryption, intelligentTiering, inventory, lifecycleRules, logging, metrics, notification, objectLock, ownershipControls, policy, publicAccessBlock, replication, requestPayment, tags, versioning or website",
            |spec| {
                spec.ignored()
                    .all(|path| S3_BUCKET_FACETS.contains(&path.split().0))
            },
        ),
        Rule::of_field(
            ".drift.ignore",
            "!has(self.drift) || !has(self.drift.ignore) || self.drift.ignore.all(path, !path.startsWith('tags.aws-infra-operator.runner.codes/'))",
            "the tags of the operator's ownership mark cannot be ignored",
            |spec| {
                spec.ignored().all(|path| {
                    !path
                        .as_str()
                        .starts_with("tags.aws-infra-operator.runner.codes/")
                })
            },
        ),
    ];
    const TRANSITIONS: &'static [Transition] = &[
        Transition {
            cel: "self.bucketName == oldSelf.bucketName",
            message: "bucketName is immutable: AWS cannot rename a bucket; create another S3Bucket",
            field: ".bucketName",
        },
        Transition {
            cel: "!has(oldSelf.objectLock) || has(self.objectLock)",
            message: "objectLock cannot be removed: AWS never turns object lock off; defaultRetention can be removed",
            field: ".objectLock",
        },
    ];
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
        let facets: [(&dyn Check, &str); 13] = [
            (&self.drift, "spec.drift"),
            (&self.policy, "spec.policy"),
            (&self.lifecycle_rules, "spec.lifecycleRules"),
            (&self.cors_rules, "spec.corsRules"),
            (&self.logging, "spec.logging"),
            (&self.website, "spec.website"),
            (&self.notification, "spec.notification"),
            (&self.object_lock, "spec.objectLock"),
            (&self.replication, "spec.replication"),
            (&self.intelligent_tiering, "spec.intelligentTiering"),
            (&self.metrics, "spec.metrics"),
            (&self.inventory, "spec.inventory"),
            (&self.analytics, "spec.analytics"),
        ];
        facets
            .into_iter()
            .try_for_each(|(value, path)| value.check(path))?;
        self.tags.check_rules("spec.tags")
    }

    fn ignored(&self) -> impl Iterator<Item = FieldPath> {
        self.drift.iter().flat_map(DriftControl::ignored)
    }

    fn keeps_versions(&self) -> bool {
        self.versioning.is_some_and(|versioning| versioning.enabled)
    }
}

impl Managed for S3Bucket {
    type Status = S3BucketStatus;

    fn status(&self) -> Option<&S3BucketStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: S3BucketStatus) {
        self.status = Some(status);
    }
}

impl Upheld for S3Bucket {
    fn deletion_policy(&self) -> Option<DeletionPolicy> {
        self.spec.deletion_policy
    }

    fn drift(&self) -> Option<&DriftControl> {
        self.spec.drift.as_ref()
    }

    fn mode(&self) -> Mode {
        self.spec.mode.unwrap_or_default()
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
                mode: None,
                drift: None,
                empty_on_delete: false,
                acl: None,
                policy: None,
                lifecycle_rules: Vec::new(),
                cors_rules: Vec::new(),
                logging: None,
                website: None,
                notification: None,
                request_payment: None,
                accelerate: None,
                object_lock: None,
                replication: None,
                intelligent_tiering: Vec::new(),
                metrics: Vec::new(),
                inventory: Vec::new(),
                analytics: Vec::new(),
                abac: None,
            },
            status: None,
        }
    }
}
