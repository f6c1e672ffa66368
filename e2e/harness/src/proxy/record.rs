//! What went through a proxy, and what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Call, Verb};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is still under way.
    Pending,
    /// The server answered, and so did the proxy; a watch that is cut later stays so.
    Answered(StatusCode),
    /// The proxy answered in the server's place; the server never saw it.
    Refused(StatusCode),
    /// The client's connection was closed; the server never saw the request.
    CutBefore,
    /// The client's connection was closed; the server sees the request when a gate opens.
    CutEarly,
    /// The server did it and answered, and the client's connection was closed.
    CutAfter(StatusCode),
    /// The client went away before the request was forwarded; the server never saw it.
    LeftBefore,
    /// The client went away after the request was forwarded, and before the answer.
    LeftAfter,
    /// The server could not be reached, or closed the connection; so was the client's. Says why.
    Failed(String),
}

/// A request on record.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The request.
    pub call: Arc<Call>,
    /// What became of it, as far as is known.
    pub outcome: Outcome,
}

/// Numbers of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by: BTreeMap<(Verb, String), usize>,
}

impl Counts {
    /// All requests with this verb.
    pub fn of(&self, verb: Verb) -> usize {
        self.iter()
            .filter(|&(v, _, _)| v == verb)
            .map(|(_, _, n)| n)
            .sum()
    }

    /// All requests with this verb that were [about](Call::about) this.
    pub fn about(&self, verb: Verb, about: &str) -> usize {
        self.iter()
            .filter(|&(v, a, _)| v == verb && a == about)
            .map(|(_, _, n)| n)
            .sum()
    }

    /// Every count, by verb and then by what the requests were about.
    pub fn iter(&self) -> impl Iterator<Item = (Verb, &str, usize)> {
        self.by
            .iter()
            .map(|((verb, about), n)| (*verb, about.as_str(), *n))
    }
}

/// So that a proxy that lives for hours does not fill the memory.
const KEPT: usize = 100_000;

#[derive(Default)]
pub(super) struct Log {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    last_seq: u64,
    kept: VecDeque<Recorded>,
    counts: Counts,
}

impl Log {
    pub(super) fn add(&self, class: (Verb, String), request: &http::Request<Bytes>) -> Arc<Call> {
        let mut state = self.state.lock();
        state.last_seq += 1;
        let call = Arc::new(Call::new(state.last_seq, class, request));
        let key = (call.verb, call.about.clone());
        *state.counts.by.entry(key).or_default() += 1;
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(Recorded {
            call: call.clone(),
            outcome: Outcome::Pending,
        });
        drop(state);
        self.changed.send_replace(());
        call
    }

    pub(super) fn settle(&self, seq: u64, outcome: Outcome) {
        let mut state = self.state.lock();
        // Absent when the record was cleared meanwhile.
        if let Ok(at) = state.kept.binary_search_by_key(&seq, |r| r.call.seq) {
            state.kept[at].outcome = outcome;
        }
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn all(&self) -> Vec<Recorded> {
        self.state.lock().kept.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> Counts {
        self.state.lock().counts.clone()
    }

    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.kept.clear();
        state.counts = Counts::default();
    }

    pub(super) async fn first(&self, wanted: impl Fn(&Recorded) -> bool) -> Recorded {
        let mut changes = self.changed.subscribe();
        loop {
            let found = self.state.lock().kept.iter().find(|r| wanted(r)).cloned();
            match found {
                Some(recorded) => return recorded,
                None => changes
                    .changed()
                    .await
                    .expect("the sender lives as long as self"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_by_verb_and_by_what_it_is_about() {
        let log = Log::default();
        let request = http::Request::new(Bytes::new());
        for (verb, about) in [
            (Verb::Read, "leases"),
            (Verb::Write, "leases"),
            (Verb::Write, "leases"),
            (Verb::Write, "secrets"),
        ] {
            log.add((verb, about.to_owned()), &request);
        }
        let counts = log.counts();
        assert_eq!(counts.of(Verb::Write), 3);
        assert_eq!(counts.of(Verb::Watch), 0);
        assert_eq!(counts.about(Verb::Write, "leases"), 2);
        assert_eq!(counts.about(Verb::Read, "secrets"), 0);
    }

    #[test]
    fn numbers_go_on_after_a_clear_and_late_outcomes_are_not_mixed_up() {
        let log = Log::default();
        let request = http::Request::new(Bytes::new());
        let class = || (Verb::Read, String::new());
        let early = log.add(class(), &request);
        log.clear();
        let late = log.add(class(), &request);
        log.settle(early.seq, Outcome::CutBefore);
        log.settle(late.seq, Outcome::LeftBefore);
        let all = log.all();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].call.seq, 2);
        assert_eq!(all[0].outcome, Outcome::LeftBefore);
    }

    #[test]
    fn the_record_is_bounded_and_the_counts_are_not() {
        let log = Log::default();
        let request = http::Request::new(Bytes::new());
        for _ in 0..KEPT + 5 {
            log.add((Verb::Read, String::new()), &request);
        }
        let all = log.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0].call.seq, 6);
        assert_eq!(log.counts().of(Verb::Read), KEPT + 5);
    }
}
