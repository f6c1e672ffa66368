//! What each receiver has, and so how far a thing has come.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::contents::{Contents, Digest};
use crate::decide::clock::{Clock, Moment};

/// A receiver that joined or left less than this ago turns nothing that is in force into something that is not.
pub const GRACE: Duration = Duration::from_secs(60);
/// How often a mere change of the number of receivers is told on every object.
const REFRESH: Duration = Duration::from_secs(30);

/// What is known of what a receiver has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<I> {
    /// It has just started, and has nothing.
    Nothing,
    /// It has something, and nobody knows what.
    Something,
    /// It has exactly this.
    Exactly(Arc<Contents<I>>),
}

/// A receiver as the board knows it.
#[derive(Clone, Debug)]
pub struct Receiver<I> {
    /// Names the connection, as one receiver may join anew before it was seen to leave.
    pub session: Arc<str>,
    /// When it joined.
    pub joined: Moment,
    /// When it left; none while it is connected.
    pub left: Option<Moment>,
    /// What it has.
    pub has: Known<I>,
}

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
}

impl Standing {
    /// Whether every receiver has it, and there is one.
    pub fn everywhere(self) -> bool {
        self.connected > 0 && self.applied == self.connected
    }

    /// Whether what was in force everywhere may be said to be so still.
    pub fn may_still_be(self) -> bool {
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
}

struct State<R, I> {
    opened: Moment,
    receivers: BTreeMap<R, Receiver<I>>,
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
    /// A board without receivers.
    pub fn new(now: Moment) -> Self {
        Self {
            state: Mutex::new(State {
                opened: now,
                receivers: BTreeMap::new(),
                dirty: Wake::Some(BTreeSet::new()),
                told: 0,
                told_at: now,
                graces_end: now + GRACE,
            }),
            changed: Notify::new(),
        }
    }

    /// A receiver has joined, or has joined anew. What it had before it still has, unless it tells otherwise.
    pub fn joined(&self, receiver: &R, session: Arc<str>, has: Known<I>, now: Moment) {
        let mut state = self.state.lock();
        let before = state.receivers.get(receiver).map(|before| &before.has);
        let has = match (has, before) {
            (Known::Something, Some(before)) => before.clone(),
            (has, _) => has,
        };
        let joined = Receiver {
            session,
            joined: now,
            left: None,
            has,
        };
        state.receivers.insert(receiver.clone(), joined);
        state.dirty = Wake::All;
        self.changed.notify_one();
    }

    /// A receiver has what `has` says.
    pub fn has(&self, receiver: &R, session: &str, has: Known<I>) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(known) = state.receivers.get_mut(receiver) else {
            return;
        };
        if known.session.as_ref() != session {
            return;
        }
        match (&known.has, &has, &mut state.dirty) {
            (_, _, Wake::All) => {}
            (Known::Exactly(before), Known::Exactly(after), Wake::Some(dirty)) => {
                dirty.extend(before.changes(after).into_iter().cloned());
            }
            (Known::Nothing, Known::Exactly(after), Wake::Some(dirty)) => {
                dirty.extend(after.entries().iter().map(|entry| entry.id.clone()));
            }
            _ => state.dirty = Wake::All,
        }
        known.has = has;
        self.changed.notify_one();
    }

    /// A receiver's connection is gone.
    pub fn left(&self, receiver: &R, session: &str, now: Moment) {
        let mut state = self.state.lock();
        if let Some(known) = state.receivers.get_mut(receiver)
            && known.session.as_ref() == session
            && known.left.is_none()
        {
            known.left = Some(now);
            state.dirty = Wake::All;
            self.changed.notify_one();
        }
    }

