//! Single cases, with client-go's timings: 15 s, 10 s, 2 s.

use std::time::Duration;

use jiff::Timestamp;

use super::{Action, Answer, Elector, Moment, Record, Timings};

fn at(seconds: f64) -> Moment {
    Moment::at(Duration::from_secs_f64(seconds))
}

/// The wall clock of these tests shows an hour that has nothing to do with the monotonic clock.
fn wall(seconds: i64) -> Timestamp {
    Timestamp::new(1_000_000 + seconds, 0).unwrap()
}

fn candidate() -> Elector {
    Elector::new("me", Timings::default())
}

fn held_by(holder: &str) -> Record {
    Record {
        holder: holder.into(),
        duration: Some(Duration::from_secs(15)),
        acquired: Some(wall(-500)),
        renewed: Some(wall(-400)),
        transitions: 7,
    }
}

/// Tells the elector at `now` what a read found that was sent and answered then.
fn found(elector: &mut Elector, record: Record, version: &str, now: f64) {
    elector.answered(Answer::Found(record, version.into()), at(now), at(now), 0.0);
}

/// Lets the elector write what it wants to write now; sent at `now`, stored as `version`.
fn write(elector: &mut Elector, version: &str, now: f64) -> Record {
    let (Action::Create(record) | Action::Update(record, _)) =
        elector.next(at(now), wall(now as i64))
    else {
        panic!("{elector:?} does not want to write");
    };
    elector.answered(
        Answer::Written(record.clone(), version.into()),
        at(now),
        at(now),
        0.0,
    );
    record
}

fn leader() -> Elector {
    let mut elector = candidate();
    elector.answered(Answer::Absent, at(0.0), at(0.0), 0.0);
    write(&mut elector, "1", 0.0);
    assert_eq!(elector.leading_until(), Some(at(10.0)));
    elector
}

#[test]
fn the_first_one_creates_the_lease() {
    let mut elector = candidate();
    assert_eq!(elector.next(at(0.0), wall(0)), Action::Read);
    elector.answered(Answer::Absent, at(0.0), at(0.0), 0.0);
    let record = write(&mut elector, "1", 0.0);
    let expected = Record {
        holder: "me".into(),
        duration: Some(Duration::from_secs(15)),
        acquired: Some(wall(0)),
        renewed: Some(wall(0)),
        transitions: 0,
    };
    assert_eq!(record, expected);
    assert_eq!(
        (elector.holder(), elector.leading_until()),
        (Some("me"), Some(at(10.0)))
    );
}

#[test]
fn a_leader_renews_every_retry_period_and_keeps_the_acquire_time() {
    let mut elector = leader();
    assert_eq!(elector.next(at(0.5), wall(0)), Action::WaitUntil(at(2.0)));
    let record = write(&mut elector, "2", 2.0);
    assert_eq!(
        (record.acquired, record.renewed, record.transitions),
        (Some(wall(0)), Some(wall(2)), 0)
    );
    assert_eq!(elector.leading_until(), Some(at(12.0)));
}

#[test]
fn the_deadline_counts_from_when_the_request_was_sent() {
    let mut elector = leader();
    let Action::Update(record, version) = elector.next(at(2.0), wall(2)) else {
        panic!("{elector:?}")
    };
    assert_eq!(version, "1");
    elector.answered(Answer::Written(record, "2".into()), at(2.0), at(6.5), 0.0);
    assert_eq!(elector.leading_until(), Some(at(12.0)));
    assert!(
        matches!(elector.next(at(6.5), wall(6)), Action::Update(..)),
        "a slow answer delays no renewal"
    );
}

#[test]
fn a_held_lease_is_taken_when_it_has_not_changed_for_its_duration() {
    let mut elector = candidate();
    found(&mut elector, held_by("other"), "5", 100.0);
    assert_eq!(
        (elector.holder(), elector.leading_until()),
        (Some("other"), None)
    );
    assert_eq!(
        elector.next(at(100.0), wall(0)),
        Action::WaitUntil(at(102.0))
    );
    assert_eq!(elector.next(at(102.0), wall(0)), Action::Read);
    found(&mut elector, held_by("other"), "6", 102.0);
    found(&mut elector, held_by("other"), "6", 116.9);
    assert_eq!(
        elector.next(at(119.0), wall(0)),
        Action::Read,
        "another version was a sign of life"
    );
    found(&mut elector, held_by("other"), "6", 117.0);
    let record = write(&mut elector, "7", 117.0);
    assert_eq!(
        (record.holder.as_str(), record.transitions, record.acquired),
        ("me", 8, Some(wall(117)))
    );
    assert_eq!(elector.leading_until(), Some(at(127.0)));
}

