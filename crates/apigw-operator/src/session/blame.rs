//! Which object a gateway refuses: by its own words, else by trying halves of what is new.

use std::sync::Arc;

use operator_core::engines::fanout::Contents;

use super::refusal::names;
use crate::snapshot::{Item, ItemId, Snapshot};

/// A search for the object on account of which a snapshot was refused. Each trial is a snapshot of its own, so
/// that the gateway gets back to work at every step.
#[derive(Debug)]
pub struct Blame {
    /// Accepted before this search, or in it.
    good: Vec<Arc<Item>>,
    /// Whether `good` was accepted in this search, as a whole.
    good_is_proven: bool,
    /// Refused together with `good`.
    suspects: Vec<Arc<Item>>,
    words: String,
    trial: Trial,
}

#[derive(Debug)]
enum Trial {
    /// All but the only one that the gateway named.
    WithoutNamed(Arc<Item>),
    /// With the first half of the suspects.
    Half,
    /// What was good before, alone.
    Good,
}

impl Trial {
    fn among(suspects: &[Arc<Item>], words: &str) -> Self {
        let mut named = suspects
            .iter()
            .filter(|item| names(words, &item.id().key.name));
        match (named.next(), named.next()) {
            (Some(only), None) => Self::WithoutNamed(only.clone()),
            _ => Self::Half,
        }
    }
}

/// What a trial has shown.
#[derive(Debug)]
pub enum Shown {
    /// The search goes on.
    Goes(Blame),
    /// This one is to blame, in the gateway's words.
    Culprit(Arc<Item>, String),
    /// The gateway refuses whatever it is sent.
    Everything(String),
}

impl Blame {
    /// Begins after `refused` was refused with these words, where `accepted` is what the gateway took before.
    pub fn begin(refused: &Snapshot, accepted: Option<&Contents<ItemId>>, words: String) -> Shown {
        let taken = |item: &Arc<Item>| {
            accepted.is_some_and(|taken| taken.get(item.id()) == Some(item.digest()))
        };
        let (good, suspects): (Vec<_>, Vec<_>) = refused.items().iter().cloned().partition(taken);
        Self {
            trial: Trial::among(&suspects, &words),
            good_is_proven: false,
            good,
            suspects,
            words,
        }
        .narrowed()
    }

    /// What the gateway is to be sent now.
    pub fn trial(&self) -> Snapshot {
        let good = self.good.iter().cloned();
        match &self.trial {
            Trial::Good if self.good.is_empty() => Snapshot::placeholder(),
            Trial::Good => Snapshot::new(good),
            Trial::Half => Snapshot::new(good.chain(self.half().iter().cloned())),
            Trial::WithoutNamed(named) => {
                let others = self.suspects.iter().filter(|item| item.id() != named.id());
                let others: Vec<_> = good.chain(others.cloned()).collect();
                if others.is_empty() {
                    return Snapshot::placeholder();
                }
                Snapshot::new(others)
            }
        }
    }

    /// The gateway took the trial.
    pub fn accepted(mut self) -> Shown {
        match &self.trial {
            Trial::WithoutNamed(named) => Shown::Culprit(named.clone(), self.words),
            Trial::Good => {
                self.good_is_proven = true;
                self.narrowed()
            }
            Trial::Half => {
                let rest = self.suspects.split_off(self.half().len());
                self.good.append(&mut self.suspects);
                self.good_is_proven = true;
                self.suspects = rest;
                self.narrowed()
            }
        }
    }

    /// The gateway refused the trial too.
    pub fn refused(mut self, words: String) -> Shown {
        match self.trial {
            Trial::Good if self.good.is_empty() => Shown::Everything(words),
            // It was taken once, and is not any more: a file may have gone that it needs.
            Trial::Good => Self {
                trial: Trial::among(&self.good, &words),
                good_is_proven: false,
                suspects: std::mem::take(&mut self.good),
                good: Vec::new(),
                words,
            }
            .narrowed(),
            Trial::WithoutNamed(_) => {
                self.trial = Trial::Half;
                self.narrowed()
            }
            Trial::Half => {
                self.suspects.truncate(self.half().len());
                self.words = words;
                self.narrowed()
            }
        }
    }

