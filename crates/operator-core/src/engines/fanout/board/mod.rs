//! What each receiver has, and so how far a thing has come.
//!
//! A board knows this replica's own receivers. That of the leader knows those of the other replicas, too, as
//! far as these [report](reported) them.

mod receiver;
mod reported;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use self::{receiver::Sightings, reported::Reporters};
pub use self::{
    receiver::{Known, Receiver},
    reported::Reporting,
};
use super::{
    contents::{Contents, Digest},
    place::Place,
};
use crate::decide::clock::{Clock, Moment};

/// A receiver that joined or left less than this ago turns nothing that is in force into something that is not.
pub const GRACE: Duration = Duration::from_secs(60);
/// How long a replica that takes over hears the others before it says that every receiver has something, or more
/// where they look for a new leader less often.
const HEARING: Duration = Duration::from_secs(15);
/// How long they take, once they know of it, to dial it and to tell what they know.
const TELLING: Duration = Duration::from_secs(5);
/// How long changes are gathered after some were told: of hundreds of receivers, each takes everything.
const GATHER: Duration = Duration::from_millis(50);
/// How often a mere change of the number of receivers is told on every object.
const REFRESH: Duration = Duration::from_secs(30);

/// How far a thing has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many connected receivers have it.
    pub applied: usize,
    /// How many receivers are connected.
    pub connected: usize,
    /// How many of those without it have only just joined.
    pub joining: usize,
    /// Whether one that had it has only just left.
    pub just_left: bool,
    /// Whether the board itself is so new that receivers may not have come yet.
    pub opening: bool,
    /// Whether other replicas may have receivers of which they have yet to report.
    pub hearing: bool,
}

impl Standing {
    /// Whether every receiver has it, and there is one.
    pub fn everywhere(self) -> bool {
        self.connected > 0 && self.applied == self.connected && !self.hearing
    }

    /// Whether what was in force everywhere may be said to be so still.
    pub fn may_still_be(self) -> bool {
        if self.hearing {
            return true;
        }
        if self.connected == 0 {
            return self.just_left || self.opening;
        }
        self.opening || self.applied + self.joining == self.connected
    }
}

/// Whose standing may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake<I> {
    /// That of these.
    Some(BTreeSet<I>),
    /// That of everything.
    All,
}

/// What each receiver has.
pub struct Board<R, I> {
    state: Mutex<State<R, I>>,
    changed: Notify,
    own_changes: watch::Sender<()>,
}

struct State<R, I> {
    /// Since when receivers, or their replicas, may have come.
    opened: Moment,
    /// Until when other replicas are expected to begin to report.
    heard: Moment,
    /// How long that is each time.
    hearing: Duration,
    receivers: BTreeMap<R, Sightings<I>>,
    reporters: Reporters,
    dirty: Wake<I>,
    told: usize,
    told_at: Moment,
    /// When the next grace ends.
    graces_end: Moment,
}

