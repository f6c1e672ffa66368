//! Which deletion policy is in force, and who said so. Pure.

use crd_types::lifecycle::{DeletionPolicy, DeletionPolicySource as Source};

use super::reasons;
use crate::decide::outcome::Fault;

/// What was said about deletion, and where.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    /// By the object's annotation.
    pub annotation: Option<&'a str>,
    /// By the object's spec.
    pub spec: Option<DeletionPolicy>,
    /// By the namespace's annotation.
    pub namespace: Option<&'a str>,
    /// By the operator's settings.
    pub operator: Option<DeletionPolicy>,
}

impl Said<'_> {
    /// Whether the object has said it itself, so that nobody else counts.
    pub fn is_own(&self) -> bool {
        self.annotation.is_some() || self.spec.is_some()
    }
}

/// The policy in force: the nearest word counts. `key` is the annotation's, and `of` the namespace's name.
pub(super) fn effective(
    said: Said<'_>,
    key: &str,
    of: &str,
) -> Result<(DeletionPolicy, Source), Fault> {
    let parsed = |found: &str, place: &str| {
        found.parse::<DeletionPolicy>().map_err(|_| {
            Fault::terminal(
                reasons::INVALID_ANNOTATION,
                format!("annotation {key}{place}: found {found:?}, allowed are Delete, Retain and Orphan"),
            )
        })
    };
    if let Some(found) = said.annotation {
        return Ok((parsed(found, "")?, Source::Annotation));
    }
    if let Some(policy) = said.spec {
        return Ok((policy, Source::Spec));
    }
    if let Some(found) = said.namespace {
        let place = format!(" of the namespace {of}");
        return Ok((parsed(found, &place)?, Source::Namespace));
    }
    Ok(match said.operator {
        Some(policy) => (policy, Source::Operator),
        None => (DeletionPolicy::Delete, Source::Default),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KEY: &str = "group/deletion-policy";

    #[rstest]
    #[case(
        Some("Orphan"),
        Some(DeletionPolicy::Delete),
        Some("Retain"),
        None,
        DeletionPolicy::Orphan,
        Source::Annotation
    )]
    #[case(
        Some("Delete"),
        Some(DeletionPolicy::Retain),
        Some("nonsense"),
        None,
        DeletionPolicy::Delete,
        Source::Annotation
    )]
    #[case(
        None,
        Some(DeletionPolicy::Delete),
        Some("nonsense"),
        Some(DeletionPolicy::Orphan),
        DeletionPolicy::Delete,
        Source::Spec
    )]
    #[case(
        None,
        None,
        Some("Retain"),
        Some(DeletionPolicy::Orphan),
        DeletionPolicy::Retain,
        Source::Namespace
    )]
    #[case(
        None,
        None,
        None,
        Some(DeletionPolicy::Orphan),
        DeletionPolicy::Orphan,
        Source::Operator
    )]
    #[case(None, None, None, None, DeletionPolicy::Delete, Source::Default)]
    fn the_nearest_word_counts(
        #[case] annotation: Option<&str>,
        #[case] spec: Option<DeletionPolicy>,
        #[case] namespace: Option<&str>,
        #[case] operator: Option<DeletionPolicy>,
        #[case] policy: DeletionPolicy,
        #[case] source: Source,
    ) {
        let said = Said {
            annotation,
            spec,
            namespace,
            operator,
        };
        assert_eq!(effective(said, KEY, "ns"), Ok((policy, source)));
    }

    #[test]
    fn what_is_no_policy_is_refused_where_it_stands() {
        let own = Said {
            annotation: Some("retain"),
            namespace: Some("Retain"),
            ..Said::default()
        };
        let refused = effective(own, KEY, "ns").unwrap_err().message;
        assert!(
            refused.starts_with("annotation group/deletion-policy: found \"retain\""),
            "{refused}"
        );
        let inherited = Said {
            namespace: Some(""),
            ..Said::default()
        };
        let refused = effective(inherited, KEY, "team").unwrap_err().message;
        assert!(
            refused.contains("of the namespace team: found \"\""),
            "{refused}"
        );
    }
}
