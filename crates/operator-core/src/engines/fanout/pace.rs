//! How fast one receiver is told of what changes: at once, unless more changes than it can be told of one by one.

use std::time::Duration;

use crate::decide::clock::Moment;

/// The first pause once changes come faster than answers.
const SHORTEST: Duration = Duration::from_millis(25);
/// Changes that follow each other faster than this are a burst, however fast the receiver answers.
const BURST: Duration = Duration::from_millis(8);
/// No pause is longer.
const LONGEST: Duration = Duration::from_millis(250);

/// The pace of one receiver. A change that comes alone is sent at once, however soon it follows the answer to the
/// one before. Where several come for each answer, or in a burst, the next answer is followed by a pause, longer
/// each time, in which the rest is gathered; the pauses shrink again as changes come one by one.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    pause: Duration,
    answered: Option<Moment>,
    changed: Option<Moment>,
    /// Whether what came since the last sending calls for a pause.
    many: bool,
    unsent: bool,
}

impl Pace {
    /// What is to be sent has changed.
    pub fn changed(&mut self, now: Moment) {
        let before = self.changed.replace(now);
        let close = before.is_some_and(|before| now.since(before) < BURST);
        self.many |= self.unsent || close;
        self.unsent = true;
    }

    /// The receiver has answered.
    pub fn answered(&mut self, now: Moment) {
        self.answered = Some(now);
    }

    /// When the next sending may begin.
    pub fn opens(&self) -> Moment {
        self.answered
            .map_or(Moment::ORIGIN, |answered| answered + self.pause)
    }

    /// Something is sent now.
    pub fn sent(&mut self) {
        self.unsent = false;
        self.pause = match std::mem::take(&mut self.many) {
            true => (self.pause * 2).clamp(SHORTEST, LONGEST),
            false => Some(self.pause / 2)
                .filter(|pause| *pause >= SHORTEST)
                .unwrap_or_default(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn at(milliseconds: u32) -> Moment {
        Moment::ORIGIN + MILLISECOND * milliseconds
    }

    /// How often a receiver that answers after `answer` is sent something, where changes come at these times.
    fn sendings(changes: impl IntoIterator<Item = u32>, answer: u32) -> u32 {
        let mut changes = changes.into_iter().peekable();
        let (mut pace, mut pending, mut busy_until, mut sent) = (Pace::default(), false, None, 0);
        for now in 0..100_000 {
            while changes.next_if(|change| *change == now).is_some() {
                pace.changed(at(now));
                pending = true;
            }
            if busy_until.take_if(|until| *until == now).is_some() {
                pace.answered(at(now));
            }
            if pending && busy_until.is_none() && pace.opens() <= at(now) {
                pace.sent();
                (pending, busy_until, sent) = (false, Some(now + answer), sent + 1);
            }
        }
        assert!(!pending, "everything is sent in the end");
        sent
    }

    #[test]
    fn changes_one_by_one_are_sent_each_at_once() {
        // Each follows the answer to the one before.
        assert_eq!(sendings((0..1000).map(|n| n * 21), 20), 1000);
    }

    #[test]
    fn a_burst_takes_few_sendings_however_fast_the_receiver_is() {
        for answer in [1, 5, 40] {
            let sent = sendings((0..1000).map(|n| n * 5 / 2), answer);
            assert!(sent <= 50, "{sent} with answers after {answer} ms");
        }
    }

    #[test]
    fn after_a_burst_single_changes_are_soon_at_once_again() {
        let mut pace = Pace::default();
        for n in 0..20 {
            pace.changed(at(n));
            pace.changed(at(n));
            pace.sent();
            pace.answered(at(n));
        }
        assert_eq!(pace.opens(), at(19) + LONGEST);
        for n in (1000..5000).step_by(1000) {
            pace.changed(at(n));
            pace.sent();
            pace.answered(at(n));
        }
        assert_eq!(pace.opens(), at(4000));
    }
}
