//! What the operator may do in AWS: exactly what it does. One truth for `docs/iam.md` and the tests.
//!
//! Actions and what they are about are named as in AWS's Service Authorization Reference, "Amazon S3", "AWS Security
//! Token Service" and "AWS Identity and Access Management".

#[cfg(test)]
mod document;

/// What actions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The account: nothing narrower can be named.
    Account,
    /// Buckets.
    Bucket,
    /// What is in buckets.
    Object,
    /// Roles that S3 takes on, to copy what is in buckets.
    ReplicationRole,
    /// Roles that providers take on.
    AssumedRole,
}

/// When a statement is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// By every object of the kind.
    Always,
    /// By objects that have this field in their spec, or had it.
    Spec(&'static str),
    /// In a case of its own; what is said follows on "needed".
    Case(&'static str),
}

/// One statement of a policy: actions that are needed together, on one sort of resource.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its name: letters and digits (IAM User Guide, "IAM JSON policy elements: Sid").
    pub sid: &'static str,
    /// When it is needed.
    pub when: When,
    /// What it is about.
    pub resource: Resource,
    /// What it allows, in the order of the alphabet.
    pub actions: &'static [&'static str],
}

/// What the identity of a provider needs for its buckets.
pub const S3BUCKET: &[Statement] = &[
    bucket(
        "Bucket",
        When::Always,
        &[
            "s3:CreateBucket",
            "s3:GetBucketTagging",
            "s3:ListBucket",
            "s3:PutBucketTagging",
            // A bucket is created with its tags, the ownership mark among them.
            "s3:TagResource",
        ],
    ),
    bucket(
        "Deletion",
        When::Case("where the effective deletion policy is `Delete`"),
        &["s3:DeleteBucket"],
    ),
    bucket(
        "Emptying",
        When::Spec("emptyOnDelete"),
        &["s3:ListBucketMultipartUploads", "s3:ListBucketVersions"],
    ),
    Statement {
        sid: "EmptyingObjects",
        when: When::Spec("emptyOnDelete"),
        resource: Resource::Object,
        actions: &[
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
        ],
    },
    bucket(
        "Ownership",
        When::Spec("ownershipControls"),
        &[
            "s3:GetBucketOwnershipControls",
            "s3:PutBucketOwnershipControls",
        ],
    ),
    bucket(
        "PublicAccessBlock",
        When::Spec("publicAccessBlock"),
        &[
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
        ],
    ),
    bucket(
        "Acl",
        When::Spec("acl"),
        &["s3:GetBucketAcl", "s3:PutBucketAcl"],
    ),
    bucket(
        "Policy",
        When::Spec("policy"),
        &[
            "s3:DeleteBucketPolicy",
            "s3:GetBucketPolicy",
            "s3:PutBucketPolicy",
        ],
    ),
    bucket(
        "Versioning",
        When::Spec("versioning"),
        &["s3:GetBucketVersioning", "s3:PutBucketVersioning"],
    ),
    bucket(
        "ObjectLock",
        When::Spec("objectLock"),
        &[
            "s3:GetBucketObjectLockConfiguration",
            "s3:PutBucketObjectLockConfiguration",
        ],
    ),
    bucket(
        "Encryption",
        When::Spec("encryption"),
        &[
            "s3:GetEncryptionConfiguration",
            "s3:PutEncryptionConfiguration",
        ],
    ),
    bucket(
        "Lifecycle",
        When::Spec("lifecycleRules"),
        &[
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
    ),
    bucket(
        "Cors",
        When::Spec("corsRules"),
        &["s3:GetBucketCORS", "s3:PutBucketCORS"],
    ),
    bucket(
        "Logging",
        When::Spec("logging"),
        &["s3:GetBucketLogging", "s3:PutBucketLogging"],
    ),
    bucket(
        "Website",
        When::Spec("website"),
        &[
            "s3:DeleteBucketWebsite",
            "s3:GetBucketWebsite",
            "s3:PutBucketWebsite",
        ],
    ),
    bucket(
        "Notification",
        When::Spec("notification"),
        &["s3:GetBucketNotification", "s3:PutBucketNotification"],
    ),
    bucket(
        "RequestPayment",
        When::Spec("requestPayment"),
        &["s3:GetBucketRequestPayment", "s3:PutBucketRequestPayment"],
    ),
    bucket(
        "Accelerate",
        When::Spec("accelerate"),
        &[
            "s3:GetAccelerateConfiguration",
            "s3:PutAccelerateConfiguration",
        ],
    ),
    bucket(
        "IntelligentTiering",
        When::Spec("intelligentTiering"),
        &[
            "s3:GetIntelligentTieringConfiguration",
            "s3:PutIntelligentTieringConfiguration",
        ],
    ),
    bucket(
        "Metrics",
        When::Spec("metrics"),
        &["s3:GetMetricsConfiguration", "s3:PutMetricsConfiguration"],
    ),
    bucket(
        "Inventory",
        When::Spec("inventory"),
        &[
            "s3:GetInventoryConfiguration",
            "s3:PutInventoryConfiguration",
        ],
    ),
    bucket(
        "Analytics",
        When::Spec("analytics"),
        &[
            "s3:GetAnalyticsConfiguration",
            "s3:PutAnalyticsConfiguration",
        ],
    ),
    bucket(
        "Abac",
        When::Spec("abac"),
        &["s3:GetBucketAbac", "s3:PutBucketAbac"],
    ),
    bucket(
        "Replication",
        When::Spec("replication"),
        &[
            "s3:GetReplicationConfiguration",
            "s3:PutReplicationConfiguration",
        ],
    ),
    Statement {
        sid: "ReplicationRole",
        when: When::Spec("replication"),
        resource: Resource::ReplicationRole,
        actions: &["iam:PassRole"],
    },
    bucket(
        "Foresight",
        When::Case(
            "for a plan (`mode: Observe`, adoption by `dry-run`) to tell that AWS will refuse to suspend versioning; \
             without it that is found out when the plan is performed",
        ),
        &[
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetReplicationConfiguration",
        ],
    ),
    Statement {
        sid: "Listing",
        when: When::Case(
            "to find buckets that were left behind, and to tell a bucket of another account or region from one that \
             may not be seen",
        ),
        resource: Resource::Account,
        actions: &["s3:ListAllMyBuckets"],
    },
];

/// What the identity with which a provider begins needs, and each of its roles but the last.
pub const AWSPROVIDER: &[Statement] = &[
    Statement {
        sid: "AssumeRole",
        when: When::Case("where the spec has `assumeRoleARN` or `assumeRoleChain`"),
        resource: Resource::AssumedRole,
        actions: &["sts:AssumeRole"],
    },
    Statement {
        sid: "TagSession",
        when: When::Case(
            "where a role of `assumeRoleChain` has `tags`, and where the chain begins with EKS Pod Identity, whose tags \
             go on from session to session",
        ),
        resource: Resource::AssumedRole,
        actions: &["sts:TagSession"],
    },
];

/// The calls that no policy of an identity has to allow, and why (AWS STS API Reference, the operations' own pages).
pub const WITHOUT_PERMISSION: &[(&str, &str)] = &[
    (
        "AssumeRoleWithWebIdentity",
        "the role's trust policy alone decides",
    ),
    ("GetCallerIdentity", "AWS tells everybody who they are"),
];

/// What AWS asks for beside the action by which a call is known, always or where the call says more. It may have
/// been that which was denied.
pub(crate) fn beside(action: &str) -> &'static [&'static str] {
    match action {
        "s3:CreateBucket" => &[
            "s3:TagResource",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketVersioning",
        ],
        "s3:DeleteObjectVersion" => &["s3:DeleteObject"],
        "s3:PutReplicationConfiguration" => &["iam:PassRole"],
        "sts:AssumeRole" => &["sts:TagSession"],
        _ => &[],
    }
}

const fn bucket(sid: &'static str, when: When, actions: &'static [&'static str]) -> Statement {
    Statement {
        sid,
        when,
        resource: Resource::Bucket,
        actions,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Statement> {
        S3BUCKET.iter().chain(AWSPROVIDER)
    }

    #[test]
    fn statements_are_told_apart_and_their_actions_are_in_order() {
        let sids: BTreeSet<&str> = all().map(|it| it.sid).collect();
        assert_eq!(sids.len(), all().count());
        for Statement { sid, actions, .. } in all() {
            assert!(sid.chars().all(|it| it.is_ascii_alphanumeric()), "{sid}");
            assert!(!actions.is_empty() && actions.is_sorted(), "{actions:?}");
        }
    }

    #[test]
    fn what_goes_beside_an_action_is_allowed_too() {
        let actions: BTreeSet<&str> = all().flat_map(|it| it.actions).copied().collect();
        let known = |action: &str| actions.contains(action);
        let with_others = actions.iter().filter(|action| !beside(action).is_empty());
        assert_eq!(with_others.count(), 4, "each is an action of a statement");
        for other in actions.iter().flat_map(|action| beside(action)) {
            assert!(known(other), "{other}");
        }
    }
}
