//! How many objects of a kind stand how, counted as they change: a scrape looks at none of them.

use std::sync::Arc;

use crd_types::lifecycle::{HasLifecycle, Managed};
use operator_core::cluster::cache::{Cache, Change, Whole};
use parking_lot::Mutex;

/// How an object stands.
#[derive(Clone, Copy)]
enum Standing {
    Deleting,
    NotReady,
    Ready,
}

const NAMES: [(Standing, &str); 3] = [
    (Standing::Deleting, "deleting"),
    (Standing::NotReady, "notready"),
    (Standing::Ready, "ready"),
];

/// How the objects of a kind stand.
pub struct Standings<K: Managed> {
    cache: Arc<Cache<Whole<K>>>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts([usize; NAMES.len()]);

impl<K: Managed> Standings<K> {
    /// Of those in `cache`, which must not run yet.
    pub fn of(cache: &Arc<Cache<Whole<K>>>) -> Self {
        let counts = Arc::<Mutex<Counts>>::default();
        let counted = counts.clone();
        cache.observe(Box::new(move |_, change| counted.lock().take(change)));
        Self {
            cache: cache.clone(),
            counts,
        }
    }

    /// The kind in lower case, and how many objects there are of each standing.
    pub fn counts(&self) -> (&'static str, Vec<(&'static str, usize)>) {
        let counts = self.counts.lock();
        let mut named: Vec<_> = NAMES
            .iter()
            .map(|&(standing, name)| (name, counts.0[standing as usize]))
            .collect();
        named.push(("unreadable", self.cache.state().unreadable));
        (self.cache.name(), named)
    }
}

impl Counts {
    fn take<K: Managed>(&mut self, change: &Change<'_, K>) {
        let (before, after) = match change {
            Change::Added(new) => (None, Some(new)),
            Change::Updated { old, new } => (Some(old), Some(new)),
            Change::Deleted(old) => (Some(old), None),
            Change::Unreadable(_) | Change::UnreadableGone => (None, None),
        };
        if let Some(before) = before {
            let count = &mut self.0[Standing::of(&***before) as usize];
            *count = count.saturating_sub(1);
        }
        if let Some(after) = after {
            self.0[Standing::of(&***after) as usize] += 1;
        }
    }
}

impl Standing {
    fn of<K: Managed>(object: &K) -> Self {
        match object.meta().deletion_timestamp {
            Some(_) => Self::Deleting,
            None if is_ready(object) => Self::Ready,
            None => Self::NotReady,
        }
    }
}

/// Whether the object's present spec is in force.
pub fn is_ready<K: Managed>(object: &K) -> bool {
    let lifecycle = object.status().map(HasLifecycle::lifecycle);
    lifecycle.is_some_and(|lifecycle| {
        lifecycle.ready && lifecycle.observed_generation == object.meta().generation
    })
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::S3Bucket;
    use serde_json::json;

    use super::*;

    fn bucket(generation: i64, deleted: bool) -> Arc<S3Bucket> {
        let deleted = deleted.then_some("2026-01-01T00:00:00Z");
        let object = json!({
            "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
            "metadata": { "name": "a", "generation": generation, "deletionTimestamp": deleted },
            "spec": { "providerRef": { "name": "p" }, "bucketName": "data" },
            "status": { "ready": true, "observedGeneration": 1 },
        });
        Arc::new(serde_json::from_value(object).expect("an S3Bucket"))
    }

    #[test]
    fn an_object_counts_once_and_as_it_stands_now() {
        let (ready, edited, deleting) = (bucket(1, false), bucket(2, false), bucket(2, true));
        let mut counts = Counts::default();
        let steps = [
            (Change::Added(&ready), [0, 0, 1]),
            (Change::Added(&ready), [0, 0, 2]),
            (
                Change::Updated {
                    old: &ready,
                    new: &edited,
                },
                [0, 1, 1],
            ),
            (
                Change::Updated {
                    old: &edited,
                    new: &deleting,
                },
                [1, 0, 1],
            ),
            (Change::UnreadableGone, [1, 0, 1]),
            (Change::Deleted(&deleting), [0, 0, 1]),
        ];
        for (change, expected) in steps {
            counts.take(&change);
            assert_eq!(counts.0, expected, "{change:?}");
        }
    }
}
