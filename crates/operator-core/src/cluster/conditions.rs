//! What a pass found, as conditions that Flux, Helm and Argo CD understand.
//!
//! Source: kstatus, <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>.

use crd_types::lifecycle::{Condition, Lifecycle};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{reasons, text::shortened};
use crate::decide::{
    outcome::{Class, Outcome, PassResult},
    reason::{Reason, Shown},
};

/// The user's wish is in force.
pub const READY: &str = "Ready";
/// Work goes on, here or outside.
pub const RECONCILING: &str = "Reconciling";
/// Nothing goes on until somebody edits something.
pub const STALLED: &str = "Stalled";
/// The user has asked for nothing to be done.
pub const PAUSED: &str = "Paused";

/// What is outside differs though nobody edited the object.
pub const DRIFTED: &str = "Drifted";

/// The engine's own conditions, in the order in which they stand in a status; a kind's own follow by name.
const ORDER: [&str; 5] = [READY, RECONCILING, STALLED, PAUSED, DRIFTED];

/// The longest message of a condition, in bytes. The API allows 32 KiB, which no table can show.
const MAX_MESSAGE: usize = 1024;

/// Writes the result of a pass over the spec of `generation` into a status.
///
/// A pause says so and changes nothing else: what was in force stays in force, for the generation for which
/// it was. A superseded pass concludes nothing, and a released object has no status to keep.
///
/// # Panics
/// In debug builds, where users are not told that the reason is given so.
pub fn conclude(
    lifecycle: &mut Lifecycle,
    result: &PassResult,
    generation: Option<i64>,
    now: Timestamp,
) {
    let Some((shown, reason, message)) = way(result) else {
        return;
    };
    debug_assert!(
        reason.is_told(|it| it == shown),
        "the reason {reason} is given as {shown:?}, of which its row does not tell"
    );
    let says = of(shown);
    if shown != Shown::Paused {
        lifecycle.ready = shown == Shown::InForce;
        lifecycle.observed_generation = generation;
        lifecycle.conditions.retain(|condition| {
            let kind = &*condition.type_;
            ![RECONCILING, STALLED, PAUSED].contains(&kind)
                || says.iter().any(|(said, _)| *said == kind)
        });
    }
    for &(kind, holds) in says {
        set(
            lifecycle,
            condition(kind, holds, reason, message, generation, now),
        );
    }
}

/// How a pass ends for its object: in which way, why, and in which words; none where conditions stay as they are.
pub fn way(result: &PassResult) -> Option<(Shown, Reason, &str)> {
    Some(match result {
        Ok(Outcome::Superseded | Outcome::Undecided { .. } | Outcome::Released) => return None,
        Ok(Outcome::Paused) => (
            Shown::Paused,
            reasons::PAUSED,
            "nothing is done until the pause ends",
        ),
        Ok(Outcome::Done { reason, message }) => (Shown::InForce, *reason, message.as_str()),
        Ok(Outcome::Held { reason, message }) => (Shown::Held, *reason, message.as_str()),
        Ok(
            Outcome::Running {
                reason,
                task: message,
                ..
            }
            | Outcome::Waiting {
                reason,
                on: message,
                ..
            },
        ) => (Shown::AtWork, *reason, message.as_str()),
        Err(fault) => {
            let shown = match fault.class {
                Class::Terminal => Shown::Refused,
                _ => Shown::Failing,
            };
            (shown, fault.reason, fault.message.as_str())
        }
    })
}

/// The conditions of the engine's by which a reason is told that is given so, and whether they hold.
pub fn of(shown: Shown) -> &'static [(&'static str, bool)] {
    match shown {
        Shown::InForce => &[(READY, true)],
        Shown::AtWork | Shown::Failing => &[(READY, false), (RECONCILING, true)],
        Shown::Held | Shown::Refused => &[(READY, false), (STALLED, true)],
        Shown::Paused => &[(PAUSED, true)],
        Shown::Own(..) | Shown::Event | Shown::Warning => &[],
    }
}