    /// How far the thing `id` has come in the state `wanted`.
    pub fn standing(&self, id: &I, wanted: Digest, now: Moment) -> Standing {
        let state = self.state.lock();
        let mut standing = Standing {
            opening: now.since(state.opened) < GRACE,
            ..Standing::default()
        };
        for receiver in state.receivers.values() {
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
        match &self.state.lock().receivers.get(receiver)?.has {
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
        let receivers = state.receivers.iter();
        receivers
            .filter(|(_, known)| known.left.is_none() && holds(known))
            .map(|(receiver, _)| receiver.clone())
            .collect()
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
            .map(|(id, known)| (id.clone(), known.clone()))
            .collect()
    }

    /// How many receivers are connected.
    pub fn connected(&self) -> usize {
        let state = self.state.lock();
        let connected = |known: &&Receiver<I>| known.left.is_none();
        state.receivers.values().filter(connected).count()
    }

    /// Tells `wake` whose standing may have changed: at once where receivers took something, and when time alone
    /// changes it. Never ends.
    pub async fn run(&self, clock: &Clock, wake: impl Fn(Wake<I>)) {
        loop {
            let (dirty, next) = self.state.lock().turn(clock.now());
            match dirty {
                Wake::Some(none) if none.is_empty() => {}
                dirty => wake(dirty),
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = clock.sleep_until(next) => {}
            }
        }
    }
}

impl<R: Ord + Clone, I: Ord + Clone> State<R, I> {
    /// Whom to wake now, and when to look again should nothing happen.
    fn turn(&mut self, now: Moment) -> (Wake<I>, Moment) {
        let mut dirty = std::mem::replace(&mut self.dirty, Wake::Some(BTreeSet::new()));
        if now >= self.graces_end {
            dirty = Wake::All;
        }
        self.receivers
            .retain(|_, known| known.left.is_none_or(|left| now.since(left) < GRACE));
        let ends = |since: Moment| Some(since + GRACE).filter(|end| *end > now);
        let connected = self.receivers.values().filter(|known| known.left.is_none());
        let connected = connected.count();
        let graces = self.receivers.values();
        let graces = graces.filter_map(|known| ends(known.left.unwrap_or(known.joined)));
        self.graces_end = graces
            .chain(ends(self.opened))
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
}

#[cfg(test)]
mod tests {
    use super::{super::contents::Entry, *};

    type Cards = Board<&'static str, u8>;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Moment {
        Moment::ORIGIN + SECOND * seconds
    }

    fn digest(content: u8) -> Digest {
        Digest::of([&[content][..]])
    }

    fn exactly(held: &[(u8, u8)]) -> Known<u8> {
        let entry = |(id, content): &(u8, u8)| {
            Arc::new(Entry {
                id: *id,
                digest: digest(*content),
            })
        };
        Known::Exactly(Arc::new(Contents::new(held.iter().map(entry))))
    }

    fn turn(board: &Cards, now: Moment) -> (Wake<u8>, Moment) {
        board.state.lock().turn(now)
    }

    fn some(ids: &[u8]) -> Wake<u8> {
        Wake::Some(ids.iter().copied().collect())
    }

    #[test]
    fn a_thing_is_everywhere_once_every_connected_receiver_has_it() {
        let board = Cards::new(at(0));
        board.joined(&"one", "s1".into(), Known::Nothing, at(0));
        board.joined(&"two", "s2".into(), Known::Nothing, at(0));
        board.has(&"one", "s1", exactly(&[(1, 1)]));
        let standing = board.standing(&1, digest(1), at(100));
        assert_eq!((standing.applied, standing.connected), (1, 2));
        assert!(!standing.everywhere() && !standing.may_still_be());
        board.has(&"two", "s2", exactly(&[(1, 1), (2, 1)]));
        assert!(board.standing(&1, digest(1), at(100)).everywhere());
        assert!(!board.standing(&1, digest(2), at(100)).everywhere());
    }

    #[test]
    fn who_joins_or_leaves_changes_nothing_within_the_grace() {
        let board = Cards::new(at(0));
        board.joined(&"one", "s1".into(), exactly(&[(1, 1)]), at(0));
        board.joined(&"two", "s2".into(), Known::Nothing, at(100));
        assert!(board.standing(&1, digest(1), at(159)).may_still_be());
        assert!(!board.standing(&1, digest(1), at(160)).may_still_be());

        board.left(&"two", "s2", at(160));
        board.left(&"one", "s1", at(160));
        assert!(board.standing(&1, digest(1), at(219)).may_still_be());
        assert!(!board.standing(&1, digest(1), at(220)).may_still_be());
        turn(&board, at(220));
        assert!(board.receivers().is_empty());
    }

    #[test]
    fn a_new_board_condemns_nothing_before_receivers_could_come() {
        let board = Cards::new(at(0));
        assert!(board.standing(&1, digest(1), at(59)).may_still_be());
        assert!(!board.standing(&1, digest(1), at(60)).may_still_be());
        assert_eq!(turn(&board, at(59)), (some(&[]), at(60)));
        assert_eq!(turn(&board, at(60)), (Wake::All, Moment::NEVER));
    }

    #[test]
    fn a_word_of_an_earlier_connection_counts_no_more() {
        let board = Cards::new(at(0));
        board.joined(&"one", "old".into(), exactly(&[(1, 1)]), at(0));
        board.joined(&"one", "new".into(), Known::Something, at(1));
        board.left(&"one", "old", at(2));
        board.has(&"one", "old", Known::Nothing);
        let standing = board.standing(&1, digest(1), at(100));
        assert!(standing.everywhere(), "it has what it had: {standing:?}");

        board.joined(&"one", "restarted".into(), Known::Nothing, at(3));
        assert_eq!(board.standing(&1, digest(1), at(100)).applied, 0);
    }

    #[test]
    fn those_are_woken_whose_standing_may_have_changed() {
        let board = Cards::new(at(0));
        board.joined(&"one", "s1".into(), Known::Nothing, at(1));
        assert_eq!(turn(&board, at(1)).0, Wake::All);
        board.has(&"one", "s1", exactly(&[(1, 1), (2, 1)]));
        assert_eq!(turn(&board, at(2)).0, some(&[1, 2]));
        board.has(&"one", "s1", exactly(&[(2, 1), (3, 1)]));
        assert_eq!(turn(&board, at(2)).0, some(&[1, 3]));
        assert_eq!(turn(&board, at(2)), (some(&[]), at(60)));
    }

    #[test]
    fn a_mere_change_of_number_is_told_now_and_then() {
        let board = Cards::new(at(0));
        board.joined(&"one", "s1".into(), Known::Nothing, at(10));
        turn(&board, at(10));
        assert_eq!(board.told(), 1);
        board.joined(&"two", "s2".into(), Known::Nothing, at(11));
        assert_eq!(turn(&board, at(11)), (Wake::All, at(40)));
        assert_eq!(board.told(), 1);
        assert_eq!(turn(&board, at(40)).0, Wake::All);
        assert_eq!(board.told(), 2);
    }
}
