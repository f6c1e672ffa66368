//! What the queue looks like from outside: for `/debug/state` and the metrics.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer};
use strum::IntoEnumIterator;

use super::{Class, Moment, ObjectKey, Queue};

/// The queue at one moment. Serializes durations as seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// How many keys may run at once.
    pub places: usize,
    /// Due keys that wait for a place, by class; every class is there.
    pub ready: BTreeMap<Class, usize>,
    /// Keys that wait for their moment.
    pub delayed: usize,
    /// Runs by lane; only lanes that have one.
    pub running: BTreeMap<String, usize>,
    /// Running keys that wait again when their run ends.
    pub again: usize,
    /// The due key that has waited longest, whether or not it runs meanwhile.
    pub oldest_waiting: Option<Held>,
    /// The run that began first.
    pub longest_running: Option<Held>,
    /// The ages of all runs, added up.
    #[serde(rename = "unfinishedSeconds", serialize_with = "seconds")]
    pub unfinished: Duration,
}

/// A key and how long it has been in its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The object, as `namespace/name`.
    pub key: String,
    /// How long.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
}

fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

impl Queue {
    /// The queue at `now`. Walks over all keys.
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        let now = self.now.max(now);
        let held = |(since, key): (Moment, &ObjectKey)| Held {
            key: key.to_string(),
            time: now.since(since),
        };

        let mut ready = BTreeMap::from_iter(Class::iter().map(|class| (class, 0)));
        for wanted in self.waiting.values().filter(|wanted| wanted.due() <= now) {
            *ready.entry(wanted.class).or_default() += 1;
        }
        let mut running = BTreeMap::new();
        for run in self.running.values() {
            *running.entry(run.lane.to_string()).or_default() += 1;
        }
        let again = || {
            self.running
                .iter()
                .filter_map(|(key, run)| Some((key, run.again.as_ref()?)))
        };
        let due = self
            .waiting
            .iter()
            .chain(again())
            .filter(|(_, wanted)| wanted.due() <= now);

        Snapshot {
            places: self.places(),
            delayed: self.waiting.len() - ready.values().sum::<usize>(),
            ready,
            running,
            again: again().count(),
            oldest_waiting: due.map(|(key, wanted)| (wanted.due(), key)).min().map(held),
            longest_running: self
                .running
                .iter()
                .map(|(key, run)| (run.since, key))
                .min()
                .map(held),
            unfinished: self.running.values().map(|run| now.since(run.since)).sum(),
        }
    }
}
