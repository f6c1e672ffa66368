//! What receivers refused, and so nobody is sent until it is another.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::place::Place;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which state of the thing was refused; a later one is tried again.
    pub edition: Arc<str>,
    /// The receiver's words.
    pub words: Arc<str>,
}

/// What receivers refused: this replica's own and, where others report to it, theirs.
pub struct Refusals<I> {
    /// In the order in which they were noted, one for each place.
    noted: Mutex<BTreeMap<I, Vec<(Place, Refusal)>>>,
    /// The latest edition of each that was refused.
    held: watch::Sender<Arc<BTreeMap<I, Refusal>>>,
    own_changes: watch::Sender<()>,
}

impl<I: Ord + Clone> Default for Refusals<I> {
    fn default() -> Self {
        Self {
            noted: Mutex::default(),
            held: watch::Sender::new(Arc::default()),
            own_changes: watch::Sender::new(()),
        }
    }
}

impl<I: Ord + Clone> Refusals<I> {
    /// The thing `id` was refused. The first words about an edition stand.
    pub fn note(&self, id: &I, refusal: Refusal) {
        if self.note_at(Place::Here, id, refusal) {
            self.own_changes.send_replace(());
        }
    }

    /// The thing `id` was refused by a receiver of another replica. That stands also when the replica is lost:
    /// it is a fact about this edition.
    pub fn reported(&self, replica: &Arc<str>, id: &I, refusal: Refusal) {
        self.note_at(Place::Replica(replica.clone()), id, refusal);
    }

    /// Another replica knows of no refusal of the thing `id` any more.
    pub fn withdrawn(&self, replica: &Arc<str>, id: &I) {
        let place = Place::Replica(replica.clone());
        self.keep(|noted, at, _| noted != id || *at != place);
    }

    /// Forgets what other replicas have reported.
    pub fn forget_reported(&self) {
        self.keep(|_, at, _| *at == Place::Here);
    }

    fn note_at(&self, place: Place, id: &I, refusal: Refusal) -> bool {
        let mut noted = self.noted.lock();
        let of_it = noted.entry(id.clone()).or_default();
        match of_it.iter().position(|(at, _)| *at == place) {
            Some(known) if of_it[known].1.edition == refusal.edition => {
                // Another replica knows which words came first there.
                if place == Place::Here || of_it[known].1 == refusal {
                    return false;
                }
                of_it[known].1 = refusal;
            }
            Some(known) => {
                of_it.remove(known);
                of_it.push((place, refusal));
            }
            None => of_it.push((place, refusal)),
        }
        let held = latest(of_it).cloned();
        self.held.send_if_modified(|all| hold(all, id, held));
        true
    }

    /// The words with which this edition was refused, if it was.
    pub fn words(&self, id: &I, edition: &str) -> Option<Arc<str>> {
        let noted = self.noted.lock();
        let mut of_it = noted.get(id)?.iter();
        let refused = of_it.find(|(_, refusal)| *refusal.edition == *edition);
        refused.map(|(_, refusal)| refusal.words.clone())
    }

    /// Forgets what is of no more use: `keep` is told each thing and its edition.
    pub fn retain(&self, keep: impl Fn(&I, &str) -> bool) {
        self.keep(|id, _, refusal| keep(id, &refusal.edition));
    }

    fn keep(&self, keep: impl Fn(&I, &Place, &Refusal) -> bool) {
        let mut noted = self.noted.lock();
        let mut own = false;
        let mut left = BTreeMap::new();
        noted.retain(|id, of_it| {
            let before = of_it.len();
            of_it.retain(|(at, refusal)| {
                let keeps = keep(id, at, refusal);
                own |= !keeps && *at == Place::Here;
                keeps
            });
            if of_it.len() < before {
                left.insert(id.clone(), latest(of_it).cloned());
            }
            !of_it.is_empty()
        });
        self.held.send_if_modified(|all| {
            let left = left.into_iter();
            left.fold(false, |news, (id, held)| hold(all, &id, held) || news)
        });
        if own {
            self.own_changes.send_replace(());
        }
    }

    /// Follows all of them, each in the latest edition that was refused.
    pub fn watch(&self) -> watch::Receiver<Arc<BTreeMap<I, Refusal>>> {
        self.held.subscribe()
    }

