//! Answers about callers, remembered for a while. Pure: time comes as a parameter.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest, Sha256};

use crate::decide::clock::Moment;

/// How many answers of each sort are remembered at most.
const MOST: usize = 256;
/// How long a right that was taken away may still be used.
const ALLOWED: Duration = Duration::from_secs(60);
/// From this age on a right that is used is asked for again, while it still lasts.
const AGED: Duration = Duration::from_secs(20);
/// How long a right that was given may still be missed.
const DENIED: Duration = Duration::from_secs(5);
/// How long it is known who once had a right, so that it need not queue with those that never had one.
const ACQUAINTED: Duration = Duration::from_secs(3600);

/// What was asked: of a token nothing is kept but its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question([u8; 32]);

/// What the API server says of a caller that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Given,
    Missing,
}

/// What is known without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The right is there.
    Given,
    /// The right is there, and it is time to ask again.
    Aged,
    /// The right was there before, and has to be asked for.
    Lapsed,
    /// The right is missing.
    Missing,
    /// Nothing.
    Nothing,
}

/// Answers by their questions, bounded in number and time. Those who miss a right take no room from those who
/// have it.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// When the right was given.
    given: BTreeMap<Question, Moment>,
    /// When it was missed.
    missing: BTreeMap<Question, Moment>,
}

impl Question {
    pub(super) fn new(token: &str, verb: &str, path: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [token, verb, path] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl Remembered {
    /// What is known.
    pub(super) fn get(&self, question: &Question, now: Moment) -> Known {
        let age = |answers: &BTreeMap<Question, Moment>| Some(now.since(*answers.get(question)?));
        if age(&self.missing).is_some_and(|age| age < DENIED) {
            return Known::Missing;
        }
        match age(&self.given) {
            Some(age) if age < AGED => Known::Given,
            Some(age) if age < ALLOWED => Known::Aged,
            Some(age) if age < ACQUAINTED => Known::Lapsed,
            _ => Known::Nothing,
        }
    }

    /// Remembers an answer; in the place of the oldest of its sort if there are too many.
    pub(super) fn put(&mut self, question: Question, right: Right, now: Moment) {
        match right {
            Right::Given => {
                self.missing.remove(&question);
                keep(&mut self.given, question, ACQUAINTED, now);
            }
            Right::Missing => {
                self.given.remove(&question);
                keep(&mut self.missing, question, DENIED, now);
            }
        }
    }

    /// Forgets a right whose holder the API server does not know any more.
    pub(super) fn forget(&mut self, question: &Question) {
        self.given.remove(question);
    }
}

fn keep(
    answers: &mut BTreeMap<Question, Moment>,
    question: Question,
    lasts: Duration,
    now: Moment,
) {
    answers.retain(|_, at| now.since(*at) < lasts);
    if answers.len() >= MOST && !answers.contains_key(&question) {
        let oldest = answers.iter().min_by_key(|(_, at)| **at);
        if let Some(oldest) = oldest.map(|(question, _)| question.clone()) {
            answers.remove(&oldest);
        }
    }
    answers.insert(question, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(token: usize) -> Question {
        Question::new(&token.to_string(), "get", "/metrics")
    }

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    #[test]
    fn a_right_ages_lapses_and_is_forgotten() {
        let mut remembered = Remembered::default();
        remembered.put(question(1), Right::Given, at(0));
        for (seconds, expected) in [
            (19, Known::Given),
            (20, Known::Aged),
            (59, Known::Aged),
            (60, Known::Lapsed),
            (3599, Known::Lapsed),
            (3600, Known::Nothing),
        ] {
            assert_eq!(
                remembered.get(&question(1), at(seconds)),
                expected,
                "{seconds}"
            );
        }
        remembered.put(question(1), Right::Given, at(59));
        assert_eq!(remembered.get(&question(1), at(70)), Known::Given);
        remembered.forget(&question(1));
        assert_eq!(remembered.get(&question(1), at(70)), Known::Nothing);
        assert_eq!(remembered.get(&question(3), at(0)), Known::Nothing);
    }

    #[test]
    fn the_want_of_a_right_is_remembered_for_a_moment_and_ends_it() {
        let mut remembered = Remembered::default();
        remembered.put(question(1), Right::Given, at(0));
        remembered.put(question(1), Right::Missing, at(1));
        assert_eq!(remembered.get(&question(1), at(5)), Known::Missing);
        assert_eq!(remembered.get(&question(1), at(6)), Known::Nothing);
        remembered.put(question(1), Right::Given, at(3));
        assert_eq!(remembered.get(&question(1), at(4)), Known::Given);
    }

    #[test]
    fn an_answer_is_for_its_question_alone() {
        let asked = Question::new("token", "get", "/metrics");
        for other in [
            Question::new("toke", "nget", "/metrics"),
            Question::new("token", "post", "/metrics"),
            Question::new("token", "get", "/debug/state"),
        ] {
            assert_ne!(asked, other);
        }
    }

    #[test]
    fn the_newest_are_remembered_and_no_more_than_so_many() {
        let mut remembered = Remembered::default();
        for token in 0..MOST + 10 {
            remembered.put(question(token), Right::Given, at(token as u64 / 10));
        }
        let now = at(MOST as u64 / 10);
        assert_eq!(remembered.given.len(), MOST);
        assert_eq!(remembered.get(&question(0), now), Known::Nothing);
        let newest = question(MOST + 9);
        assert_eq!(remembered.get(&newest, now), Known::Given);
        // What has ended makes room.
        remembered.put(question(0), Right::Given, at(10_000));
        assert_eq!(remembered.given.len(), 1);
    }

    #[test]
    fn who_has_no_right_takes_no_room_from_who_has() {
        let mut remembered = Remembered::default();
        remembered.put(question(0), Right::Given, at(0));
        for token in 1..4 * MOST {
            remembered.put(question(token), Right::Missing, at(1));
        }
        assert_eq!(remembered.get(&question(0), at(1)), Known::Given);
        assert_eq!(remembered.missing.len(), MOST);
    }
}