impl<R, I> Board<R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    /// A board without receivers. Other replicas look for a new leader every `look`, or more often.
    pub fn new(look: Duration, now: Moment) -> Self {
        Self {
            state: Mutex::new(State {
                opened: now,
                heard: now,
                hearing: HEARING.max(look + TELLING),
                receivers: BTreeMap::new(),
                reporters: Reporters::default(),
                dirty: Wake::Some(BTreeSet::new()),
                told: 0,
                told_at: now,
                graces_end: now + GRACE,
            }),
            changed: Notify::new(),
            own_changes: watch::Sender::new(()),
        }
    }

    /// A receiver has joined, or has joined anew. What it had before it still has, unless it tells otherwise.
    pub fn joined(&self, receiver: &R, session: Arc<str>, has: Known<I>, now: Moment) {
        let joined = Receiver {
            place: Place::Here,
            session,
            joined: now,
            left: None,
            has,
        };
        self.state.lock().join(receiver, joined);
        self.own_changed();
    }

    /// A receiver has what `has` says.
    pub fn has(&self, receiver: &R, session: &str, has: Known<I>) {
        if self.state.lock().has(receiver, &Place::Here, session, has) {
            self.own_changed();
        }
    }

    /// A receiver's connection is gone.
    pub fn left(&self, receiver: &R, session: &str, now: Moment) {
        let gone = |known: &Receiver<I>| known.session.as_ref() == session;
        if self.state.lock().leave(receiver, &Place::Here, gone, now) {
            self.own_changed();
        }
    }

    /// This replica's own receivers that are connected.
    pub fn own(&self) -> Vec<(R, Receiver<I>)> {
        let state = self.state.lock();
        let own = state.receivers.iter().filter_map(|(id, sightings)| {
            let own = sightings.at(&Place::Here)?;
            own.left.is_none().then(|| (id.clone(), own.clone()))
        });
        own.collect()
    }

    /// Tells whenever [`own`](Self::own) may have changed.
    pub fn own_changes(&self) -> watch::Receiver<()> {
        self.own_changes.subscribe()
    }

    fn own_changed(&self) {
        self.own_changes.send_replace(());
        self.changed.notify_one();
    }

    /// How far the thing `id` has come in the state `wanted`.
    pub fn standing(&self, id: &I, wanted: Digest, now: Moment) -> Standing {
        let state = self.state.lock();
        let mut standing = Standing {
            opening: now.since(state.opened) < GRACE,
            hearing: now < state.heard,
            ..Standing::default()
        };
        for receiver in state.current() {
            let has = match &receiver.has {
                Known::Exactly(contents) => contents.get(id) == Some(wanted),
                Known::Nothing | Known::Something => false,
            };
            match receiver.left {
                Some(left) => standing.just_left |= has && now.since(left) < GRACE,
                None => {
                    standing.connected += 1;
                    standing.applied += usize::from(has);
                    standing.joining += usize::from(!has && now.since(receiver.joined) < GRACE);
                }
            }
        }
        standing
    }

    /// What a connected receiver has; none where nobody knows.
    pub fn contents(&self, receiver: &R) -> Option<Arc<Contents<I>>> {
        match &self.state.lock().receivers.get(receiver)?.current().has {
            Known::Exactly(contents) => Some(contents.clone()),
            Known::Nothing => Some(Arc::new(Contents::new([]))),
            Known::Something => None,
        }
    }

    /// The connected receivers that have the thing `id` in the state `wanted`, in their order.
    pub fn holders(&self, id: &I, wanted: Digest) -> Vec<R> {
        let state = self.state.lock();
        let holds = |known: &Receiver<I>| match &known.has {
            Known::Exactly(contents) => contents.get(id) == Some(wanted),
            Known::Nothing | Known::Something => false,
        };
        let holders = state.receivers.iter().filter(|(_, sightings)| {
            let known = sightings.current();
            known.left.is_none() && holds(known)
        });
        holders.map(|(receiver, _)| receiver.clone()).collect()
    }

    /// How many receivers there were when everything was last told anew.
    pub fn told(&self) -> usize {
        self.state.lock().told
    }

    /// Every receiver.
    pub fn receivers(&self) -> Vec<(R, Receiver<I>)> {
        let state = self.state.lock();
        let known = state.receivers.iter();
        known
            .map(|(id, sightings)| (id.clone(), sightings.current().clone()))
            .collect()
    }

    /// How many receivers are connected.
    pub fn connected(&self) -> usize {
        self.state.lock().connected()
    }

    /// Tells `wake` whose standing may have changed: at once where a receiver took something, together where many do
    /// one after the other, and when time alone changes it. Never ends.
    pub async fn run(&self, clock: &Clock, wake: impl Fn(Wake<I>)) {
        loop {
            let (dirty, next) = self.state.lock().turn(clock.now());
            match dirty {
                Wake::Some(none) if none.is_empty() => {}
                dirty => {
                    wake(dirty);
                    clock.sleep(GATHER).await;
                }
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = clock.sleep_until(next) => {}
            }
        }
    }
}

