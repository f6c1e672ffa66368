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
            let mut left = users.needing(&key).unwrap_or_default();
            left.retain(|user| {
                let user = buckets.get(user);
                user.is_some_and(|user| user.metadata.deletion_timestamp.is_none())
            });
            Verdict {
                refused: in_use(&left),
                warnings: Vec::new(),
            }
        }
    }
}

fn in_use(users: &[ObjectKey]) -> Option<String> {
    if users.is_empty() {
        return None;
    }
    let named = users.iter().take(NAMED).map(ToString::to_string);
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match users.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "it is used by {} S3Buckets: {named}{more}; delete them first, or let them use another AWSProvider of the \
         same account and region",
        users.len()
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
        assert_eq!(in_use(&[]), None);
        let five = in_use(&users(5)).unwrap();
        assert!(
            five.contains("5 S3Buckets: team/b1, team/b2, team/b3, team/b4, team/b5;"),
            "{five}"
        );
        let seven = in_use(&users(7)).unwrap();
        assert!(
            seven.contains("7 S3Buckets: ") && seven.contains("team/b5 and 2 more;"),
            "{seven}"
        );
        assert!(!seven.contains("team/b6"), "{seven}");
    }
}
