//! The reads of one ConfigMap.

use std::{sync::Weak, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::{utils::Backoff, watcher::DefaultBackoff},
};
use tokio::{sync::watch, task::JoinHandle};
use tracing::warn;

use super::{Inner, Known, Texts};
use crate::{
    cluster::{
        referenced::Sight,
        refusal::{code, explain},
    },
    decide::{clock::Clock, key::ObjectKey},
};

/// How long until a ConfigMap that may not be read is tried again, and where the pauses between failures stop
/// growing.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Reads a ConfigMap at once and whenever what was read is outdated; ends when it is dropped.
pub(super) struct Reading {
    /// None before the first answer.
    pub(super) known: Option<Known>,
    outdated: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    pub(super) fn begin(
        inner: Weak<Inner>,
        key: &ObjectKey,
        clock: Clock,
        api: Api<ConfigMap>,
    ) -> Self {
        let (outdated, hears) = watch::channel(());
        let reader = Reader {
            key: key.clone(),
            outdated: hears,
            clock,
            api,
        };
        Self {
            known: None,
            outdated,
            task: tokio::spawn(reader.run(inner)),
        }
    }

    /// What was read, or is being read, may not be the latest any more.
    pub(super) fn outdate(&self) {
        self.outdated.send_replace(());
    }

    /// Whether this is whose answers `reader` brings.
    pub(super) fn is_of(&self, reader: &Reader) -> bool {
        self.outdated.subscribe().same_channel(&reader.outdated)
    }
}

pub(super) struct Reader {
    pub(super) key: ObjectKey,
    outdated: watch::Receiver<()>,
    clock: Clock,
    api: Api<ConfigMap>,
}

impl Reader {
    /// Ends with whom it reads for.
    async fn run(mut self, inner: Weak<Inner>) {
        let mut backoff = DefaultBackoff::default();
        loop {
            self.outdated.mark_unchanged();
            let read = self.api.get_opt(&self.key.name).await;
            let Some(inner) = inner.upgrade() else { return };
            // What changed while it was read may have changed after it was read.
            match self.outdated.has_changed() {
                Ok(false) => {}
                Ok(true) if read.is_err() => {}
                Ok(true) => continue,
                Err(_) => return,
            }
            let pause = self.take(&inner, read, &mut backoff);
            drop(inner);
            let pause = async {
                match pause {
                    Some(pause) => self.clock.sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = pause => {}
                changed = self.outdated.changed() => if changed.is_err() {
                    return;
                }
            }
        }
    }

    /// How long until it is to be read again though nothing changed.
    fn take(
        &self,
        inner: &Inner,
        read: kube::Result<Option<ConfigMap>>,
        backoff: &mut DefaultBackoff,
    ) -> Option<Duration> {
        let error = match read {
            Ok(read) => {
                backoff.reset();
                inner.referenced.read(&self.key, Sight::of(read.as_ref()));
                let known = read.map_or(Known::Absent, |it| Known::Present(Texts::of(it)));
                inner.learn(self, known);
                return None;
            }
            Err(error) => error,
        };
        let why = explain(&error);
        warn!(config_map = %self.key, "a ConfigMap that is referred to cannot be read: {why}");
        match code(&error) {
            // What was read before stays until there is better.
            Some(401 | 403) => {
                inner.learn_if_unknown(self, Known::Refused(why));
                Some(MAX_PAUSE)
            }
            _ => Some(backoff.next().unwrap_or(MAX_PAUSE).min(MAX_PAUSE)),
        }
    }
}
