//! What becomes of a bucket whose object does not say so itself: its namespace may, and the operator's settings.

use std::sync::Arc;

use crd_types::{
    aws::v1alpha1::S3Bucket,
    lifecycle::{DeletionPolicy, Mode, Upheld},
};
use operator_core::{
    cluster::cache::Cache,
    decide::key::ObjectKey,
    engines::external::{Annotations, Words},
};

/// Who speaks for objects that say nothing.
pub(crate) struct Inherited {
    /// What namespaces say.
    pub namespaces: Arc<Cache<Words<S3Bucket>>>,
    /// What the operator's settings say.
    pub operator: Option<DeletionPolicy>,
}

impl Inherited {
    /// What whoever writes the object should know of its deletion; nothing if the object says what is to happen.
    pub(super) fn warning(&self, object: &S3Bucket) -> Option<String> {
        let said = Annotations::of(object).deletion_policy().is_some();
        let stays = object.mode() == Mode::Observe;
        if said || stays || object.spec.deletion_policy.is_some() {
            return None;
        }
        let namespace = ObjectKey::of(object).namespace;
        let words = self.namespaces.get(&ObjectKey::new("", namespace));
        let key = Annotations::<S3Bucket>::key("deletion-policy");
        let of_namespace = words.as_ref().and_then(|words| words.get(&key));
        warning(of_namespace.map(String::as_str), self.operator)
    }
}

/// The nearest word counts.
fn warning(namespace: Option<&str>, operator: Option<DeletionPolicy>) -> Option<String> {
    let (policy, by) = match (namespace, operator) {
        // What cannot be read deletes nothing, and the object's status says so.
        (Some(said), _) => (said.parse().ok()?, ", as the namespace says"),
        (None, Some(policy)) => (policy, ", as the operator is set"),
        (None, None) => (DeletionPolicy::Delete, ""),
    };
    (policy == DeletionPolicy::Delete).then(|| {
        format!(
            "spec.deletionPolicy is not set: the bucket is deleted with this object{by}; Retain keeps it"
        )
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nobody(None, None, Some("with this object;"))]
    #[case::namespace(Some("Delete"), Some(DeletionPolicy::Retain), Some("namespace says"))]
    #[case::namespace_keeps(Some("Retain"), Some(DeletionPolicy::Delete), None)]
    #[case::namespace_lets_go(Some("Orphan"), None, None)]
    #[case::unreadable(Some("Never"), None, None)]
    #[case::operator(None, Some(DeletionPolicy::Delete), Some("operator is set"))]
    #[case::operator_keeps(None, Some(DeletionPolicy::Retain), None)]
    fn the_nearest_word_counts(
        #[case] namespace: Option<&str>,
        #[case] operator: Option<DeletionPolicy>,
        #[case] expected: Option<&str>,
    ) {
        let warned = warning(namespace, operator);
        assert_eq!(warned.is_some(), expected.is_some(), "{warned:?}");
        let warned = warned.unwrap_or_default();
        assert!(warned.contains(expected.unwrap_or_default()), "{warned}");
        assert!(warned.len() <= 256);
    }
}
