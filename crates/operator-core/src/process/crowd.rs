//! Who is inside a door, and who gives way when it is full.
//!
//! A door is open to whoever reaches its port, before anything is known of him. So it is bounded, and being
//! full turns nobody away: somebody gives way to the newcomer. Where half have not taken any step forward it is
//! the first of them, so that they cost nobody else a connection; else whoever was longest without one, so that
//! those who took one do not keep the door to themselves. Who is being answered is not the one, as long as another is
//! there. Who asks and takes its answer is through in a moment, and so finds its way past any number of the others.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::decide::clock::Moment;

/// Those who are inside.
pub(super) struct Crowd {
    most: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    came: u64,
    /// By the order in which they came.
    guests: BTreeMap<u64, Guest>,
}

struct Guest {
    last: Last,
    _keep: Keep,
}

/// What was last heard of a guest; the least gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Came(Moment),
    Stepped(Moment),
    Asks(Moment),
}

/// Nothing is ever sent: dropping it shows the guest out.
type Keep = oneshot::Sender<Infallible>;

/// A place inside, until it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    guest: u64,
}

/// Tells a guest that it has to give way.
pub(super) struct ShownOut(oneshot::Receiver<Infallible>);

impl Crowd {
    /// A door for `most` guests at once.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            inside: Mutex::default(),
        })
    }

    /// Lets one more in, if need be in the place of another.
    pub(super) fn enter(self: &Arc<Self>, now: Moment) -> (Place, ShownOut) {
        let (keep, shown_out) = oneshot::channel();
        let mut inside = self.inside.lock();
        if inside.guests.len() >= self.most
            && let Some(slowest) = inside.slowest()
        {
            inside.guests.remove(&slowest);
        }
        let guest = inside.came;
        inside.came += 1;
        let newcomer = Guest {
            last: Last::Came(now),
            _keep: keep,
        };
        inside.guests.insert(guest, newcomer);
        let place = Place {
            crowd: self.clone(),
            guest,
        };
        (place, ShownOut(shown_out))
    }
}

impl Inside {
    /// Who gives way to one more.
    fn slowest(&self) -> Option<u64> {
        let has_stepped = |guest: &Guest| !matches!(guest.last, Last::Came(_));
        let stepped = self.guests.values().filter(|it| has_stepped(it)).count();
        let spared = stepped * 2 <= self.guests.len();
        let guests = self.guests.iter();
        let (guest, _) = guests
            .filter(|(_, guest)| spared || has_stepped(guest))
            .min_by_key(|(_, guest)| guest.last)?;
        Some(*guest)
    }
}

impl Place {
    /// Notes a step forward.
    pub(super) fn stepped(&self, now: Moment) {
        self.note(Last::Stepped(now));
    }

    /// Notes that the guest has asked and is being answered, which is a step forward; the answer is the next one.
    pub(super) fn asks(&self, now: Moment) {
        self.note(Last::Asks(now));
    }

    fn note(&self, last: Last) {
        if let Some(guest) = self.crowd.inside.lock().guests.get_mut(&self.guest) {
            guest.last = last;
        }
    }

    /// When the last step forward was, coming in included; long ago for a guest that has to give way.
    pub(super) fn last_step(&self) -> Moment {
        let inside = self.crowd.inside.lock();
        match inside.guests.get(&self.guest).map(|guest| guest.last) {
            Some(Last::Came(at) | Last::Stepped(at) | Last::Asks(at)) => at,
            None => Moment::ORIGIN,
        }
    }

    /// Whether there was any, if the guest need not give way.
    #[cfg(feature = "replicas")]
    pub(super) fn has_stepped(&self) -> bool {
        let inside = self.crowd.inside.lock();
        let guest = inside.guests.get(&self.guest);
        guest.is_some_and(|guest| !matches!(guest.last, Last::Came(_)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.inside.lock().guests.remove(&self.guest);
    }
}

impl ShownOut {
    /// Waits until the guest has to give way.
    pub(super) async fn told(&mut self) {
        // An error says that what kept it inside is gone: the only thing there is to be told.
        let _ = (&mut self.0).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn is_out(shown_out: &mut ShownOut) -> bool {
        shown_out.told().now_or_never().is_some()
    }

    #[test]
    fn whoever_has_not_stepped_gives_way_first_and_then_the_slowest() {
        let crowd = Crowd::of(4);
        let (first, mut first_out) = crowd.enter(at(1));
        let (second, mut second_out) = crowd.enter(at(2));
        let (_third, mut third_out) = crowd.enter(at(3));
        let (fourth, mut fourth_out) = crowd.enter(at(4));
        second.stepped(at(5));
        first.stepped(at(6));
        let (fifth, mut fifth_out) = crowd.enter(at(9));
        assert!(is_out(&mut third_out), "it never stepped");
        fourth.stepped(at(9));
        fifth.stepped(at(9));
        let (sixth, mut sixth_out) = crowd.enter(at(9));
        assert!(is_out(&mut second_out), "its step is the longest ago");
        let outs = [
            &mut first_out,
            &mut fourth_out,
            &mut fifth_out,
            &mut sixth_out,
        ];
        assert!(!outs.into_iter().any(is_out));
        assert_eq!(crowd.inside.lock().guests.len(), 4);

        // Who has left makes room, and nobody gives way.
        drop(sixth);
        let _seventh = crowd.enter(at(9));
        assert!(!is_out(&mut first_out) && !is_out(&mut fourth_out));
        assert_eq!(first.last_step(), at(6));
    }

    #[test]
    fn of_equals_the_one_that_came_first_gives_way() {
        let crowd = Crowd::of(2);
        let (first, mut first_out) = crowd.enter(at(1));
        let (_second, mut second_out) = crowd.enter(at(1));
        let _third = crowd.enter(at(1));
        assert!(is_out(&mut first_out) && !is_out(&mut second_out));
        // It is out for good.
        first.stepped(at(9));
        assert_eq!(first.last_step(), Moment::ORIGIN);
        assert_eq!(crowd.inside.lock().guests.len(), 2);
    }

    #[test]
    fn those_who_stepped_do_not_keep_the_door_to_themselves() {
        let crowd = Crowd::of(4);
        let inside: Vec<_> = (1..=4).map(|second| crowd.enter(at(second))).collect();
        for (place, _) in &inside {
            place.stepped(at(5));
        }
        let newcomers: Vec<_> = (6..=8).map(|second| crowd.enter(at(second))).collect();
        let out = |guests: Vec<(Place, ShownOut)>| -> Vec<_> {
            let guests = guests.into_iter();
            guests.map(|(_place, mut told)| is_out(&mut told)).collect()
        };
        // Half of the places are theirs; of the others the one that has waited longest goes.
        assert_eq!(out(newcomers), [true, false, false]);
        assert_eq!(out(inside), [true, true, false, false]);
    }

    #[test]
    fn who_is_being_answered_is_spared_as_long_as_another_is_there() {
        let crowd = Crowd::of(2);
        let (first, mut first_out) = crowd.enter(at(1));
        let (second, mut second_out) = crowd.enter(at(2));
        first.asks(at(3));
        second.stepped(at(9));
        let (third, _third_out) = crowd.enter(at(10));
        assert!(is_out(&mut second_out) && !is_out(&mut first_out));
        third.asks(at(11));
        let _fourth = crowd.enter(at(12));
        assert!(is_out(&mut first_out), "all are being answered");
    }
}
