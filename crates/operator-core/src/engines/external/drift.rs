//! Telling drift from edits, and telling of it. Pure.
//!
//! The unit is the facet, for that is what is written as a whole. A facet is settled once it was seen as its wish
//! wanted it; what differs in it while the wish is the same has drifted, and what differs otherwise is an edit,
//! or one that is half done. Before a facet is written it is settled no longer, so that an edit that was cut
//! short is never taken for drift.

use std::collections::BTreeSet;

use crd_types::lifecycle::{Difference, Differences};

use super::{Diff, Wishes};
use crate::cluster::text::shortened;

/// How many fields a status shows, and how long they may be, in bytes.
const MOST: usize = 32;
const LONGEST_FIELD: usize = 512;
const LONGEST_VALUE: usize = 300;

/// What differs, told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Apart {
    /// What the user has asked for and is not in force yet.
    pub edits: Vec<Diff>,
    /// What changed outside by itself.
    pub drift: Vec<Diff>,
}

impl Apart {
    /// Everything that differs.
    pub fn all(&self) -> Vec<Diff> {
        self.edits.iter().chain(&self.drift).cloned().collect()
    }

    /// What of it is no more, by a look that found `left` and could not read `unread`.
    pub fn mended(&self, left: &Self, unread: &[&'static str]) -> Self {
        let left = left.edits.iter().chain(&left.drift);
        let left: BTreeSet<&str> = left.map(|diff| diff.facet).collect();
        let mended = |diffs: &[Diff]| -> Vec<Diff> {
            let mut mended = diffs.to_vec();
            mended.retain(|diff| !left.contains(diff.facet) && !unread.contains(&diff.facet));
            mended
        };
        Self {
            edits: mended(&self.edits),
            drift: mended(&self.drift),
        }
    }
}

/// Tells `diffs` from `wishes` apart, where `settled` is what was last seen in force.
pub(super) fn tell_apart(diffs: Vec<Diff>, wishes: &Wishes, settled: &Wishes) -> Apart {
    let has_drifted = |diff: &Diff| {
        let wish = wishes.get(diff.facet);
        wish.is_some() && wish == settled.get(diff.facet)
    };
    let (drift, edits) = diffs.into_iter().partition(has_drifted);
    Apart { edits, drift }
}

/// What is settled after a look that found `left` to differ and could not read `unread`.
pub(super) fn settled(
    before: &Wishes,
    wishes: &Wishes,
    left: &[Diff],
    unread: &[&'static str],
) -> Wishes {
    let is_open = |facet: &str| unread.contains(&facet) || left.iter().any(|d| d.facet == facet);
    let keeps = |(facet, wish): &(&String, &String)| {
        !is_open(facet) || before.get(facet.as_str()) == Some(*wish)
    };
    let kept = wishes.iter().filter(keeps);
    kept.map(|(facet, wish)| (facet.clone(), wish.clone()))
        .collect()
}

/// What is settled while `edits` are being written.
pub(super) fn unsettled(before: &Wishes, edits: &[Diff]) -> Wishes {
    let mut settled = before.clone();
    settled.retain(|facet, _| !edits.iter().any(|diff| diff.facet == facet));
    settled
}

/// As much of `diffs` as a status shows.
pub(super) fn shown(diffs: &[Diff]) -> Differences {
    let fields: Vec<Difference> = diffs.iter().take(MOST).map(difference).collect();
    Differences {
        omitted: i64::try_from(diffs.len() - fields.len()).unwrap_or(i64::MAX),
        fields,
    }
}

fn difference(diff: &Diff) -> Difference {
    Difference {
        field: shortened(diff.field.clone(), LONGEST_FIELD),
        found: shortened(diff.from.clone(), LONGEST_VALUE),
        wanted: shortened(diff.to.clone(), LONGEST_VALUE),
    }
}

/// All that is shown, on one line.
pub(super) fn line(differences: &Differences) -> String {
    let one = |it: &Difference| format!("{}: {} → {}", it.field, it.found, it.wanted);
    let mut parts: Vec<String> = differences.fields.iter().map(one).collect();
    if differences.omitted > 0 {
        parts.push(format!("and {} more", differences.omitted));
    }
    parts.join("; ")
}

/// Whether `now` shows anything that `before` did not.
pub(super) fn is_news(before: Option<&Differences>, now: &Differences) -> bool {
    let known = |it: &Difference| {
        let mut fields = before.iter().flat_map(|before| &before.fields);
        fields.any(|old| (&old.field, &old.found) == (&it.field, &it.found))
    };
    !now.fields.iter().all(known)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn wishes(of: &[(&str, &str)]) -> Wishes {
        let own = |(facet, wish): &(&str, &str)| ((*facet).to_owned(), (*wish).to_owned());
        of.iter().map(own).collect()
    }

    fn diff(facet: &'static str, from: &str) -> Diff {
        Diff {
            facet,
            field: format!("{facet}.field"),
            from: from.to_owned(),
            to: "wanted".to_owned(),
        }
    }

    #[rstest]
    #[case::the_wish_was_in_force(&[("a", "1")], &[("a", "1")], true)]
    #[case::the_wish_is_new(&[("a", "2")], &[("a", "1")], false)]
    #[case::never_in_force_or_half_done(&[("a", "1")], &[], false)]
    #[case::another_was_in_force(&[("a", "1"), ("b", "1")], &[("b", "1")], false)]
    #[case::left_the_spec(&[], &[("a", "1")], false)]
    #[case::left_the_spec_and_never_in_force(&[], &[], false)]
    fn what_differs_though_its_wish_was_in_force_has_drifted(
        #[case] wanted: &[(&str, &str)],
        #[case] settled: &[(&str, &str)],
        #[case] drifted: bool,
    ) {
        let apart = tell_apart(vec![diff("a", "x")], &wishes(wanted), &wishes(settled));
        assert_eq!(
            (apart.drift.len() == 1, apart.edits.is_empty()),
            (drifted, drifted)
        );
    }

    #[test]
    fn an_edit_beside_drift_is_told_from_it() {
        let diffs = vec![diff("a", "x"), diff("b", "y"), diff("b", "z")];
        let now = wishes(&[("a", "2"), ("b", "1")]);
        let apart = tell_apart(diffs, &now, &wishes(&[("a", "1"), ("b", "1")]));
        assert_eq!(apart.edits, [diff("a", "x")]);
        assert_eq!(apart.drift, [diff("b", "y"), diff("b", "z")]);
    }

    #[test]
    fn mended_is_what_was_read_and_does_not_differ_any_more() {
        let apart = |edits: &[Diff], drift: &[Diff]| Apart {
            edits: edits.to_vec(),
            drift: drift.to_vec(),
        };
        let (a, b) = (diff("a", "x"), diff("b", "x"));
        let before = apart(std::slice::from_ref(&a), std::slice::from_ref(&b));
        assert_eq!(before.mended(&Apart::default(), &[]), before);
        let other = diff("b", "another field");
        let left = apart(&[], &[other]);
        assert_eq!(before.mended(&left, &[]), apart(&[a], &[]));
        assert_eq!(before.mended(&Apart::default(), &["a"]), apart(&[], &[b]));
    }

    #[test]
    fn a_facet_is_settled_from_when_it_was_seen_as_wanted_until_it_is_written_again() {
        let (v1, v2) = (wishes(&[("a", "1")]), wishes(&[("a", "2")]));
        let once = settled(&Wishes::new(), &v1, &[], &[]);
        assert_eq!(once, v1);
        let drifted = settled(&once, &v1, &[diff("a", "x")], &[]);
        assert_eq!(drifted, v1, "drift leaves it settled");
        let hidden = settled(&once, &v1, &[], &["a"]);
        assert_eq!(hidden, v1, "so does what cannot be read");
        assert_eq!(settled(&once, &v2, &[diff("a", "x")], &[]), Wishes::new());
        assert_eq!(settled(&once, &v2, &[], &["a"]), Wishes::new());
        assert_eq!(unsettled(&once, &[diff("a", "x")]), Wishes::new());
        assert_eq!(unsettled(&once, &[diff("b", "x")]), v1);
    }

    #[test]
    fn an_edit_that_was_cut_short_and_taken_back_is_not_drift() {
        let (v1, v2) = (wishes(&[("a", "1")]), wishes(&[("a", "2")]));
        let edit = tell_apart(vec![diff("a", "1")], &v2, &v1).edits;
        // Written, but the operator died before it saw it.
        let recorded = unsettled(&v1, &edit);
        let back = tell_apart(vec![diff("a", "2")], &v1, &recorded);
        assert_eq!(back.drift, []);
    }

    #[test]
    fn what_is_shown_is_bounded_and_says_how_much_is_not() {
        let mut many: Vec<Diff> = (0..MOST + 3).map(|_| diff("a", &"é".repeat(400))).collect();
        many[0].field = "f".repeat(1000);
        let shown = shown(&many);
        assert_eq!((shown.fields.len(), shown.omitted), (MOST, 3));
        assert!(
            shown
                .fields
                .iter()
                .all(|it| { it.field.len() <= LONGEST_FIELD && it.found.len() <= LONGEST_VALUE })
        );
        assert!(line(&shown).ends_with("; and 3 more"));
    }

    #[test]
    fn drift_is_news_once() {
        let first = shown(&[diff("a", "x")]);
        assert!(is_news(None, &first));
        assert!(!is_news(Some(&first), &first));
        assert!(
            is_news(Some(&first), &shown(&[diff("a", "y")])),
            "another value"
        );
        let both = shown(&[diff("a", "x"), diff("b", "x")]);
        assert!(is_news(Some(&first), &both));
        assert!(!is_news(Some(&both), &first), "less is no news");
    }
}
