//! Answers about callers, remembered for a while. Pure: time comes as a parameter.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest, Sha256};

use crate::decide::clock::Moment;

/// How many answers are remembered at most.
const MOST: usize = 256;
/// How long a right that was taken away may still be used.
const ALLOWED: Duration = Duration::from_secs(60);
/// How long a right that was given may still be missed.
const DENIED: Duration = Duration::from_secs(5);

/// What was asked: of a token nothing is kept but its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question([u8; 32]);

/// What the API server says of a caller that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Given,
    Missing,
}

/// Answers by their questions, bounded in number and time.
#[derive(Debug, Default)]
pub(super) struct Remembered(BTreeMap<Question, (Right, Moment)>);

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
    /// The answer, if it is still good.
    pub(super) fn get(&self, question: &Question, now: Moment) -> Option<Right> {
        let (right, until) = self.0.get(question)?;
        (now < *until).then_some(*right)
    }

    /// Remembers an answer; in the place of the one that ends first if there are too many.
    pub(super) fn put(&mut self, question: Question, right: Right, now: Moment) {
        self.0.retain(|_, (_, until)| now < *until);
        if self.0.len() >= MOST && !self.0.contains_key(&question) {
            let first = self.0.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(first) = first.map(|(question, _)| question.clone()) {
                self.0.remove(&first);
            }
        }
        let lasts = match right {
            Right::Given => ALLOWED,
            Right::Missing => DENIED,
        };
        self.0.insert(question, (right, now + lasts));
    }
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
    fn a_right_is_remembered_longer_than_its_want() {
        let mut remembered = Remembered::default();
        remembered.put(question(1), Right::Given, at(0));
        remembered.put(question(2), Right::Missing, at(0));
        assert_eq!(remembered.get(&question(1), at(59)), Some(Right::Given));
        assert_eq!(remembered.get(&question(1), at(60)), None);
        assert_eq!(remembered.get(&question(2), at(4)), Some(Right::Missing));
        assert_eq!(remembered.get(&question(2), at(5)), None);
        assert_eq!(remembered.get(&question(3), at(0)), None);
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
        assert_eq!(remembered.0.len(), MOST);
        assert_eq!(remembered.get(&question(0), now), None);
        let newest = question(MOST + 9);
        assert_eq!(remembered.get(&newest, now), Some(Right::Given));
        // What has ended makes room.
        remembered.put(question(0), Right::Given, at(1000));
        assert_eq!(remembered.0.len(), 1);
    }
}
