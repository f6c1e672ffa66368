//! What is said of an S3Bucket.

use crd_types::aws::v1alpha1::{AWSProvider, CannedAcl, S3Bucket, S3BucketSpec};
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::key::ObjectKey,
    process::webhook::{Asked, Change, Verdict},
};

use super::{deletion::Inherited, public::allows_everybody};
use crate::{aws::Store, provider::provider_of, s3bucket::Namesakes};

/// Refuses a second object for one bucket; warns of what gives data away, or may cost it.
pub(super) fn judge(
    asked: &Asked<S3Bucket>,
    providers: &Cache<Whole<AWSProvider>>,
    buckets: &Cache<Whole<S3Bucket>>,
    namesakes: &Namesakes,
    inherited: &Inherited,
) -> Verdict {
    let (old, new) = match &asked.change {
        Change::Create(new) => (None, new),
        Change::Update { old, new } => (Some(old), new),
        Change::Delete(_) => return Verdict::default(),
    };
    // What was stored before stays editable, whatever there is beside it.
    let is_where_it_was = old.is_some_and(|old| bucket(old) == bucket(new));
    let account = |key: &ObjectKey| Account::of(&*providers.get(key)?);
    let first = match is_where_it_was {
        true => None,
        false => {
            let keys = namesakes.of(bucket(new).1).into_iter();
            let others: Vec<_> = keys.filter_map(|key| buckets.get(&key)).collect();
            first_of(new, others.iter().map(|other| &**other), account)
        }
    };
    let mut warnings = warnings(&new.spec);
    warnings.extend(inherited.warning(new));
    Verdict {
        refused: first.map(|first| taken(new, &first)),
        warnings,
    }
}

/// That the bucket is the other object's; what that is called is for its own namespace alone.
fn taken(object: &S3Bucket, first: &ObjectKey) -> String {
    let (whose, way_out) = match first.namespace == ObjectKey::of(object).namespace {
        true => (
            format!("S3Bucket {first}"),
            ", or delete that object first with deletionPolicy Retain",
        ),
        false => ("an S3Bucket in another namespace".to_owned(), ""),
    };
    format!(
        "spec.bucketName: bucket {:?} is that of {whose} already, and a bucket can be kept by one object alone; \
         choose another name{way_out}",
        object.spec.bucket_name.as_str()
    )
}

/// The account that a provider leads to, where it is known. Stores other than AWS's may call theirs alike.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    store: Store,
    partition: String,
    id: String,
}

impl Account {
    fn of(provider: &AWSProvider) -> Option<Self> {
        let status = provider.status.as_ref()?;
        let endpoint = provider.spec.endpoint.as_ref();
        let endpoint = endpoint.map(|it| it.parse()).transpose().ok()?;
        Some(Self {
            store: Store::at(endpoint.as_ref()),
            partition: status.partition.clone()?,
            id: status.account_id.clone()?,
        })
    }
}

/// Which bucket an object asks for: the provider and the name.
fn bucket(object: &S3Bucket) -> (ObjectKey, &str) {
    (provider_of(object), object.spec.bucket_name.as_str())
}

/// The oldest other object for the same bucket: of the same provider, or of one that leads to the same account.
fn first_of<'a>(
    object: &S3Bucket,
    others: impl Iterator<Item = &'a S3Bucket>,
    account: impl Fn(&ObjectKey) -> Option<Account>,
) -> Option<ObjectKey> {
    let ((provider, name), own) = (bucket(object), ObjectKey::of(object));
    let is_same = |other: &&S3Bucket| {
        let (others, others_name) = bucket(other);
        let in_same_account = || account(&provider).is_some_and(|it| account(&others) == Some(it));
        others_name == name
            && ObjectKey::of(*other) != own
            && (others == provider || in_same_account())
    };
    let age = |other: &&S3Bucket| other.metadata.creation_timestamp.clone();
    let first = others.filter(is_same).min_by_key(age)?;
    Some(ObjectKey::of(first))
}

