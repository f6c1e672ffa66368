//! What receivers refused, and so nobody is sent until it is another.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which state of the thing was refused; a later one is tried again.
    pub edition: Arc<str>,
    /// The receiver's words.
    pub words: Arc<str>,
}

/// What receivers refused, each thing in one edition.
pub struct Refusals<I> {
    held: watch::Sender<Arc<BTreeMap<I, Refusal>>>,
}

impl<I: Ord + Clone> Default for Refusals<I> {
    fn default() -> Self {
        Self {
            held: watch::Sender::new(Arc::default()),
        }
    }
}

impl<I: Ord + Clone> Refusals<I> {
    /// The thing `id` was refused. The first words about an edition stand.
    pub fn note(&self, id: &I, refusal: Refusal) {
        self.held.send_if_modified(|held| {
            let news = held
                .get(id)
                .is_none_or(|known| known.edition != refusal.edition);
            if news {
                Arc::make_mut(held).insert(id.clone(), refusal);
            }
            news
        });
    }

    /// The words with which this edition was refused, if it was.
    pub fn words(&self, id: &I, edition: &str) -> Option<Arc<str>> {
        let held = self.held.borrow();
        let refusal = held.get(id)?;
        (*refusal.edition == *edition).then(|| refusal.words.clone())
    }

    /// Forgets what is of no more use: `keep` is told each thing and its edition.
    pub fn retain(&self, keep: impl Fn(&I, &str) -> bool) {
        self.held.send_if_modified(|held| {
            let stays = |(id, refusal): (&I, &Refusal)| keep(id, &refusal.edition);
            if held.iter().all(stays) {
                return false;
            }
            Arc::make_mut(held).retain(|id, refusal| keep(id, &refusal.edition));
            true
        });
    }

    /// Follows all of them.
    pub fn watch(&self) -> watch::Receiver<Arc<BTreeMap<I, Refusal>>> {
        self.held.subscribe()
    }
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
}