#[test]
fn the_holder_says_how_long_its_claim_lasts() {
    for (duration, until) in [(Some(40), 40.0), (Some(3), 3.0), (None, 15.0)] {
        let mut elector = candidate();
        let record = Record {
            duration: duration.map(Duration::from_secs),
            ..held_by("other")
        };
        found(&mut elector, record.clone(), "5", 0.0);
        found(&mut elector, record.clone(), "5", until - 0.1);
        assert!(
            matches!(elector.next(at(until - 0.1), wall(0)), Action::WaitUntil(_)),
            "{duration:?}"
        );
        found(&mut elector, record, "5", until);
        assert!(
            matches!(elector.next(at(until), wall(0)), Action::Update(..)),
            "{duration:?}"
        );
    }
}

#[test]
fn a_lease_without_holder_is_free_at_once() {
    let mut elector = candidate();
    found(&mut elector, held_by("other"), "5", 0.0);
    found(&mut elector, held_by(""), "6", 2.0);
    assert_eq!(write(&mut elector, "7", 2.0).transitions, 8);
    assert!(elector.leading_until().is_some());
}

#[test]
fn a_deleted_lease_frees_nothing_before_its_time() {
    let mut elector = candidate();
    found(&mut elector, held_by("other"), "5", 0.0);
    elector.answered(Answer::Absent, at(2.0), at(2.0), 0.0);
    assert_eq!(elector.next(at(4.0), wall(0)), Action::Read);
    elector.answered(Answer::Absent, at(15.0), at(15.0), 0.0);
    assert!(matches!(elector.next(at(15.0), wall(0)), Action::Create(_)));

    let mut elector = leader();
    elector.answered(Answer::Absent, at(2.0), at(2.0), 0.0);
    assert!(
        matches!(elector.next(at(2.0), wall(0)), Action::Create(_)),
        "its holder brings it back"
    );
    assert_eq!(elector.leading_until(), Some(at(10.0)));
}

#[test]
fn candidates_retry_apart() {
    for (jitter, retry) in [(0.0, 2.0), (0.5, 3.2), (0.999, 4.3976)] {
        let mut elector = candidate();
        elector.answered(
            Answer::Found(held_by("other"), "5".into()),
            at(0.0),
            at(0.0),
            jitter,
        );
        assert_eq!(elector.next(at(0.0), wall(0)), Action::WaitUntil(at(retry)));
        elector.answered(Answer::Failed, at(9.0), at(10.0), jitter);
        assert_eq!(
            elector.next(at(10.0), wall(0)),
            Action::WaitUntil(at(10.0 + retry))
        );
    }
}

#[test]
fn a_leader_that_cannot_renew_reads_and_tries_again_until_its_deadline() {
    let mut elector = leader();
    elector.answered(Answer::Failed, at(2.0), at(2.5), 0.9);
    assert_eq!(elector.next(at(2.5), wall(0)), Action::WaitUntil(at(4.0)));
    assert_eq!(
        elector.next(at(4.0), wall(0)),
        Action::Read,
        "the lost write may have had its effect"
    );
    found(
        &mut elector,
        Record {
            renewed: Some(wall(2)),
            ..held_by("me")
        },
        "2",
        4.0,
    );
    assert!(matches!(elector.next(at(4.0), wall(4)), Action::Update(_, version) if version == "2"));
    elector.answered(Answer::Failed, at(4.0), at(9.0), 0.9);
    elector.answered(Answer::Failed, at(9.0), at(9.5), 0.9);
    assert_eq!(
        elector.leading_until(),
        Some(at(10.0)),
        "nothing of this has renewed it"
    );
    assert_eq!(elector.next(at(9.5), wall(0)), Action::WaitUntil(at(10.0)));
    assert_eq!(elector.next(at(10.0), wall(0)), Action::WaitUntil(at(11.0)));
    assert_eq!(elector.leading_until(), None);
}

