//! The ownership mark as tags of a bucket.

use std::collections::BTreeMap;

use crd_types::aws::v1alpha1::GROUP;
use operator_core::engines::external::Mark;

/// The parts of a mark; each is a tag under the group's name.
const PARTS: [&str; 5] = ["installation", "kind", "namespace", "name", "uid"];

/// The tags that a bucket carries of a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Marking {
    /// None at all.
    None,
    /// Some, but not every one: somebody's, and it cannot be told whose.
    Broken,
    /// A mark.
    Whole(Mark),
}

/// The tags of `mark`. Names, namespaces and UIDs of Kubernetes hold only what AWS allows in a tag's value,
/// and are never longer than its 256 characters.
pub(super) fn to_tags(mark: &Mark) -> BTreeMap<String, String> {
    let Mark {
        installation,
        kind,
        namespace,
        name,
        uid,
    } = mark;
    let values = [installation, kind, namespace, name, uid];
    PARTS
        .iter()
        .map(|part| key(part))
        .zip(values.into_iter().cloned())
        .collect()
}

/// The mark among `tags`.
pub(super) fn of_tags(tags: &BTreeMap<String, String>) -> Marking {
    let found = PARTS.map(|part| tags.get(&key(part)).cloned());
    match found {
        [
            Some(installation),
            Some(kind),
            Some(namespace),
            Some(name),
            Some(uid),
        ] => Marking::Whole(Mark {
            installation,
            kind,
            namespace,
            name,
            uid,
        }),
        found if found.iter().any(Option::is_some) => Marking::Broken,
        _ => Marking::None,
    }
}

/// `tags` without those of a mark.
pub(super) fn without(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let keys = PARTS.map(key);
    tags.iter()
        .filter(|(key, _)| !keys.contains(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Whether the field of a tag (`tags.KEY`) is one of a mark.
pub(super) fn names(field: &str) -> bool {
    let (_, tag) = field.split_once('.').unwrap_or_default();
    is_part(tag)
}

/// Whether the tag of this key is one of a mark.
pub(super) fn is_part(tag: &str) -> bool {
    PARTS.iter().any(|part| tag == key(part))
}

fn key(part: &str) -> String {
    format!("{GROUP}/{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            installation: "0f3c".into(),
            kind: format!("S3Bucket.{GROUP}"),
            namespace: "team".into(),
            name: "logs".into(),
            uid: "8d1e".into(),
        }
    }

    #[test]
    fn a_mark_survives_the_way_through_tags() {
        let mut tags = to_tags(&mark());
        assert_eq!(tags.len(), 5);
        tags.insert("team".into(), "a".into());
        assert_eq!(of_tags(&tags), Marking::Whole(mark()));
        assert_eq!(
            without(&tags),
            BTreeMap::from([("team".to_owned(), "a".to_owned())])
        );
        assert_eq!(of_tags(&without(&tags)), Marking::None);
    }

    #[test]
    fn a_mark_that_lacks_a_part_is_nobodys() {
        for part in PARTS {
            let mut tags = to_tags(&mark());
            tags.remove(&key(part));
            assert_eq!(of_tags(&tags), Marking::Broken, "without {part}");
        }
    }
}
