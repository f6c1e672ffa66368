use operator_core::{
    decide::key::ObjectKey,
    engines::fanout::{Digest, Standing},
};
use rstest::rstest;

use super::*;
use crate::snapshot::{ItemId, Kind};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Moment {
    Moment::ORIGIN + SECOND * seconds
}

fn sent() -> What {
    What::Sent(Digest::of([]))
}

fn of(applied: usize, connected: usize) -> Standing {
    Standing {
        applied,
        connected,
        ..Standing::default()
    }
}

const IN_FORCE: Stored<'static> = Stored::InForce {
    message: "Route successfully applied to 2 gateways",
};

/// A wish that was seen at second 0, told at second 100.
fn judged(standing: Standing, stored: Stored<'_>, told: usize) -> Judgement {
    judged_at(100, standing, stored, told)
}

fn judged_at(second: u32, standing: Standing, stored: Stored<'_>, told: usize) -> Judgement {
    let found = Found {
        noun: "Route",
        what: &sent(),
        since: at(0),
        standing,
        told,
        stored,
    };
    judge(found, at(second))
}

fn done(judgement: &Judgement) -> Option<&str> {
    match &judgement.result {
        Ok(Outcome::Done { reason, message }) => {
            assert_eq!(*reason, reasons::RECONCILED);
            assert!(judgement.programmed.as_ref().is_some_and(|it| it.holds));
            Some(message)
        }
        _ => None,
    }
}

fn running(judgement: &Judgement) -> Option<(&str, &str)> {
    match &judgement.result {
        Ok(Outcome::Running { reason, task, .. }) => Some((reason.as_str(), task)),
        _ => None,
    }
}

#[test]
fn what_every_gateway_has_is_done() {
    let judgement = judged(of(2, 2), Stored::Nothing, 2);
    assert_eq!(
        done(&judgement),
        Some("Route successfully applied to 2 gateways")
    );
    assert!(judgement.lists_anew && judgement.accepted.holds);
    let judgement = judged(of(1, 1), Stored::Nothing, 1);
    assert_eq!(
        done(&judgement),
        Some("Route successfully applied to 1 gateway")
    );
}

#[test]
fn what_some_have_and_what_none_can_have_is_told() {
    let some = judged(of(1, 2), Stored::Nothing, 2);
    assert_eq!(
        running(&some),
        Some(("Programming", "applied to 1 of 2 gateways"))
    );
    assert!(
        some.programmed
            .is_some_and(|it| !it.holds && it.message == "applied to 1 of 2 gateways")
    );
    let none = judged(of(0, 0), Stored::Nothing, 0);
    assert_eq!(
        running(&none),
        Some(("NoGateway", "no gateway is connected"))
    );
    let stuck = judged(of(1, 2), IN_FORCE, 2);
    assert_eq!(
        running(&stuck),
        Some(("Programming", "applied to 1 of 2 gateways"))
    );
}

#[rstest]
#[case::new(Stored::Nothing)]
#[case::its_content_changed(IN_FORCE)]
fn an_edit_that_is_taken_at_once_is_told_once(#[case] stored: Stored<'_>) {
    let early = judged_at(0, of(1, 2), stored, 2);
    assert!(matches!(early.result, Ok(Outcome::Superseded)), "{early:?}");
    assert!(running(&judged_at(1, of(1, 2), stored, 2)).is_some());
    assert!(done(&judged_at(0, of(2, 2), stored, 2)).is_some());
}

#[test]
fn who_joins_or_leaves_turns_nothing_within_the_grace() {
    let joining = Standing {
        joining: 1,
        ..of(2, 3)
    };
    let left = Standing {
        just_left: true,
        ..of(0, 0)
    };
    let opening = Standing {
        opening: true,
        ..of(0, 1)
    };
    for standing in [joining, left, opening] {
        let kept = judged(standing, IN_FORCE, 3);
        assert_eq!(
            done(&kept),
            Some("Route successfully applied to 2 gateways")
        );
        assert!(!kept.lists_anew);
        assert!(running(&judged(standing, Stored::Nothing, 3)).is_some());
    }
}

#[rstest]
#[case::new(Stored::Nothing)]
#[case::not_everywhere_so_far(Stored::NotInForce { reason: "Programming", message: "applied to 1 of 2 gateways", at: None })]
fn nothing_new_is_told_while_other_replicas_may_have_gateways_of_their_own(
    #[case] stored: Stored<'_>,
) {
    let hearing = Standing {
        hearing: true,
        opening: true,
        ..of(2, 2)
    };
    let early = judged(hearing, stored, 2);
    assert!(
        matches!(early.result, Ok(Outcome::Undecided { .. })),
        "{early:?}"
    );
    assert!(early.programmed.is_none());
    let kept = judged(hearing, IN_FORCE, 2);
    assert!(done(&kept).is_some() && !kept.lists_anew);
}