#[test]
fn a_leader_that_slept_past_its_deadline_reads_before_it_writes() {
    let mut elector = leader();
    assert_eq!(elector.next(at(1_000.0), wall(0)), Action::Read);
    found(&mut elector, held_by("other"), "9", 1_000.0);
    assert_eq!(
        (elector.leading_until(), elector.holder()),
        (None, Some("other"))
    );
    assert!(matches!(
        elector.next(at(1_000.0), wall(0)),
        Action::WaitUntil(_)
    ));
}

#[test]
fn a_leader_that_sees_another_holder_leads_no_more() {
    let mut elector = leader();
    elector.answered(Answer::Failed, at(2.0), at(2.0), 0.0);
    found(&mut elector, held_by("other"), "9", 4.0);
    assert_eq!(elector.leading_until(), None);
}

#[test]
fn an_answer_after_the_deadline_does_not_lead() {
    let mut elector = candidate();
    elector.answered(Answer::Absent, at(0.0), at(0.0), 0.0);
    let Action::Create(record) = elector.next(at(0.0), wall(0)) else {
        panic!("{elector:?}")
    };
    elector.answered(Answer::Written(record, "1".into()), at(0.0), at(11.0), 0.0);
    assert!(
        elector
            .leading_until()
            .is_none_or(|until| until <= at(11.0))
    );
    assert_eq!(elector.next(at(11.0), wall(0)), Action::Read);
}

#[test]
fn what_the_server_stored_counts_not_what_was_sent() {
    let mut elector = candidate();
    elector.answered(Answer::Absent, at(0.0), at(0.0), 0.0);
    elector.answered(
        Answer::Written(held_by("other"), "1".into()),
        at(0.0),
        at(0.0),
        0.0,
    );
    assert_eq!(elector.leading_until(), None);
}

#[test]
fn a_leader_that_resigns_clears_the_holder() {
    let mut elector = leader();
    elector.resign();
    assert_eq!(elector.leading_until(), None);
    let Action::Update(record, version) = elector.next(at(1.0), wall(1)) else {
        panic!("{elector:?}")
    };
    let freed = Record {
        holder: String::new(),
        duration: Some(Duration::from_secs(1)),
        acquired: Some(wall(1)),
        renewed: Some(wall(1)),
        transitions: 0,
    };
    assert_eq!((&record, version.as_str()), (&freed, "1"));
    elector.answered(Answer::Written(record, "2".into()), at(1.0), at(1.0), 0.0);
    assert_eq!(elector.next(at(1.0), wall(1)), Action::End);
}

#[test]
fn resigning_survives_an_answer_that_was_lost() {
    let mut elector = leader();
    elector.answered(Answer::Failed, at(2.0), at(2.0), 0.0);
    elector.resign();
    assert_eq!(elector.next(at(2.0), wall(2)), Action::Read);
    found(&mut elector, held_by("me"), "2", 2.0);
    assert_eq!(elector.leading_until(), None);
    let record = write(&mut elector, "3", 2.0);
    assert_eq!(
        (record.holder.as_str(), elector.next(at(2.0), wall(2))),
        ("", Action::End)
    );
}

#[test]
fn a_renewal_that_ends_after_resigning_does_not_lead() {
    let mut elector = leader();
    let Action::Update(renewed, _) = elector.next(at(2.0), wall(2)) else {
        panic!("{elector:?}")
    };
    elector.resign();
    elector.answered(Answer::Written(renewed, "2".into()), at(2.0), at(2.1), 0.0);
    assert_eq!(elector.leading_until(), None);
    let released = elector.next(at(2.1), wall(2));
    assert!(
        matches!(released, Action::Update(record, version) if record.holder.is_empty() && version == "2")
    );
}

#[test]
fn a_candidate_that_resigns_leaves_the_lease_alone() {
    let mut elector = candidate();
    found(&mut elector, held_by("other"), "5", 0.0);
    elector.resign();
    assert_eq!(elector.next(at(0.0), wall(0)), Action::End);
}
