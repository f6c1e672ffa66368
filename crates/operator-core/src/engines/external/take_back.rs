//! Whether what an earlier object of the same name had is taken back. Pure.

use super::Mark;

/// What is known when an earlier mark is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    /// Our own mark.
    pub ours: &'a Mark,
    /// The mark found: of the same name, and not ours.
    pub found: &'a Mark,
    /// Whether the installation is named by the cluster itself, so that a name in it is one object's at a time.
    pub named_by_cluster: bool,
    /// Whether the operator was told that this installation goes on for the one of the mark found.
    pub goes_on: bool,
    /// What the user says.
    pub consent: Consent,
    /// Whether this very object had the resource before.
    pub had_it: bool,
}

/// Whether the user wants it taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Nothing was said.
    None,
    /// So it was said.
    Given,
    /// So it was said, and this object came to have the resource under it: it is not meant for what comes after.
    Used,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is taken back.
    TakeBack,
    /// It was taken from us: another object of this name is alive.
    TakenByTwin,
    /// The earlier object may be alive in another cluster.
    Unproven,
}

pub(super) fn judge(it: Circumstances<'_>) -> Verdict {
    let same_installation = it.found.installation == it.ours.installation;
    match it {
        Circumstances {
            consent: Consent::Given,
            ..
        } => Verdict::TakeBack,
        Circumstances { had_it: true, .. }
        | Circumstances {
            consent: Consent::Used,
            ..
        } => Verdict::TakenByTwin,
        Circumstances { goes_on: true, .. } => Verdict::TakeBack,
        it if it.named_by_cluster && same_installation => Verdict::TakeBack,
        _ => Verdict::Unproven,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn mark(installation: &str, uid: &str) -> Mark {
        Mark {
            installation: installation.to_owned(),
            kind: "Thing.group".to_owned(),
            namespace: "ns".to_owned(),
            name: "a".to_owned(),
            uid: uid.to_owned(),
        }
    }

    #[rstest]
    #[case::created_again_in_this_cluster(
        "here",
        true,
        false,
        false,
        Consent::None,
        Verdict::TakeBack
    )]
    #[case::the_id_is_configured("here", false, false, false, Consent::None, Verdict::Unproven)]
    #[case::the_operator_is_told("here", false, true, false, Consent::None, Verdict::TakeBack)]
    #[case::the_cluster_was_rebuilt("before", true, true, false, Consent::None, Verdict::TakeBack)]
    #[case::asked_for("here", false, false, false, Consent::Given, Verdict::TakeBack)]
    #[case::taken_from_us("here", true, false, true, Consent::None, Verdict::TakenByTwin)]
    #[case::taken_from_us_in_bulk("before", true, true, true, Consent::None, Verdict::TakenByTwin)]
    #[case::taken_from_us_and_asked_for(
        "here",
        true,
        false,
        true,
        Consent::Given,
        Verdict::TakeBack
    )]
    #[case::taken_from_us_once_more("here", true, false, true, Consent::Used, Verdict::TakenByTwin)]
    #[case::taken_from_us_before_we_saw_it(
        "here",
        true,
        false,
        false,
        Consent::Used,
        Verdict::TakenByTwin
    )]
    fn only_what_is_provably_left_is_taken_back(
        #[case] installation: &str,
        #[case] named_by_cluster: bool,
        #[case] goes_on: bool,
        #[case] had_it: bool,
        #[case] consent: Consent,
        #[case] verdict: Verdict,
    ) {
        let (ours, found) = (mark("here", "1"), mark(installation, "0"));
        let it = Circumstances {
            ours: &ours,
            found: &found,
            named_by_cluster,
            goes_on,
            consent,
            had_it,
        };
        assert_eq!(judge(it), verdict);
    }
}