/// A condition of a kind's own as it would be were it new at `now`; [`set`] keeps the time of one that stands already.
///
/// # Panics
/// In debug builds, where users are not told that the reason is given so.
pub fn said(
    kind: &'static str,
    holds: bool,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    debug_assert!(
        reason.is_told(|it| it == Shown::Own(kind, holds)),
        "the reason {reason} is given for {kind}={holds}, of which its row does not tell"
    );
    condition(kind, holds, reason, message, generation, now)
}

fn condition(
    kind: &str,
    holds: bool,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: kind.into(),
        status: if holds { "True" } else { "False" }.into(),
        reason: reason.as_str().into(),
        message: (*shortened(message.to_owned(), MAX_MESSAGE)).into(),
        observed_generation: generation,
        last_transition_time: Time(now),
    }
}

/// Takes the condition of this type away.
pub fn clear(lifecycle: &mut Lifecycle, kind: &str) {
    lifecycle
        .conditions
        .retain(|condition| condition.type_ != *kind);
}

/// Puts a condition into a status. Its transition time moves only if its `status` does.
pub fn set(lifecycle: &mut Lifecycle, mut condition: Condition) {
    let conditions = &mut lifecycle.conditions;
    match conditions
        .iter_mut()
        .find(|stored| stored.type_ == condition.type_)
    {
        Some(stored) => {
            if stored.status == condition.status {
                condition.last_transition_time = stored.last_transition_time.clone();
            }
            *stored = condition;
        }
        None => conditions.push(condition),
    }
    conditions.sort_by(|a, b| rank(a).cmp(&rank(b)));
}

