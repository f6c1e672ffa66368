//! Who is inside a door, and who gives way when it is full.
//!
//! A door is open to whoever reaches its port, before anything is known of him. So it is bounded, and being
//! full turns nobody away: somebody gives way to the newcomer, of those that have not taken any step forward the
//! first, and if there is none, whoever was longest without one. Who asks and takes its answer is through in a
//! moment, and so finds its way past any number of those that do not; and these cost nobody else a connection.

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
        if inside.guests.len() >= self.most {
            let slowest = inside.guests.iter().min_by_key(|(_, guest)| guest.last);
            if let Some(slowest) = slowest.map(|(guest, _)| *guest) {
                inside.guests.remove(&slowest);
            }
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

impl Place {
    /// Notes a step forward.
    pub(super) fn stepped(&self, now: Moment) {
        if let Some(guest) = self.crowd.inside.lock().guests.get_mut(&self.guest) {
            guest.last = Last::Stepped(now);
        }
    }

    /// When the last step forward was, coming in included; long ago for a guest that has to give way.
    pub(super) fn last_step(&self) -> Moment {
        let inside = self.crowd.inside.lock();
        match inside.guests.get(&self.guest).map(|guest| guest.last) {
            Some(Last::Came(at) | Last::Stepped(at)) => at,
            None => Moment::ORIGIN,
        }
    }

    /// Whether there was any, if the guest need not give way.
    #[cfg(feature = "replicas")]
    pub(super) fn has_stepped(&self) -> bool {
        let inside = self.crowd.inside.lock();
        let guest = inside.guests.get(&self.guest);
        guest.is_some_and(|guest| matches!(guest.last, Last::Stepped(_)))
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
        let crowd = Crowd::of(3);
        let (first, mut first_out) = crowd.enter(at(1));
        let (second, mut second_out) = crowd.enter(at(2));
        let (_third, mut third_out) = crowd.enter(at(3));
        second.stepped(at(4));
        first.stepped(at(5));
        let (fourth, mut fourth_out) = crowd.enter(at(9));
        assert!(is_out(&mut third_out), "it never stepped");
        fourth.stepped(at(9));
        let (fifth, mut fifth_out) = crowd.enter(at(9));
        assert!(is_out(&mut second_out), "its step is the longest ago");
        assert!(!is_out(&mut first_out) && !is_out(&mut fourth_out) && !is_out(&mut fifth_out));
        assert_eq!(crowd.inside.lock().guests.len(), 3);

        // Who has left makes room, and nobody gives way.
        drop(fifth);
        let _sixth = crowd.enter(at(9));
        assert!(!is_out(&mut first_out) && !is_out(&mut fourth_out));
        assert_eq!(first.last_step(), at(5));
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
}