    /// What this replica's own receivers refused.
    pub fn own(&self) -> BTreeMap<I, Refusal> {
        let noted = self.noted.lock();
        let own = noted.iter().filter_map(|(id, of_it)| {
            let (_, refusal) = of_it.iter().find(|(at, _)| *at == Place::Here)?;
            Some((id.clone(), refusal.clone()))
        });
        own.collect()
    }

    /// Tells whenever [`own`](Self::own) may have changed.
    pub fn own_changes(&self) -> watch::Receiver<()> {
        self.own_changes.subscribe()
    }
}

/// The first words about the edition that was noted last.
fn latest(of_it: &[(Place, Refusal)]) -> Option<&Refusal> {
    let (_, last) = of_it.last()?;
    let mut refusals = of_it.iter().map(|(_, refusal)| refusal);
    refusals.find(|refusal| refusal.edition == last.edition)
}

/// Says whether that is news.
fn hold<I: Ord + Clone>(
    all: &mut Arc<BTreeMap<I, Refusal>>,
    id: &I,
    held: Option<Refusal>,
) -> bool {
    if all.get(id) == held.as_ref() {
        return false;
    }
    let all = Arc::make_mut(all);
    match held {
        Some(refusal) => all.insert(id.clone(), refusal),
        None => all.remove(id),
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(edition: &str, words: &str) -> Refusal {
        Refusal {
            edition: edition.into(),
            words: words.into(),
        }
    }

    #[test]
    fn an_edition_is_refused_until_it_is_another() {
        let refusals = Refusals::default();
        refusals.note(&1, refusal("a", "bad regex"));
        assert_eq!(refusals.words(&1, "a").as_deref(), Some("bad regex"));
        assert_eq!(refusals.words(&1, "b"), None);
        assert_eq!(refusals.words(&2, "a"), None);
        refusals.note(&1, refusal("b", "worse"));
        assert_eq!(refusals.words(&1, "a"), None);
    }

    #[test]
    fn who_follows_hears_of_news_alone() {
        let refusals = Refusals::default();
        let mut followed = refusals.watch();
        refusals.note(&1, refusal("a", "bad regex"));
        assert_eq!(followed.borrow_and_update().len(), 1);
        refusals.note(&1, refusal("a", "said in other words"));
        refusals.retain(|_, _| true);
        assert!(!followed.has_changed().expect("they live"));
        assert_eq!(refusals.words(&1, "a").as_deref(), Some("bad regex"));
        refusals.retain(|_, edition| edition != "a");
        assert!(followed.borrow_and_update().is_empty());
    }

    #[test]
    fn what_another_replica_reports_stands_beside_its_own() {
        let refusals = Refusals::default();
        let (b, c) = (Arc::from("b"), Arc::from("c"));
        let mut own = refusals.own_changes();
        refusals.reported(&b, &1, refusal("new", "far"));
        refusals.reported(&c, &1, refusal("new", "farther"));
        assert!(!own.has_changed().expect("they live"));
        refusals.note(&1, refusal("old", "near"));
        assert!(own.has_changed().expect("they live"));
        own.mark_unchanged();
        assert_eq!(refusals.words(&1, "new").as_deref(), Some("far"));
        assert_eq!(refusals.words(&1, "old").as_deref(), Some("near"));
        assert_eq!(refusals.watch().borrow()[&1], refusal("old", "near"));
        assert_eq!(refusals.own()[&1], refusal("old", "near"));

        refusals.withdrawn(&b, &1);
        assert_eq!(refusals.words(&1, "new").as_deref(), Some("farther"));
        refusals.forget_reported();
        assert_eq!(refusals.words(&1, "new"), None);
        assert!(!own.has_changed().expect("they live"));
        refusals.retain(|_, _| false);
        assert!(own.has_changed().expect("they live"));
        assert!(refusals.own().is_empty() && refusals.watch().borrow().is_empty());
    }

    #[test]
    fn one_replica_refuses_one_edition() {
        let refusals = Refusals::default();
        let b = Arc::from("b");
        refusals.reported(&b, &1, refusal("a", "bad"));
        refusals.reported(&b, &1, refusal("b", "worse"));
        assert_eq!(refusals.words(&1, "a"), None);
        assert_eq!(refusals.words(&1, "b").as_deref(), Some("worse"));
        assert!(refusals.own().is_empty());
    }
}
