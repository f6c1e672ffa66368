//! What carries our mark and has no object: looked for in turns, and told. No I/O, and nothing is ever done about it.

use std::collections::{BTreeMap, BTreeSet};

use super::Mark;

/// What was found so far, by place: an account, for instance.
#[derive(Debug)]
pub struct Sweep {
    /// How many resources of a place are read in one round.
    most: usize,
    places: BTreeMap<String, Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// The resource that was read last.
    last: String,
    unclaimed: BTreeMap<String, Mark>,
}

impl Sweep {
    /// Nothing was found yet; `most` resources of each place are read in a round.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            places: BTreeMap::new(),
        }
    }

    /// Begins a round: only `places` are left.
    pub fn retain(&mut self, places: &BTreeSet<String>) {
        self.places.retain(|place, _| places.contains(place));
    }

    /// Those of `nameless`, the resources of a place that no object names, whose marks are to be read in this
    /// round: the next in their order, and from the beginning again after the last. What is not among
    /// `nameless` any more is forgotten.
    pub fn turn(&mut self, place: &str, nameless: &BTreeSet<String>) -> Vec<String> {
        let place = self.places.entry(place.to_owned()).or_default();
        place.unclaimed.retain(|name, _| nameless.contains(name));
        let (before, after): (Vec<_>, Vec<_>) =
            nameless.iter().partition(|name| **name <= place.last);
        let turn: Vec<String> = after
            .into_iter()
            .chain(before)
            .take(self.most)
            .cloned()
            .collect();
        if let Some(last) = turn.last() {
            place.last.clone_from(last);
        }
        turn
    }

    /// Takes in what a resource carries: our mark, or none of ours. Whether that is news to be told.
    pub fn read(&mut self, place: &str, name: &str, ours: Option<Mark>) -> bool {
        let place = self.places.entry(place.to_owned()).or_default();
        match ours {
            Some(mark) => place.unclaimed.insert(name.to_owned(), mark).is_none(),
            None => {
                place.unclaimed.remove(name);
                false
            }
        }
    }

    /// All that was found: the name of each resource and whose it was.
    pub fn unclaimed(&self) -> impl Iterator<Item = (&str, &Mark)> {
        let places = self.places.values();
        places.flat_map(|place| place.unclaimed.iter().map(|(name, mark)| (&**name, mark)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &str) -> BTreeSet<String> {
        of.chars().map(String::from).collect()
    }

    fn mark() -> Mark {
        Mark {
            installation: "cluster".into(),
            kind: "Thing.group".into(),
            namespace: "ns".into(),
            name: "a".into(),
            uid: "1".into(),
        }
    }

    #[test]
    fn a_round_is_bounded_and_everything_has_its_turn() {
        let mut sweep = Sweep::new(2);
        let turns: Vec<String> = (0..4)
            .map(|_| sweep.turn("p", &names("abcde")).concat())
            .collect();
        assert_eq!(turns, ["ab", "cd", "ea", "bc"]);
        assert_eq!(
            sweep.turn("q", &names("a")),
            ["a"],
            "each place has its own"
        );
        assert_eq!(
            Sweep::new(9).turn("p", &names("ab")).concat(),
            "ab",
            "none twice"
        );
        assert!(sweep.turn("p", &names("")).is_empty());
    }

    #[test]
    fn what_is_found_is_news_once_and_is_kept_until_it_is_gone_or_another_s() {
        let mut sweep = Sweep::new(2);
        assert!(sweep.read("p", "a", Some(mark())));
        assert!(!sweep.read("p", "a", Some(mark())));
        assert!(!sweep.read("p", "b", None));
        assert_eq!(sweep.unclaimed().count(), 1);
        assert!(!sweep.read("p", "a", None));
        assert_eq!(sweep.unclaimed().count(), 0);
        sweep.read("p", "a", Some(mark()));
        sweep.turn("p", &names("b"));
        assert_eq!(sweep.unclaimed().count(), 0, "gone, or claimed");
        sweep.read("p", "a", Some(mark()));
        sweep.retain(&names("q"));
        assert_eq!(sweep.unclaimed().count(), 0, "out of sight");
    }
}