fn rank(condition: &Condition) -> (usize, &str) {
    let kind = &*condition.type_;
    (
        ORDER
            .iter()
            .position(|own| *own == kind)
            .unwrap_or(ORDER.len()),
        kind,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::decide::outcome::Fault;

    const POLL: Duration = Duration::from_secs(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn done() -> PassResult {
        Ok(Outcome::Done {
            reason: Reason::sample("BucketReady"),
            message: "in force".into(),
        })
    }

    fn running() -> PassResult {
        Ok(Outcome::Running {
            reason: Reason::sample("Creating"),
            task: "on its way".into(),
            poll: POLL,
        })
    }

    fn waiting() -> PassResult {
        Ok(Outcome::Waiting {
            reason: Reason::sample("ProviderNotReady"),
            on: "the provider".into(),
            poll: POLL,
        })
    }

    fn shown(lifecycle: &Lifecycle) -> String {
        let shown: Vec<_> = lifecycle
            .conditions
            .iter()
            .map(|c| format!("{}={}/{}", c.type_, c.status, c.reason))
            .collect();
        shown.join(" ")
    }

    #[rstest]
    #[case(done(), "Ready=True/BucketReady")]
    #[case(running(), "Ready=False/Creating Reconciling=True/Creating")]
    #[case(
        waiting(),
        "Ready=False/ProviderNotReady Reconciling=True/ProviderNotReady"
    )]
    #[case(
        Err(Fault::terminal(Reason::sample("Invalid"), "no")),
        "Ready=False/Invalid Stalled=True/Invalid"
    )]
    #[case(
        Err(Fault::transient(Reason::sample("Down"), "no")),
        "Ready=False/Down Reconciling=True/Down"
    )]
    #[case(
        Err(Fault::blocked(Reason::sample("Denied"), "no")),
        "Ready=False/Denied Reconciling=True/Denied"
    )]
    #[case(
        Ok(Outcome::Held { reason: Reason::sample("Drifted"), message: "left".into() }),
        "Ready=False/Drifted Stalled=True/Drifted"
    )]
    #[case(Ok(Outcome::Paused), "Paused=True/Paused")]
    #[case(Ok(Outcome::Superseded), "")]
    #[case(Ok(Outcome::Released), "")]
    fn each_result_has_its_conditions_whatever_stood_there(
        #[case] result: PassResult,
        #[case] expected: &str,
    ) {
        let mut fresh = Lifecycle::default();
        conclude(&mut fresh, &result, Some(3), at(1));
        assert_eq!(shown(&fresh), expected);

        let kept = matches!(
            result,
            Ok(Outcome::Paused
                | Outcome::Superseded
                | Outcome::Undecided { .. }
                | Outcome::Released)
        );
        for before in [
            done(),
            running(),
            waiting(),
            Err(Fault::terminal(Reason::sample("Invalid"), "no")),
        ] {
            let mut status = Lifecycle::default();
            conclude(&mut status, &before, Some(2), at(1));
            conclude(&mut status, &Ok(Outcome::Paused), Some(2), at(1));
            conclude(&mut status, &result, Some(3), at(2));
            if !kept {
                assert_eq!(shown(&status), expected, "after {before:?}");
                assert_eq!(status.observed_generation, Some(3));
                assert!(
                    status
                        .conditions
                        .iter()
                        .all(|c| c.observed_generation == Some(3))
                );
                assert_eq!(status.ready, matches!(result, Ok(Outcome::Done { .. })));
            }
        }
    }

    #[test]
    fn a_pause_keeps_what_was_in_force_and_for_which_generation() {
        let mut status = Lifecycle::default();
        conclude(&mut status, &done(), Some(1), at(1));
        conclude(&mut status, &Ok(Outcome::Paused), Some(2), at(2));
        assert_eq!(shown(&status), "Ready=True/BucketReady Paused=True/Paused");
        assert!(status.ready);
        assert_eq!(
            status.observed_generation,
            Some(1),
            "generation 2 is not in force"
        );
        assert_eq!(
            status.condition(READY).unwrap().observed_generation,
            Some(1)
        );
        assert_eq!(
            status.condition(PAUSED).unwrap().observed_generation,
            Some(2)
        );
    }

    #[test]
    fn a_transition_time_moves_only_with_the_status() {
        let mut status = Lifecycle::default();
        conclude(&mut status, &running(), Some(1), at(1));
        conclude(&mut status, &waiting(), Some(2), at(2));
        assert_eq!(
            status.condition(READY).unwrap().last_transition_time,
            Time(at(1)),
            "still False"
        );
        assert_eq!(status.condition(READY).unwrap().reason, "ProviderNotReady");
        conclude(&mut status, &done(), Some(2), at(3));
        assert_eq!(
            status.condition(READY).unwrap().last_transition_time,
            Time(at(3))
        );
        let before = status.clone();
        conclude(&mut status, &done(), Some(2), at(4));
        assert_eq!(status, before, "the same result again changes nothing");
    }

    #[test]
    fn a_kinds_own_conditions_stay_behind_the_engines() {
        let mut status = Lifecycle::default();
        set(
            &mut status,
            condition("Synced", true, Reason::sample("Read"), "", Some(1), at(1)),
        );
        set(
            &mut status,
            condition(
                "Encrypted",
                true,
                Reason::sample("Read"),
                "",
                Some(1),
                at(1),
            ),
        );
        conclude(&mut status, &running(), Some(1), at(1));
        assert_eq!(
            shown(&status),
            "Ready=False/Creating Reconciling=True/Creating Encrypted=True/Read Synced=True/Read"
        );
    }

    #[test]
    fn a_long_message_is_cut() {
        let mut status = Lifecycle::default();
        conclude(
            &mut status,
            &Err(Fault::terminal(Reason::sample("Long"), "é".repeat(4000))),
            Some(1),
            at(1),
        );
        let message = &status.condition(READY).unwrap().message;
        assert!(message.len() <= MAX_MESSAGE && message.ends_with('…'));
    }
}
