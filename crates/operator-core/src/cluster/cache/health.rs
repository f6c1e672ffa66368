//! How the watch behind a cache fares.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use kube::runtime::watcher;
use serde::Serialize;
use tracing::{debug, info, warn};

use crate::{cluster::refusal::explain, decide::clock::Moment};

/// An error that goes on is logged again after this time.
const REPEATED: Duration = Duration::from_secs(600);
/// How many distinct errors are told apart: their texts may hold versions and ports.
const MAX_DISTINCT: usize = 64;

/// How a cache fares, for `/debug/state`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheState {
    /// Whether every object was listed once, or there can be none.
    pub synced: bool,
    /// The kind, if the API server does not serve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// How many objects are kept.
    pub objects: usize,
    /// How many cannot be read.
    pub unreadable: usize,
    /// How many errors the watch has met.
    pub errors: u64,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it came (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<Timestamp>,
    /// When the watch last brought something (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<Timestamp>,
}

#[derive(Default)]
pub(super) struct Health {
    last_event: Option<Timestamp>,
    last_error: Option<(String, Timestamp)>,
    errors: u64,
    logged: HashMap<String, Moment>,
    /// The namespaces whose watch has failed and shown nothing since; empty for all.
    ailing: BTreeSet<String>,
    /// Those of them where the API server answers that it serves no such kind.
    missing: BTreeSet<String>,
}

impl Health {
    pub(super) fn heard(&mut self, wall: Timestamp) {
        self.last_event = Some(wall);
    }

    /// What happens in `namespace` is shown again.
    pub(super) fn shows(&mut self, kind: &'static str, namespace: Option<&str>) {
        let namespace = namespace.unwrap_or_default();
        self.ailing.remove(namespace);
        if self.missing.remove(namespace) && self.missing.is_empty() {
            info!(controller = kind, "the API server serves the kind now");
        }
    }

    /// The API server serves no such kind, called `what`, in `namespace`. Logged once.
    pub(super) fn misses(&mut self, kind: &'static str, namespace: Option<&str>, what: &str) {
        if self.missing.is_empty() {
            warn!(
                controller = kind,
                "the API server does not serve {what}: install or update its CustomResourceDefinition; \
                 it is looked for"
            );
        }
        let namespace = namespace.unwrap_or_default();
        self.ailing.insert(namespace.to_owned());
        self.missing.insert(namespace.to_owned());
    }

    /// Whether the API server does not serve the kind.
    pub(super) fn is_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether something may have happened in `namespace` that is not shown.
    pub(super) fn is_ailing(&self, namespace: &str) -> bool {
        self.ailing.contains(namespace) || self.ailing.contains("")
    }

    /// Counts an error, and logs it unless the same was logged a short while ago.
    pub(super) fn failed(
        &mut self,
        kind: &'static str,
        namespace: Option<&str>,
        text: String,
        now: Moment,
        wall: Timestamp,
    ) {
        let namespace = namespace.unwrap_or_default();
        self.ailing.insert(namespace.to_owned());
        if self.is_news(&text, now) {
            warn!(
                controller = kind,
                namespace, "the watch failed and is tried again: {text}"
            );
        } else {
            debug!(
                controller = kind,
                namespace, "the watch failed again: {text}"
            );
        }
        self.errors += 1;
        self.last_error = Some((text, wall));
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    /// The state of a cache of the kind that is called `what`.
    pub(super) fn state(
        &self,
        what: String,
        synced: bool,
        objects: usize,
        unreadable: usize,
    ) -> CacheState {
        CacheState {
            synced,
            missing: self.is_missing().then_some(what),
            objects,
            unreadable,
            errors: self.errors,
            last_error: self.last_error.as_ref().map(|(text, _)| text.clone()),
            last_error_at: self.last_error.as_ref().map(|(_, wall)| *wall),
            last_event_at: self.last_event,
        }
    }

    fn is_news(&mut self, text: &str, now: Moment) -> bool {
        if self
            .logged
            .get(text)
            .is_some_and(|logged| now.since(*logged) < REPEATED)
        {
            return false;
        }
        if self.logged.len() == MAX_DISTINCT {
            self.logged.clear();
        }
        self.logged.insert(text.to_owned(), now);
        true
    }
}

/// What is wrong with a watch.
pub(super) fn text_of(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => format!("list: {}", explain(error)),
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            format!("watch: {}", explain(error))
        }
        watcher::Error::WatchError(status) => format!("watch: {}", status.message),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_news_once_in_a_while() {
        let mut health = Health::default();
        let at = |seconds| Moment::at(Duration::from_secs(seconds));
        assert!(health.is_news("forbidden", at(0)));
        assert!(!health.is_news("forbidden", at(599)));
        assert!(
            health.is_news("refused", at(599)),
            "another one is told at once"
        );
        assert!(health.is_news("forbidden", at(600)), "it still goes on");
        for n in 0..1000 {
            assert!(health.is_news(&format!("too old: {n}"), at(601)));
        }
        assert!(health.logged.len() <= MAX_DISTINCT, "bounded");
    }
}
