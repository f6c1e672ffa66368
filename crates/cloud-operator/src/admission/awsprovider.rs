//! What is said of an AWSProvider.

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::key::ObjectKey,
    process::webhook::{Asked, Change, Verdict},
};

use crate::provider::Users;

/// How many users are named.
const NAMED: usize = 5;
/// Who deletes what was decided before: the content of a namespace, and what its owner leaves behind. The finalizer
/// keeps a provider for as long as it is needed.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
];

/// Refuses that a provider is deleted whose users are not; warns of one that is open to every namespace.
pub(super) fn judge(
    asked: &Asked<AWSProvider>,
    users: &impl Users,
    buckets: &Cache<Whole<S3Bucket>>,
) -> Verdict {
    match &asked.change {
        Change::Create(provider) | Change::Update { new: provider, .. } => Verdict {
            refused: None,
            warnings: warnings(provider),
        },
        Change::Delete(_) if CLEANERS.contains(&asked.user.as_str()) => Verdict::default(),
        Change::Delete(provider) if provider.metadata.deletion_timestamp.is_some() => {
            Verdict::default()
        }
        Change::Delete(provider) => {
            let key = ObjectKey::of(provider);
            let mut left = users.using(provider).unwrap_or_default();
            left.retain(|user| {
                let user = buckets.get(user);
                user.is_some_and(|user| user.metadata.deletion_timestamp.is_none())
            });
            Verdict {
                refused: in_use(&key.namespace, &left),
                warnings: Vec::new(),
            }
        }
    }
}

/// Who still uses a provider of `namespace`; what objects of other namespaces are called is for these alone.
fn in_use(namespace: &str, users: &[ObjectKey]) -> Option<String> {
    if users.is_empty() {
        return None;
    }
    let (own, elsewhere): (Vec<_>, Vec<_>) =
        users.iter().partition(|user| *user.namespace == *namespace);
    let named = own.iter().take(NAMED).map(ToString::to_string);
    let more = match own.len().saturating_sub(NAMED) {
        0 => None,
        more => Some(format!("{more} more")),
    };
    let elsewhere = match elsewhere.len() {
        0 => None,
        others => Some(format!("{others} in other namespaces")),
    };
    let named = named.collect::<Vec<_>>().join(", ");
    let parts = [
        Some(named).filter(|named| !named.is_empty()),
        more,
        elsewhere,
    ];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    Some(format!(
        "it is used by {} S3Buckets: {}; delete them first, or let them use another AWSProvider of the same account \
         and region",
        users.len(),
        parts.join(" and ")
    ))
}

fn warnings(provider: &AWSProvider) -> Vec<String> {
    let open = &provider.spec.allowed_namespaces;
    let to_all = open.iter().any(|namespace| namespace.as_str() == "*");
    let warning = "spec.allowedNamespaces: '*' lets every namespace act with these credentials";
    to_all.then(|| warning.to_owned()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(count: usize) -> Vec<ObjectKey> {
        let names = (1..=count).map(|at| ObjectKey::new("team", format!("b{at}")));
        names.collect()
    }

    #[test]
    fn up_to_five_users_are_named_and_all_are_counted() {
        assert_eq!(in_use("team", &[]), None);
        let five = in_use("team", &users(5)).unwrap();
        assert!(
            five.contains("5 S3Buckets: team/b1, team/b2, team/b3, team/b4, team/b5;"),
            "{five}"
        );
        let seven = in_use("team", &users(7)).unwrap();
        assert!(
            seven.contains("7 S3Buckets: ") && seven.contains("team/b5 and 2 more;"),
            "{seven}"
        );
        assert!(!seven.contains("team/b6"), "{seven}");
    }

    #[test]
    fn users_of_other_namespaces_are_counted_and_not_named() {
        let elsewhere = in_use("platform", &users(2)).unwrap();
        assert!(
            elsewhere.contains("2 S3Buckets: 2 in other namespaces;"),
            "{elsewhere}"
        );
        let mut both = users(6);
        both.push(ObjectKey::new("rival", "secret-plan"));
        let both = in_use("team", &both).unwrap();
        assert!(
            both.contains("team/b5 and 1 more and 1 in other namespaces;"),
            "{both}"
        );
        assert!(
            !both.contains("rival") && !both.contains("secret-plan"),
            "{both}"
        );
    }
}
