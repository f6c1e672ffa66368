//! A creation that was begun. Its answer may be lost and its effect come late, and what was made may show itself, or
//! its mark, late: for a while neither "not there" nor "no mark" is the last word about it.

use std::time::Duration;

use jiff::Timestamp;

use super::{External, MarkFound, Record, work::own_record};
use crate::{
    decide::outcome::{Class, Fault},
    engines::controller::Pass,
};

/// How long that may take. A call is given up after seconds, and what comes of it after that comes soon.
const LATEST: Duration = Duration::from_secs(120);
/// How soon it is looked for again, at first and in the end.
const SOONEST: Duration = Duration::from_secs(2);
const RAREST: Duration = Duration::from_secs(15);

/// What is written down before something is written outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is about to be created.
    Beginning,
    /// It was made by this object, and does not show its mark.
    Made,
    /// It is about to be taken over, and nobody's until the mark was read back.
    TakingOver,
    /// It carries the mark.
    Marked,
}

impl Stage {
    /// The stage of what carries this mark.
    pub(super) fn of(found: MarkFound) -> Self {
        match found {
            MarkFound::Ours => Self::Marked,
            MarkFound::NotShown => Self::Made,
            MarkFound::Earlier | MarkFound::None => Self::TakingOver,
        }
    }

    /// Whether it is this object's.
    pub(super) fn is_had(self) -> bool {
        matches!(self, Self::Made | Self::Marked)
    }

    /// Since when its creation is on its way, where that was `before`.
    pub(super) fn began(self, before: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        match self {
            // As exact as it is stored.
            Self::Beginning => Timestamp::from_second(now.as_second()).ok(),
            Self::Made => before,
            Self::TakingOver | Self::Marked => None,
        }
    }
}

/// Whether the creation that this object has begun may still take effect or become visible.
pub(super) fn is_on_its_way<E: External>(pass: &Pass<E::Kind>) -> bool {
    is_recent(began::<E>(pass), pass.clock().wall())
}

/// In which time to look again for what was begun: as long again as it has been waited for.
pub(super) fn next_look<E: External>(pass: &Pass<E::Kind>) -> Duration {
    pause(began::<E>(pass), pass.clock().wall())
}

/// Whether this object has made the resource, which has not shown the mark since.
pub(super) fn is_made<E: External>(pass: &Pass<E::Kind>) -> bool {
    own_record::<E>(pass).is_some_and(|record| record.created && record.began.is_some())
}

fn is_recent(began: Option<Timestamp>, now: Timestamp) -> bool {
    began.is_some_and(|began| since(began, now) < LATEST)
}

fn pause(began: Option<Timestamp>, now: Timestamp) -> Duration {
    let waited = began.map(|began| since(began, now));
    waited.unwrap_or_default().clamp(SOONEST, RAREST)
}

/// A moment of another replica's may be ahead of ours.
fn since(began: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(began).unsigned_abs()
}

/// Since when this object's creation is on its way, if one was begun.
pub(super) fn began<E: External>(pass: &Pass<E::Kind>) -> Option<Timestamp> {
    own_record::<E>(pass).and_then(|record| record.began)
}

/// Takes note of how a creation failed. Of one that was refused nothing comes any more, so what was recorded `before`
/// counts again: it binds nobody to its place.
pub(super) fn note_failure<E: External>(
    pass: &mut Pass<E::Kind>,
    fault: &Fault,
    before: Option<Record<E::Identity>>,
) {
    if fault.class == Class::UnknownOutcome {
        return;
    }
    match before {
        Some(record) => E::set_record(&mut pass.status, record),
        None => E::clear_record(&mut pass.status),
    }
}

/// Takes note that the resource is not there: what comes to be there is not what was made, unless that is still on its
/// way. A creation of which nothing came binds nobody to its place.
pub(super) fn note_gone<E: External>(pass: &mut Pass<E::Kind>) {
    if is_on_its_way::<E>(pass) {
        return;
    }
    match own_record::<E>(pass) {
        Some(record) if !record.created && record.began.is_some() => {
            E::clear_record(&mut pass.status);
        }
        _ => note::<E>(pass, |record| record.began = None),
    }
}

/// Takes note that the resource was seen with this object's mark.
pub(super) fn note_mark<E: External>(pass: &mut Pass<E::Kind>) {
    note::<E>(pass, |record| {
        record.created = true;
        record.began = None;
    });
}

fn note<E: External>(pass: &mut Pass<E::Kind>, change: impl FnOnce(&mut Record<E::Identity>)) {
    if let Some(mut record) = own_record::<E>(pass) {
        change(&mut record);
        E::set_record(&mut pass.status, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn what_was_begun_is_awaited_for_a_while() {
        assert!(!is_recent(None, at(0)), "nothing was begun");
        assert!(is_recent(Some(at(0)), at(0)));
        assert!(is_recent(Some(at(0)), at(119)));
        assert!(!is_recent(Some(at(0)), at(120)));
        assert!(is_recent(Some(at(60)), at(0)), "by another clock");
        assert!(
            !is_recent(Some(at(120)), at(0)),
            "and not for ever, whatever is written there"
        );
    }

    #[test]
    fn what_is_awaited_is_looked_for_more_and_more_rarely() {
        let mut looks = vec![0];
        while is_recent(Some(at(0)), at(looks[looks.len() - 1])) {
            let last = looks[looks.len() - 1];
            let pause = pause(Some(at(0)), at(last)).as_secs();
            looks.push(last + i64::try_from(pause).unwrap());
        }
        assert_eq!(looks[..6], [0, 2, 4, 8, 16, 31]);
        assert_eq!(looks.len(), 12, "{looks:?}");
        assert_eq!(pause(None, at(0)), SOONEST);
    }

    #[test]
    fn it_is_awaited_from_its_beginning_until_its_mark_is_seen() {
        let half = at(9) + Duration::from_millis(500);
        assert_eq!(Stage::Beginning.began(Some(at(0)), half), Some(at(9)));
        assert_eq!(Stage::Made.began(Some(at(0)), half), Some(at(0)));
        assert_eq!(Stage::Marked.began(Some(at(0)), half), None);
        assert_eq!(Stage::TakingOver.began(Some(at(0)), half), None);
    }

    #[test]
    fn only_what_was_made_or_marked_is_this_objects() {
        for (found, had) in [
            (MarkFound::Ours, true),
            (MarkFound::NotShown, true),
            (MarkFound::Earlier, false),
            (MarkFound::None, false),
        ] {
            assert_eq!(Stage::of(found).is_had(), had, "{found:?}");
        }
        assert!(!Stage::Beginning.is_had());
    }
}