    fn half(&self) -> &[Arc<Item>] {
        &self.suspects[..self.suspects.len().div_ceil(2)]
    }

    fn narrowed(mut self) -> Shown {
        if matches!(self.trial, Trial::WithoutNamed(_)) {
            return Shown::Goes(self);
        }
        match &self.suspects[..] {
            [only] if self.good_is_proven => Shown::Culprit(only.clone(), self.words),
            [] | [_] => {
                self.trial = Trial::Good;
                Shown::Goes(self)
            }
            _ => {
                self.trial = Trial::Half;
                Shown::Goes(self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use operator_core::decide::key::ObjectKey;
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::{ItemId, Kind};

    fn item(number: u8) -> Arc<Item> {
        let id = ItemId::new(
            Kind::ApiRoute,
            ObjectKey::new("ns", format!("route-{number}")),
        );
        Arc::new(Item::new(id, Bytes::from(format!("{number}"))))
    }

    fn snapshot(numbers: impl IntoIterator<Item = u8>) -> Snapshot {
        Snapshot::new(numbers.into_iter().map(item))
    }

    /// Plays a gateway that refuses snapshots with any of `bad`, or all; counts the trials.
    fn search(mut shown: Shown, bad: &BTreeSet<u8>, all: bool, words: &str) -> (Shown, usize) {
        for trials in 0.. {
            let Shown::Goes(blame) = shown else {
                return (shown, trials);
            };
            let trial = blame.trial();
            assert!(!trial.is_empty(), "a gateway overlooks an empty snapshot");
            let refused = all || bad.iter().any(|bad| trial.has(item(*bad).id()));
            shown = match refused {
                true => blame.refused(words.to_owned()),
                false => blame.accepted(),
            };
        }
        unreachable!("a search ends")
    }

    proptest! {
        #[test]
        fn a_culprit_is_found_and_nobody_else_blamed(
            accepted in 0_u8..40, new in 1_u8..40, bad in prop::collection::btree_set(0_u8..40, 1..3),
            named: bool,
        ) {
            let bad: BTreeSet<u8> = bad.iter().map(|bad| accepted + bad % new).collect();
            let before = snapshot(0..accepted);
            let refused = snapshot(0..accepted + new);
            let words = match bad.first() {
                Some(bad) if named => format!("route \"route-{bad}\": bad regex"),
                _ => "validation failed".to_owned(),
            };
            let (shown, trials) = search(Blame::begin(&refused, Some(before.contents()), words.clone()), &bad, false, &words);
            let Shown::Culprit(culprit, said) = shown else { panic!("{shown:?}") };
            prop_assert!(bad.iter().any(|bad| item(*bad).id() == culprit.id()));
            prop_assert_eq!(said, words);
            prop_assert!(trials <= 10, "{} trials", trials);
        }

        #[test]
        fn nobody_is_blamed_by_a_gateway_that_refuses_everything(
            accepted in 0_u8..20, new in 0_u8..20, knows: bool,
        ) {
            let before = snapshot(0..accepted);
            let refused = snapshot(0..accepted + new);
            let words = "route \"route-0\": no listener";
            let begun = Blame::begin(&refused, knows.then_some(&**before.contents()), words.to_owned());
            let (shown, _) = search(begun, &BTreeSet::new(), true, words);
            prop_assert!(matches!(shown, Shown::Everything(_)), "{:?}", shown);
        }

        #[test]
        fn what_was_good_once_may_be_to_blame_now(accepted in 1_u8..20, new in 1_u8..20, bad: u8) {
            let bad = BTreeSet::from([bad % accepted]);
            let refused = snapshot(0..accepted + new);
            let begun = Blame::begin(&refused, Some(snapshot(0..accepted).contents()), String::new());
            let (shown, _) = search(begun, &bad, false, "a file is missing");
            let Shown::Culprit(culprit, _) = shown else { panic!("{shown:?}") };
            prop_assert!(bad.iter().any(|bad| item(*bad).id() == culprit.id()));
        }
    }
}
