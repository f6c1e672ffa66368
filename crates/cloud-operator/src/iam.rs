//! What the operator may do in AWS: exactly what it does. One truth for `docs/iam.md` and the tests.
//!
//! Actions and what they are about are named as in AWS's Service Authorization Reference, "Amazon S3", "AWS Security
//! Token Service" and "AWS Identity and Access Management".

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

impl Resource {
    /// The condition key and the only value of it under which an action on it is needed.
    pub fn condition(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ReplicationRole => Some(("iam:PassedToService", "s3.amazonaws.com")),
            Self::Account | Self::Bucket | Self::Object | Self::AssumedRole => None,
        }
    }
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

/// An action, by the name under which policies allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// `service:Action`.
    pub name: &'static str,
    /// The call with which AWS asks for it, too, always or where the call says more; None if it is only ever asked for
    /// by its own.
    pub beside: Option<&'static str>,
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
    pub actions: &'static [Action],
}

/// What the identity of a provider needs for its buckets.
pub const S3BUCKET: &[Statement] = &[
    bucket(
        "Bucket",
        When::Always,
        &[
            call("s3:CreateBucket"),
            call("s3:GetBucketTagging"),
            call("s3:ListBucket"),
            call("s3:PutBucketTagging"),
            // A bucket is created with its tags, the ownership mark among them.
            also("s3:TagResource", "s3:CreateBucket"),
        ],
    ),
    bucket(
        "Deletion",
        When::Case("where the effective deletion policy is `Delete`"),
        &[call("s3:DeleteBucket")],
    ),
    bucket(
        "Emptying",
        When::Spec("emptyOnDelete"),
        &[
            call("s3:ListBucketMultipartUploads"),
            call("s3:ListBucketVersions"),
        ],
    ),
    Statement {
        sid: "EmptyingObjects",
        when: When::Spec("emptyOnDelete"),
        resource: Resource::Object,
        actions: &[
            call("s3:AbortMultipartUpload"),
            also("s3:DeleteObject", "s3:DeleteObjectVersion"),
            call("s3:DeleteObjectVersion"),
        ],
    },
    bucket(
        "Ownership",
        When::Spec("ownershipControls"),
        &[
            call("s3:GetBucketOwnershipControls"),
            also("s3:PutBucketOwnershipControls", "s3:CreateBucket"),
        ],
    ),
    bucket(
        "PublicAccessBlock",
        When::Spec("publicAccessBlock"),
        &[
            call("s3:GetBucketPublicAccessBlock"),
            call("s3:PutBucketPublicAccessBlock"),
        ],
    ),
    bucket(
        "Acl",
        When::Spec("acl"),
        &[call("s3:GetBucketAcl"), call("s3:PutBucketAcl")],
    ),
    bucket(
        "Policy",
        When::Spec("policy"),
        &[
            call("s3:DeleteBucketPolicy"),
            call("s3:GetBucketPolicy"),
            call("s3:PutBucketPolicy"),
        ],
    ),
    bucket(
        "Versioning",
        When::Spec("versioning"),
        &[
            call("s3:GetBucketVersioning"),
            also("s3:PutBucketVersioning", "s3:CreateBucket"),
        ],
    ),
    bucket(
        "ObjectLock",
        When::Spec("objectLock"),
        &[
            call("s3:GetBucketObjectLockConfiguration"),
            also("s3:PutBucketObjectLockConfiguration", "s3:CreateBucket"),
        ],
    ),
    bucket(
        "Encryption",
        When::Spec("encryption"),
        &[
            call("s3:GetEncryptionConfiguration"),
            call("s3:PutEncryptionConfiguration"),
        ],
    ),
    bucket(
        "Lifecycle",
        When::Spec("lifecycleRules"),
        &[
            call("s3:GetLifecycleConfiguration"),
            call("s3:PutLifecycleConfiguration"),
        ],
    ),
    bucket(
        "Cors",
        When::Spec("corsRules"),
        &[call("s3:GetBucketCORS"), call("s3:PutBucketCORS")],
    ),
    bucket(
        "Logging",
        When::Spec("logging"),
        &[call("s3:GetBucketLogging"), call("s3:PutBucketLogging")],
    ),
    bucket(
        "Website",
        When::Spec("website"),
        &[
            call("s3:DeleteBucketWebsite"),
            call("s3:GetBucketWebsite"),
            call("s3:PutBucketWebsite"),
        ],
    ),
    bucket(
        "Notification",
        When::Spec("notification"),
        &[
            call("s3:GetBucketNotification"),
            call("s3:PutBucketNotification"),
        ],
    ),
    bucket(
        "RequestPayment",
        When::Spec("requestPayment"),
        &[
            call("s3:GetBucketRequestPayment"),
            call("s3:PutBucketRequestPayment"),
        ],
    ),
    bucket(
        "Accelerate",
        When::Spec("accelerate"),
        &[
            call("s3:GetAccelerateConfiguration"),
            call("s3:PutAccelerateConfiguration"),
        ],
    ),
    bucket(
        "IntelligentTiering",
        When::Spec("intelligentTiering"),
        &[
            call("s3:GetIntelligentTieringConfiguration"),
            call("s3:PutIntelligentTieringConfiguration"),
        ],
    ),
    bucket(
        "Metrics",
        When::Spec("metrics"),
        &[
            call("s3:GetMetricsConfiguration"),
            call("s3:PutMetricsConfiguration"),
        ],
    ),
    bucket(
        "Inventory",
        When::Spec("inventory"),
        &[
            call("s3:GetInventoryConfiguration"),
            call("s3:PutInventoryConfiguration"),
        ],
    ),
    bucket(
        "Analytics",
        When::Spec("analytics"),
        &[
            call("s3:GetAnalyticsConfiguration"),
            call("s3:PutAnalyticsConfiguration"),
        ],
    ),
    bucket(
        "Abac",
        When::Spec("abac"),
        &[call("s3:GetBucketAbac"), call("s3:PutBucketAbac")],
    ),
    bucket(
        "Replication",
        When::Spec("replication"),
        &[
            call("s3:GetReplicationConfiguration"),
            call("s3:PutReplicationConfiguration"),
        ],
    ),
    Statement {
        sid: "ReplicationRole",
        when: When::Spec("replication"),
        resource: Resource::ReplicationRole,
        actions: &[also("iam:PassRole", "s3:PutReplicationConfiguration")],
    },
    bucket(
        "Foresight",
        When::Case(
            "for a plan (`mode: Observe`, adoption by `dry-run`) to tell that AWS will refuse to suspend versioning; \
             without it that is found out when the plan is performed",
        ),
        &[
            call("s3:GetBucketObjectLockConfiguration"),
            call("s3:GetReplicationConfiguration"),
        ],
    ),
    Statement {
        sid: "Listing",
        when: When::Case(
            "to find buckets that were left behind, and to tell a bucket of another account or region from one that \
             may not be seen",
        ),
        resource: Resource::Account,
        actions: &[call("s3:ListAllMyBuckets")],
    },
];