#[test]
fn an_operator_that_starts_anew_does_not_say_at_once_that_there_are_no_gateways() {
    let opening = Standing {
        opening: true,
        ..of(0, 0)
    };
    let programming = Stored::NotInForce {
        reason: "Programming",
        message: "applied to 1 of 2 gateways",
        at: None,
    };
    let early = judged(opening, programming, 0);
    assert!(
        matches!(early.result, Ok(Outcome::Undecided { .. })),
        "{early:?}"
    );
    let invalid = Stored::NotInForce {
        reason: "Invalid",
        message: "spec.timeout: soon",
        at: None,
    };
    assert!(
        running(&judged(opening, invalid, 0)).is_some(),
        "it is valid now"
    );
    let late = judged(of(0, 0), programming, 0);
    assert_eq!(
        running(&late),
        Some(("NoGateway", "no gateway is connected"))
    );
}

#[test]
fn another_number_of_gateways_is_told_when_it_is_told_of_everything() {
    let early = judged(of(3, 3), IN_FORCE, 2);
    assert_eq!(
        done(&early),
        Some("Route successfully applied to 2 gateways")
    );
    let due = judged(of(3, 3), IN_FORCE, 3);
    assert_eq!(done(&due), Some("Route successfully applied to 3 gateways"));
    assert!(due.lists_anew);
    assert!(
        !judged(of(2, 2), IN_FORCE, 2).lists_anew,
        "it stands so already"
    );
}

#[test]
fn progress_is_told_now_and_then_and_another_reason_at_once() {
    let told = |reason, second| Stored::NotInForce {
        reason,
        message: "applied to 1 of 9 gateways",
        at: Some(at(second)),
    };
    let early = judged(of(5, 9), told("Programming", 90), 9);
    assert_eq!(
        running(&early),
        Some(("Programming", "applied to 1 of 9 gateways"))
    );
    assert!(early.programmed.is_none());
    let Ok(Outcome::Running { poll, .. }) = early.result else {
        unreachable!()
    };
    assert_eq!(poll, 20 * SECOND);
    let due = judged(of(5, 9), told("Programming", 70), 9);
    assert_eq!(
        running(&due),
        Some(("Programming", "applied to 5 of 9 gateways"))
    );
    let mended = judged(of(5, 9), told("NameConflict", 99), 9);
    assert_eq!(
        running(&mended),
        Some(("Programming", "applied to 5 of 9 gateways"))
    );
    assert!(done(&judged(of(9, 9), told("Programming", 99), 9)).is_some());
}

#[rstest]
#[case(What::Invalid("spec.route: none".to_owned()), "Invalid", "spec.route: none", false)]
#[case(
    What::LeftOut(LeftOut::NameTaken { by: ItemId::new(Kind::Backend, ObjectKey::new("old", "b")) }),
    "NameConflict", "backend/old/b", false
)]
#[case(
    What::LeftOut(LeftOut::ClaimTaken {
        by: ItemId::new(Kind::ApiRoute, ObjectKey::new("ns", "first")), claim: "GET /api".to_owned(),
    }),
    "MatchConflict", "apiroute/ns/first takes the same requests, GET /api", false
)]
#[case(What::LeftOut(LeftOut::TooLarge { needs: 9, left: 3 }), "ConfigurationTooLarge", "needs 9 bytes", false)]
#[case(
    What::LeftOut(LeftOut::Refused { words: "bad regex".to_owned() }),
    "RefusedByGateway", "a gateway refused it: bad regex", true
)]
fn what_is_not_sent_is_told_with_the_reason(
    #[case] what: What,
    #[case] reason: &str,
    #[case] words: &str,
    #[case] accepted: bool,
) {
    let found = Found {
        noun: "Route",
        what: &what,
        since: at(0),
        standing: Standing::default(),
        told: 0,
        stored: IN_FORCE,
    };
    let judgement = judge(found, at(0));
    let fault = judgement.result.expect_err("only an edit helps");
    assert_eq!(fault.reason.as_str(), reason);
    assert!(fault.message.contains(words), "{}", fault.message);
    assert_eq!(judgement.accepted.holds, accepted);
    let programmed = judgement.programmed.expect("told");
    assert!(!programmed.holds && programmed.reason.as_str() == reason);
}
