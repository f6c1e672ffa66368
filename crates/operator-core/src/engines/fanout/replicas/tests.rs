//! What one side tells and the other hears, without a wire between them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use prost::Message as _;
use replica_protocol::{self as wire, ReportRequest, receiver::Has, report_request::Report};
use rstest::rstest;

use super::{
    super::{Board, Contents, Digest, Entry, Known, Refusal, Refusals},
    LONGEST_MESSAGE,
    hear::{Heard, Hearing},
    tell::Telling,
};
use crate::decide::clock::Moment;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Moment {
    Moment::ORIGIN + SECOND * seconds
}

fn contents(held: &BTreeMap<u16, u8>) -> Arc<Contents<u16>> {
    let entry = |(id, content): (&u16, &u8)| {
        Arc::new(Entry {
            id: *id,
            digest: Digest::of([&[*content][..]]),
        })
    };
    Arc::new(Contents::new(held.iter().map(entry)))
}

/// Two replicas, and the stream from the one to the other.
struct Pair {
    follower: Board<u8, u16>,
    refused: Refusals<u16>,
    leader: Board<u8, u16>,
    known: Refusals<u16>,
    telling: Telling<u8, u16>,
    hearing: Hearing<u16>,
    reporting: super::super::Reporting,
    messages: usize,
    bytes: usize,
}

impl Pair {
    fn new() -> Self {
        let leader = Board::new(Duration::ZERO, at(0));
        leader.leads(false, at(0));
        let mut telling = Telling::open("b");
        let (replica, hearing) = Hearing::open(telling.next()).unwrap();
        let reporting = leader.reports(replica, at(0)).unwrap();
        Self {
            follower: Board::new(Duration::ZERO, at(0)),
            refused: Refusals::default(),
            leader,
            known: Refusals::default(),
            telling,
            hearing,
            reporting,
            messages: 0,
            bytes: 0,
        }
    }

    fn compare(&mut self, now: Moment) {
        self.telling
            .compare(self.follower.own(), self.refused.own(), now);
    }

    /// Carries one message; says whether there was one.
    fn carry(&mut self, now: Moment) -> bool {
        let Some(message) = self.telling.next() else {
            return false;
        };
        assert!(message.encoded_len() <= LONGEST_MESSAGE);
        self.messages += 1;
        self.bytes += message.encoded_len();
        let replica = self.reporting.replica();
        match self.hearing.hear::<u8>(message).unwrap() {
            Heard::Nothing => {}
            Heard::Receiver {
                id,
                session,
                connected,
                has,
            } => {
                let joined = now - connected;
                let valid = self
                    .leader
                    .reported(&self.reporting, &id, session, has, joined);
                assert!(valid);
            }
            Heard::Left(id) => assert!(self.leader.reported_left(&self.reporting, &id, now)),
            Heard::Refused(id, refusal) => self.known.reported(replica, &id, refusal),
            Heard::RefusalGone(id) => self.known.withdrawn(replica, &id),
        }
        true
    }

    fn settle(&mut self, now: Moment) {
        while self.carry(now) {}
        self.compare(now);
        while self.carry(now) {}
    }

