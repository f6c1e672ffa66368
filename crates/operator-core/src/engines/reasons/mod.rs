//! What an object may say of itself: each reason of a condition or an event, with what it means and what helps.
//!
//! The tables are what users read (`docs/conditions`). A kind names those that its objects may show, and a debug build,
//! which every test runs, ends at what stands in none of them.

mod page;

pub use self::page::{Meaning, Section, page};
use crate::cluster::{
    conditions::{PAUSED, READY, RECONCILING, STALLED},
    events::Severity,
};

/// A reason that conditions and events may give.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// Its name, in CamelCase.
    pub name: &'static str,
    /// Where it is given: every place.
    pub shown: &'static [Shown],
    /// What has happened.
    pub meaning: &'static str,
    /// What to do; what happens next where that is nothing.
    pub remedy: &'static str,
}

/// Where a reason is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The wish is in force.
    InForce,
    /// Work goes on, or something else must come first.
    AtWork,
    /// The wish is left as it is because the user says so.
    Held,
    /// Only an edit helps.
    Refused,
    /// Something failed that is tried again.
    Failing,
    /// Nothing is done, as the user says.
    Paused,
    /// A condition of the kind's own, with whether it holds.
    Own(&'static str, bool),
    /// An event alone.
    Event(Severity),
}

impl Shown {
    /// The conditions that give it, with whether they hold.
    pub fn conditions(&self) -> impl Iterator<Item = (&'static str, bool)> + use<> {
        let (first, second) = match *self {
            Self::InForce => (Some((READY, true)), None),
            Self::AtWork | Self::Failing => (Some((READY, false)), Some((RECONCILING, true))),
            Self::Held | Self::Refused => (Some((READY, false)), Some((STALLED, true))),
            Self::Paused => (Some((PAUSED, true)), None),
            Self::Own(kind, holds) => (Some((kind, holds)), None),
            Self::Event(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The event that gives it, if there is one.
    pub const fn event(&self) -> Option<Severity> {
        match *self {
            Self::InForce | Self::AtWork | Self::Held => Some(Severity::Normal),
            Self::Refused | Self::Failing => Some(Severity::Warning),
            Self::Event(severity) => Some(severity),
            Self::Paused | Self::Own(..) => None,
        }
    }
}

/// The tables of what the objects of a kind may show.
pub type Tables = &'static [&'static [Reason]];

/// Ends a debug build that gives a reason in a way that none of `tables` tells of. What is shown to users is to be
/// explained to them; no test passes by it.
pub(in crate::engines) fn expect(
    tables: impl IntoIterator<Item = &'static [Reason]>,
    name: &str,
    place: &str,
    is_it: impl Fn(&Shown) -> bool,
) {
    let mut rows = tables.into_iter().flatten();
    debug_assert!(
        rows.any(|row| row.name == name && row.shown.iter().any(&is_it)),
        "{name}, given by {place}, stands in no table of reasons"
    );
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
    };

    use super::*;
    use crate::engines::{controller, external};

    const TABLE: &[Reason] = &[Reason {
        name: "Known",
        shown: &[Shown::Refused, Shown::Own("Accepted", true)],
        meaning: "",
        remedy: "",
    }];

    fn condition(name: &str, kind: &str, holds: bool) {
        expect([TABLE], name, "a test", |it| {
            it.conditions().any(|one| one == (kind, holds))
        });
    }

    #[test]
    fn what_a_table_tells_of_passes() {
        condition("Known", READY, false);
        condition("Known", STALLED, true);
        condition("Known", "Accepted", true);
        expect([&[], TABLE], "Known", "a test", |it| {
            it.event() == Some(Severity::Warning)
        });
    }

    #[test]
    #[should_panic(expected = "Unknown, given by a test, stands in no table of reasons")]
    fn a_reason_that_no_table_has_ends_a_debug_build() {
        condition("Unknown", READY, false);
    }

    #[test]
    #[should_panic(expected = "Known, given by a test")]
    fn so_does_a_reason_in_another_place() {
        condition("Known", "Accepted", false);
    }

    #[test]
    fn every_reason_of_the_core_is_told_and_each_that_is_told_is_given() {
        let tables = [
            controller::reasons::REASONS,
            controller::reasons::PAUSE,
            external::reasons::REASONS,
        ];
        let table = tables.into_iter().flatten().map(|it| it.name).collect();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let folders = ["decide", "cluster", "engines"].map(|floor| source.join(floor));
        let folders = folders.each_ref().map(PathBuf::as_path);
        harness::reasons::told(&folders, &table, &BTreeSet::new()).unwrap();
    }
}