fn warnings(spec: &S3BucketSpec) -> Vec<String> {
    let guard = spec.public_access_block;
    let lowered = guard.map(|guard| {
        let guards = [
            ("blockPublicAcls", guard.block_public_acls),
            ("ignorePublicAcls", guard.ignore_public_acls),
            ("blockPublicPolicy", guard.block_public_policy),
            ("restrictPublicBuckets", guard.restrict_public_buckets),
        ];
        let off = guards.into_iter().filter(|(_, on)| !on);
        off.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    });
    let lowered = lowered.filter(|names| !names.is_empty());
    let open = spec.acl.filter(|acl| *acl != CannedAcl::Private);
    let policy = spec.policy.as_ref();
    let found = [
        open.map(|acl| {
            let name: &str = acl.into();
            format!("spec.acl: {name} gives data to others than the owner")
        }),
        policy
            .filter(|policy| allows_everybody(policy.as_str()))
            .map(|_| "spec.policy: a statement allows everybody, under no condition".to_owned()),
        lowered.map(|names| {
            format!("spec.publicAccessBlock: {names} is off: the bucket can be made public")
        }),
        spec.empty_on_delete.then(|| {
            "spec.emptyOnDelete: all data is deleted for good when this object is deleted"
                .to_owned()
        }),
        (!spec.versioning.is_some_and(|it| it.enabled)).then(|| {
            "spec.versioning is not on: what is overwritten or deleted in the bucket is lost"
                .to_owned()
        }),
    ];
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::AWSProviderStatus;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn object(namespace: &str, name: &str, provider: &str, bucket: &str, made: u32) -> S3Bucket {
        let value = json!({
            "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
            "metadata": {
                "namespace": namespace, "name": name,
                "creationTimestamp": format!("2026-01-01T00:00:{made:02}Z"),
            },
            "spec": { "providerRef": { "name": provider }, "bucketName": bucket },
        });
        serde_json::from_value(value).expect("an S3Bucket")
    }

    fn account(key: &ObjectKey) -> Option<Account> {
        let id = match &*key.name {
            "one" | "alias" => "111111111111",
            "two" => "222222222222",
            _ => return None,
        };
        Some(Account {
            store: Store::at(None),
            partition: "aws".to_owned(),
            id: id.to_owned(),
        })
    }

    #[test]
    fn an_account_of_another_store_is_another_one() {
        let of = |endpoint: Option<&str>| {
            let value = json!({
                "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "AWSProvider",
                "metadata": { "namespace": "team", "name": "p" },
                "spec": { "region": "eu-central-1", "endpoint": endpoint },
            });
            let mut provider: AWSProvider = serde_json::from_value(value).expect("an AWSProvider");
            provider.status = Some(AWSProviderStatus {
                partition: Some("aws".to_owned()),
                account_id: Some("000000000000".to_owned()),
                ..AWSProviderStatus::default()
            });
            Account::of(&provider).expect("an account")
        };
        let (aws, one) = (of(None), of(Some("https://one.example")));
        assert_ne!(aws, one);
        assert_ne!(one, of(Some("https://two.example")));
        assert_eq!(one, of(Some("https://one.example/")));
    }

    #[rstest]
    #[case::same_provider("one", "data", Some("team/first"))]
    #[case::same_account("alias", "data", Some("team/first"))]
    #[case::other_account("two", "data", None)]
    #[case::unknown_account("new", "data", None)]
    #[case::other_name("one", "other", None)]
    fn a_bucket_is_one_objects(
        #[case] provider: &str,
        #[case] bucket: &str,
        #[case] expected: Option<&str>,
    ) {
        let others = [
            object("team", "later", "one", "data", 9),
            object("team", "first", "one", "data", 1),
            object("team", "else", "two", "data-else", 0),
        ];
        let asked = object("team", "asked", provider, bucket, 10);
        let first = first_of(&asked, others.iter(), account);
        assert_eq!(first.map(|it| it.to_string()).as_deref(), expected);
    }

    #[test]
    fn an_object_is_not_in_its_own_way() {
        let own = object("team", "own", "one", "data", 1);
        assert_eq!(first_of(&own, [&own].into_iter(), account), None);
        // The provider of another namespace is another one.
        let elsewhere = object("elsewhere", "own", "unknown", "data", 1);
        let here = object("team", "own", "unknown", "data", 1);
        assert_eq!(first_of(&here, [&elsewhere].into_iter(), account), None);
    }

    #[test]
    fn an_object_is_named_in_its_own_namespace_alone() {
        let asked = object("team", "asked", "one", "data", 10);
        let here = taken(&asked, &ObjectKey::new("team", "first"));
        assert!(
            here.contains("that of S3Bucket team/first already"),
            "{here}"
        );
        let elsewhere = taken(&asked, &ObjectKey::new("rival", "secret-plan"));
        assert!(
            elsewhere.contains("an S3Bucket in another namespace"),
            "{elsewhere}"
        );
        for name in ["rival", "secret-plan"] {
            assert!(!elsewhere.contains(name), "{elsewhere}");
        }
    }

    fn warned(more: Value) -> Vec<String> {
        let mut spec = json!({
            "providerRef": { "name": "p" }, "bucketName": "data", "deletionPolicy": "Retain",
            "versioning": { "enabled": true },
        });
        let fields = more.as_object().expect("fields").clone();
        spec.as_object_mut().expect("fields").extend(fields);
        warnings(&serde_json::from_value(spec).expect("a spec"))
    }

    #[rstest]
    #[case(json!({}), &[])]
    #[case(json!({ "acl": "private" }), &[])]
    #[case(json!({ "acl": "public-read" }), &["spec.acl: public-read "])]
    #[case(json!({ "acl": "authenticated-read" }), &["spec.acl: authenticated-read "])]
    #[case(json!({ "emptyOnDelete": true }), &["spec.emptyOnDelete: "])]
    #[case(json!({ "versioning": { "enabled": false } }), &["spec.versioning is not on"])]
    #[case(json!({ "versioning": null }), &["spec.versioning is not on"])]
    #[case(json!({ "publicAccessBlock": { "blockPublicAcls": true, "ignorePublicAcls": true } }),
        &["spec.publicAccessBlock: blockPublicPolicy, restrictPublicBuckets is off"])]
    #[case(json!({ "publicAccessBlock": { "blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": true,
        "restrictPublicBuckets": true } }), &[])]
    #[case(json!({ "policy": r#"{"Statement": {"Effect": "Allow", "Principal": "*"}}"# }), &["spec.policy: "])]
    fn what_may_cost_data_is_warned_of(#[case] more: Value, #[case] expected: &[&str]) {
        let warned = warned(more);
        assert_eq!(warned.len(), expected.len(), "{warned:?}");
        for (warning, expected) in warned.iter().zip(expected) {
            assert!(warning.starts_with(expected), "{warning}");
            // The API server cuts longer ones where there are many.
            assert!(warning.len() <= 256, "{warning}");
        }
    }
}
