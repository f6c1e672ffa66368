//! What other replicas report of their receivers to the leader.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tokio::sync::watch;

use super::{Board, Known, Place, Receiver, Wake};
use crate::decide::clock::Moment;

/// The replicas that report.
#[derive(Default)]
pub(super) struct Reporters {
    /// Whether this replica leads: none reports to another.
    leads: bool,
    /// Whether any other replica has ever reported.
    others: bool,
    /// Each one's latest stream, which is over when this is dropped.
    streams: BTreeMap<Arc<str>, watch::Sender<()>>,
}

impl Reporters {
    fn holds(&self, reporting: &Reporting) -> bool {
        let stream = self.streams.get(&reporting.replica);
        stream.is_some_and(|stream| stream.subscribe().same_channel(&reporting.stream))
    }
}

/// One replica's stream of reports, valid until the leadership changes, it [ends](Board::ended) or another one
/// of the same replica begins.
#[derive(Debug)]
pub struct Reporting {
    replica: Arc<str>,
    stream: watch::Receiver<()>,
}

impl Reporting {
    /// The replica's name in the election.
    pub fn replica(&self) -> &Arc<str> {
        &self.replica
    }

    /// Ready once the stream is not valid any more.
    pub async fn over(&self) {
        // Nothing is ever sent: it changes by the end of its sender.
        while self.stream.clone().changed().await.is_ok() {}
    }

    fn place(&self) -> Place {
        Place::Replica(self.replica.clone())
    }
}

impl<R, I> Board<R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    /// This replica leads from now on, in a new term. Nobody has reported yet, so the board is as good as new.
    /// Where there may be `others`, they are heard first.
    pub fn leads(&self, others: bool, now: Moment) {
        let heard = {
            let state = self.state.lock();
            let others = others || state.reporters.others;
            if others { now + state.hearing } else { now }
        };
        self.turn_over(true, now, heard);
    }

    /// This replica does not lead, or does not any more: what others have reported is theirs to tell another.
    pub fn follows(&self, now: Moment) {
        // A pass of the next term may be faster than the news of it.
        self.turn_over(false, now, Moment::NEVER);
    }

    fn turn_over(&self, leads: bool, opened: Moment, heard: Moment) {
        let mut state = self.state.lock();
        state.reporters.leads = leads;
        state.reporters.streams.clear();
        state.keep(|known| known.place == Place::Here);
        (state.opened, state.heard) = (opened, heard);
        state.dirty = Wake::All;
        self.changed.notify_one();
    }

    /// Another replica begins to report; `None` if this one does not lead. An earlier stream of it ends.
    pub fn reports(&self, replica: Arc<str>, now: Moment) -> Option<Reporting> {
        let mut state = self.state.lock();
        if !state.reporters.leads {
            return None;
        }
        state.reporters.others = true;
        let (open, stream) = watch::channel(());
        let earlier = state.reporters.streams.insert(replica.clone(), open);
        let reporting = Reporting { replica, stream };
        state.all_left(&reporting.place(), now);
        if earlier.is_some() {
            // What it told by the earlier one it tells again, receiver by receiver.
            state.hear(now);
        }
        self.changed.notify_one();
        Some(reporting)
    }

    /// A receiver of another replica is connected since `joined`, and has what `has` says. Says whether the
    /// stream is still valid; if not, nothing was done.
    pub fn reported(
        &self,
        reporting: &Reporting,
        receiver: &R,
        session: Arc<str>,
        has: Known<I>,
        joined: Moment,
    ) -> bool {
        let mut state = self.state.lock();
        if !state.reporters.holds(reporting) {
            return false;
        }
        let place = reporting.place();
        let sightings = state.receivers.get(receiver);
        let known = sightings.and_then(|sightings| sightings.at(&place));
        if known.is_some_and(|known| known.left.is_none() && known.session == session) {
            state.has(receiver, &place, &session, has);
        } else {
            let joined = Receiver {
                place,
                session,
                joined,
                left: None,
                has,
            };
            state.join(receiver, joined);
        }
        self.changed.notify_one();
        true
    }

    /// A receiver of another replica has left it. Says whether the stream is still valid.
    pub fn reported_left(&self, reporting: &Reporting, receiver: &R, now: Moment) -> bool {
        let mut state = self.state.lock();
        let holds = state.reporters.holds(reporting);
        if holds && state.leave(receiver, &reporting.place(), |_| true, now) {
            self.changed.notify_one();
        }
        holds
    }

    /// Does `something` if the stream is still valid, which it stays meanwhile. Says whether it is.
    pub fn while_valid(&self, reporting: &Reporting, something: impl FnOnce()) -> bool {
        let state = self.state.lock();
        let holds = state.reporters.holds(reporting);
        if holds {
            something();
        }
        holds
    }

    /// A stream is over: who came by it has left, as far as anybody knows.
    pub fn ended(&self, reporting: &Reporting, now: Moment) {
        let mut state = self.state.lock();
        if state.reporters.holds(reporting) {
            state.reporters.streams.remove(&reporting.replica);
            state.all_left(&reporting.place(), now);
            // Its receivers may be connected still, or come back elsewhere.
            state.hear(now);
            self.changed.notify_one();
        }
    }
}

impl<R, I> super::State<R, I> {
    fn hear(&mut self, now: Moment) {
        self.heard = self.heard.max(now + self.hearing);
    }

    fn all_left(&mut self, place: &Place, now: Moment) {
        for sightings in self.receivers.values_mut() {
            if let Some(known) = sightings.at_mut(place)
                && known.left.is_none()
            {
                known.left = Some(now);
                self.dirty = Wake::All;
            }
        }
    }
}