impl<R, I> State<R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    /// Each receiver as it is now.
    fn current(&self) -> impl Iterator<Item = &Receiver<I>> {
        self.receivers.values().map(Sightings::current)
    }

    fn connected(&self) -> usize {
        self.current().filter(|known| known.left.is_none()).count()
    }

    fn join(&mut self, receiver: &R, mut joined: Receiver<I>) {
        let before = self.receivers.get(receiver);
        if let (Known::Something, Some(before)) = (&joined.has, before) {
            joined.has = before.current().has.clone();
        }
        if let Some(before) = before
            && !matches!(before.current().has, Known::Exactly(_))
        {
            // One that comes and goes, and never takes anything, is not new for ever.
            joined.joined = before.current().joined;
        }
        match self.receivers.get_mut(receiver) {
            Some(sightings) => sightings.put(joined),
            None => {
                let sightings = Sightings::new(joined);
                self.receivers.insert(receiver.clone(), sightings);
            }
        }
        self.dirty = Wake::All;
    }

    /// Says whether the session is known at that place.
    fn has(&mut self, receiver: &R, place: &Place, session: &str, has: Known<I>) -> bool {
        let sightings = self.receivers.get_mut(receiver);
        let known = sightings.and_then(|sightings| sightings.at_mut(place));
        let Some(known) = known.filter(|known| known.session.as_ref() == session) else {
            return false;
        };
        match (&known.has, &has, &mut self.dirty) {
            (_, _, Wake::All) => {}
            (Known::Exactly(before), Known::Exactly(after), Wake::Some(dirty)) => {
                dirty.extend(before.changes(after).into_iter().cloned());
            }
            (Known::Nothing, Known::Exactly(after), Wake::Some(dirty)) => {
                dirty.extend(after.entries().iter().map(|entry| entry.id.clone()));
            }
            _ => self.dirty = Wake::All,
        }
        known.has = has;
        true
    }

    /// Says whether it was there, and was the one that is `gone`.
    fn leave(
        &mut self,
        receiver: &R,
        place: &Place,
        gone: impl Fn(&Receiver<I>) -> bool,
        now: Moment,
    ) -> bool {
        let sightings = self.receivers.get_mut(receiver);
        let known = sightings.and_then(|sightings| sightings.at_mut(place));
        let Some(known) = known.filter(|known| known.left.is_none() && gone(known)) else {
            return false;
        };
        known.left = Some(now);
        self.dirty = Wake::All;
        true
    }

    /// Whom to wake now, and when to look again should nothing happen.
    fn turn(&mut self, now: Moment) -> (Wake<I>, Moment) {
        let mut dirty = std::mem::replace(&mut self.dirty, Wake::Some(BTreeSet::new()));
        if now >= self.graces_end {
            dirty = Wake::All;
        }
        self.keep(|known| known.left.is_none_or(|left| now.since(left) < GRACE));
        let ends = |since: Moment| Some(since + GRACE).filter(|end| *end > now);
        let connected = self.connected();
        let graces = self.receivers.values().flat_map(Sightings::all);
        let graces = graces.filter_map(|known| ends(known.left.unwrap_or(known.joined)));
        self.graces_end = graces
            .chain(ends(self.opened))
            .chain(Some(self.heard).filter(|heard| *heard > now))
            .fold(Moment::NEVER, Moment::min);
        if connected == self.told {
            return (dirty, self.graces_end);
        }
        let due = self.told_at + REFRESH;
        if now < due && self.told != 0 {
            return (dirty, self.graces_end.min(due));
        }
        (self.told, self.told_at) = (connected, now);
        (Wake::All, self.graces_end)
    }

    /// Forgets every sighting that is not to be kept.
    fn keep(&mut self, keep: impl Fn(&Receiver<I>) -> bool) {
        self.receivers
            .retain(|_, sightings| sightings.retain(&keep));
    }
}