    fn assert_equal(&self) {
        let told: Vec<_> = self
            .follower
            .own()
            .into_iter()
            .map(|(id, known)| (id, known.session, known.joined, known.has))
            .collect();
        let connected = self.leader.receivers().into_iter();
        let connected = connected.filter(|(_, known)| known.left.is_none());
        let heard: Vec<_> = connected
            .map(|(id, known)| (id, known.session, known.joined, known.has))
            .collect();
        assert_eq!(heard, told);
        assert_eq!(**self.known.watch().borrow(), self.refused.own());
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Joins(u8, bool),
    Has(u8, BTreeMap<u16, u8>),
    Leaves(u8),
    Refuses(u16, u8),
    Forgets(u16),
    Compared,
    Carried(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let content = prop::collection::btree_map(0..6_u16, 0..3_u8, 0..6);
    prop_oneof![
        2 => (0..4_u8, any::<bool>()).prop_map(|(id, fresh)| Happening::Joins(id, fresh)),
        4 => (0..4_u8, content).prop_map(|(id, held)| Happening::Has(id, held)),
        1 => (0..4_u8).prop_map(Happening::Leaves),
        1 => (0..3_u16, 0..3_u8).prop_map(|(id, edition)| Happening::Refuses(id, edition)),
        1 => (0..3_u16).prop_map(Happening::Forgets),
        3 => Just(Happening::Compared),
        3 => (0..5_u8).prop_map(Happening::Carried),
    ]
}

proptest! {
    /// Whatever happens while some of it is on its way: in the end the leader knows what is.
    #[test]
    fn the_leader_knows_in_the_end_what_is(history in prop::collection::vec(happening(), 0..80)) {
        let mut pair = Pair::new();
        let mut sessions: BTreeMap<u8, String> = BTreeMap::new();
        for (step, happening) in (1_u32..).zip(history) {
            let now = at(step);
            match happening {
                Happening::Joins(id, fresh) => {
                    let session = format!("s{step}");
                    let has = if fresh { Known::Nothing } else { Known::Something };
                    pair.follower.joined(&id, session.as_str().into(), has, now);
                    sessions.insert(id, session);
                }
                Happening::Has(id, held) => {
                    if let Some(session) = sessions.get(&id) {
                        pair.follower.has(&id, session, Known::Exactly(contents(&held)));
                    }
                }
                Happening::Leaves(id) => {
                    if let Some(session) = sessions.get(&id) {
                        pair.follower.left(&id, session, now);
                    }
                }
                Happening::Refuses(id, edition) => pair.refused.note(&id, Refusal {
                    edition: edition.to_string().into(),
                    words: format!("words {step}").into(),
                }),
                Happening::Forgets(id) => pair.refused.retain(|known, _| *known != id),
                // As the stream does it: when all was said.
                Happening::Compared => {
                    while pair.carry(now) {}
                    pair.compare(now);
                }
                Happening::Carried(messages) => {
                    for _ in 0..messages {
                        pair.carry(now);
                    }
                }
            }
        }
        pair.settle(at(100));
        // Joined moments are told when they are compared: all at the same one here.
        let mut fresh = Pair::new();
        std::mem::swap(&mut fresh.follower, &mut pair.follower);
        std::mem::swap(&mut fresh.refused, &mut pair.refused);
        fresh.settle(at(100));
        fresh.assert_equal();
        let known = |pair: &Pair| {
            let all = pair.leader.receivers().into_iter();
            let all = all.filter(|(_, known)| known.left.is_none());
            all.map(|(id, known)| (id, known.session, known.has)).collect::<Vec<_>>()
        };
        prop_assert_eq!(known(&pair), known(&fresh), "as a stream that begins now");
        let known = |pair: &Pair| pair.known.watch().borrow().clone();
        prop_assert_eq!(known(&pair), known(&fresh));
    }
}

#[test]
fn a_steady_state_is_told_once() {
    let mut pair = Pair::new();
    let held = contents(&(0..100).map(|id| (id, 1)).collect());
    for receiver in 0..200 {
        pair.follower
            .joined(&receiver, "s".into(), Known::Exactly(held.clone()), at(1));
    }
    pair.settle(at(2));
    assert_eq!(pair.messages, 201, "the contents, then who has them");
    pair.settle(at(3));
    assert_eq!(pair.messages, 201);
}

#[test]
fn what_changes_back_before_it_is_heard_is_never_sent() {
    let mut pair = Pair::new();
    pair.follower.joined(
        &1,
        "s".into(),
        Known::Exactly(contents(&[(1, 1)].into())),
        at(1),
    );
    pair.settle(at(1));
    let before = pair.messages;
    for content in 2..50 {
        let held = contents(&[(1, content)].into());
        pair.follower.has(&1, "s", Known::Exactly(held));
    }
    pair.follower
        .has(&1, "s", Known::Exactly(contents(&[(1, 1)].into())));
    pair.settle(at(2));
    assert_eq!(pair.messages, before);
}

#[test]
fn many_entries_go_in_several_messages_and_one_edit_in_a_small_one() {
    let mut pair = Pair::new();
    let mut held: BTreeMap<u16, u8> = (0..20_000).map(|id| (id, 1)).collect();
    let has = |pair: &Pair, held: &BTreeMap<u16, u8>| {
        pair.follower.has(&1, "s", Known::Exactly(contents(held)))
    };
    pair.follower.joined(&1, "s".into(), Known::Nothing, at(1));
    has(&pair, &held);
    pair.settle(at(1));
    assert!(pair.messages > 3, "{} messages", pair.messages);
    pair.assert_equal();

    let before = pair.bytes;
    held.insert(7, 2);
    held.remove(&8);
    has(&pair, &held);
    pair.settle(at(1));
    pair.assert_equal();
    let told = pair.bytes - before;
    assert!(told < 300, "{told} bytes for one edit");
}

#[test]
fn words_are_bounded() {
    let mut pair = Pair::new();
    let refusal = Refusal {
        edition: "a".into(),
        words: "é".repeat(2 * LONGEST_MESSAGE).into(),
    };
    pair.refused.note(&1, refusal);
    pair.settle(at(1));
    let words = pair.known.words(&1, "a").unwrap();
    assert!(words.starts_with('é') && words.len() <= 16 << 10);
}

fn version(held: &[(u16, u8)]) -> Vec<u8> {
    let held = contents(&held.iter().copied().collect());
    held.version().as_bytes().to_vec()
}

fn part(version: Vec<u8>, more: bool) -> wire::Contents {
    wire::Contents {
        version,
        more,
        ..wire::Contents::default()
    }
}

fn receiver(id: &str, has: Option<Has>) -> Report {
    Report::Receiver(wire::Receiver {
        id: id.to_owned(),
        has,
        ..wire::Receiver::default()
    })
}

#[rstest]
#[case::nothing(vec![None], "a message without a report")]
#[case::opened_twice(vec![Some(Report::Opening(wire::Opening::default()))], "opening came twice")]
#[case::no_digest(vec![Some(Report::Contents(part(vec![1], false)))], "contents.version: 1 bytes")]
#[case::another_name(
    vec![Some(Report::Contents(part(vec![0; 16], false)))],
    "is not the name of what was told"
)]
#[case::unknown_base(
    vec![Some(Report::Contents(wire::Contents { base: vec![0; 16], ..part(version(&[]), false) }))],
    "contents.base: 00000000000000000000000000000000 was not told"
)]
#[case::mixed_parts(
    vec![
        Some(Report::Contents(part(version(&[]), true))),
        Some(Report::Contents(part(vec![0; 16], false))),
    ],
    "contents: a part of something else"
)]
#[case::interrupted_parts(
    vec![
        Some(Report::Contents(part(version(&[]), true))),
        Some(receiver("1", Some(Has::Nothing(wire::Nothing {})))),
    ],
    "followed by something else"
)]
#[case::no_entry(
    vec![Some(Report::Contents(wire::Contents {
        changed: vec![wire::Entry { id: "x".into(), digest: vec![0; 16] }],
        ..part(version(&[]), false)
    }))],
    "contents.changed.id: \"x\""
)]
#[case::has_not_set(vec![Some(receiver("1", None))], "receiver.has is not set")]
#[case::no_receiver(vec![Some(receiver("x", Some(Has::Nothing(wire::Nothing {}))))], "receiver.id: \"x\"")]
#[case::unknown_version(
    vec![Some(receiver("1", Some(Has::Version(vec![0; 16]))))],
    "receiver.version: 00000000000000000000000000000000 was not told"
)]
#[case::no_refused(
    vec![Some(Report::Refusal(wire::Refusal { id: "-1".into(), ..wire::Refusal::default() }))],
    "refusal.id: \"-1\""
)]
fn what_makes_no_sense_is_named(#[case] reports: Vec<Option<Report>>, #[case] why: &str) {
    let (_, mut hearing) = Hearing::<u16>::open(Telling::<u8, u16>::open("b").next()).unwrap();
    let answers = reports.into_iter();
    let answers = answers.map(|report| hearing.hear::<u8>(ReportRequest { report }));
    let mut answers = answers.collect::<Vec<_>>();
    let malformed = answers.pop().unwrap().unwrap_err().to_string();
    assert!(answers.iter().all(Result::is_ok), "only the last one");
    assert!(malformed.contains(why), "{malformed}");
}

#[rstest]
#[case::the_end(None)]
#[case::another(Some(receiver("1", None)))]
#[case::no_name(Some(Report::Opening(wire::Opening::default())))]
fn a_stream_begins_with_its_opening(#[case] report: Option<Report>) {
    let first = report.map(|report| ReportRequest {
        report: Some(report),
    });
    assert!(Hearing::<u16>::open(first).is_err());
}