/// What the identity with which a provider begins needs, and each of its roles but the last.
pub const AWSPROVIDER: &[Statement] = &[
    Statement {
        sid: "AssumeRole",
        when: When::Case("where the spec has `assumeRoleARN` or `assumeRoleChain`"),
        resource: Resource::AssumedRole,
        actions: &[call("sts:AssumeRole")],
    },
    Statement {
        sid: "TagSession",
        when: When::Case(
            "where a role of `assumeRoleChain` has `tags`, and where the chain begins with EKS Pod Identity, whose tags \
             go on from session to session",
        ),
        resource: Resource::AssumedRole,
        actions: &[also("sts:TagSession", "sts:AssumeRole")],
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

/// What AWS may ask for beside the action by which a call is known: it may have been that which was denied.
pub(crate) fn beside(call: &str) -> impl Iterator<Item = &'static str> {
    let all = S3BUCKET.iter().chain(AWSPROVIDER);
    let asked_with_it = move |it: &&Action| it.beside == Some(call);
    all.flat_map(|it| it.actions)
        .filter(asked_with_it)
        .map(|it| it.name)
}

const fn call(name: &'static str) -> Action {
    Action { name, beside: None }
}

const fn also(name: &'static str, call: &'static str) -> Action {
    Action {
        name,
        beside: Some(call),
    }
}

const fn bucket(sid: &'static str, when: When, actions: &'static [Action]) -> Statement {
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
    use crate::s3bucket::facet_names;

    fn all() -> impl Iterator<Item = &'static Statement> {
        S3BUCKET.iter().chain(AWSPROVIDER)
    }

    #[test]
    fn statements_are_told_apart_and_their_actions_are_in_order() {
        let sids: BTreeSet<&str> = all().map(|it| it.sid).collect();
        assert_eq!(sids.len(), all().count());
        for Statement { sid, actions, .. } in all() {
            assert!(sid.chars().all(|it| it.is_ascii_alphanumeric()), "{sid}");
            let in_order = actions.is_sorted_by_key(|it| it.name);
            assert!(!actions.is_empty() && in_order, "{actions:?}");
        }
    }

    #[test]
    fn what_goes_beside_an_action_goes_beside_one_of_a_statement() {
        let actions = || all().flat_map(|it| it.actions);
        let named: BTreeSet<&str> = actions().map(|it| it.name).collect();
        for call in actions().filter_map(|it| it.beside) {
            assert!(named.contains(call), "{call}");
        }
        let with_creation: Vec<&str> = beside("s3:CreateBucket").collect();
        assert_eq!(
            with_creation,
            [
                "s3:TagResource",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketVersioning",
                "s3:PutBucketObjectLockConfiguration"
            ]
        );
    }

    #[test]
    fn every_facet_has_its_statement() {
        let named: BTreeSet<&str> = S3BUCKET
            .iter()
            .filter_map(|it| match it.when {
                When::Spec(field) => Some(field),
                _ => None,
            })
            .collect();
        // Tags carry the mark: every bucket has them.
        let facets: BTreeSet<&str> = facet_names().filter(|name| *name != "tags").collect();
        let others: Vec<_> = named.difference(&facets).collect();
        assert_eq!(others, [&"emptyOnDelete"]);
        let without: Vec<_> = facets.difference(&named).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
