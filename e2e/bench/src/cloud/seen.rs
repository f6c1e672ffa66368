//! What bucket objects say of themselves, as seen by a watch of the measuring program's own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use crd_types::aws::v1alpha1::S3Bucket;
use futures::StreamExt;
use harness::{Namespace, wait};
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::task::JoinSet;

use super::PATIENCE;

/// What an object says.
#[derive(Default)]
pub struct Said {
    generation: i64,
    /// Whether that generation is in force.
    ready: bool,
    /// The last request that was answered.
    pub answered: Option<String>,
}

impl Said {
    /// Whether this generation, or a later one, is in force.
    pub fn is_ready(&self, generation: i64) -> bool {
        self.ready && self.generation >= generation
    }
}

type All = HashMap<String, Said>;

/// A watch, and what it has shown.
pub struct Seen {
    all: Arc<Mutex<All>>,
    _watch: JoinSet<()>,
}

impl Seen {
    pub fn start(namespace: &Namespace) -> Result<Self> {
        let all = Arc::<Mutex<All>>::default();
        let mut watch = JoinSet::new();
        let buckets: Api<S3Bucket> = namespace.api()?;
        let shown = watcher(buckets, watcher::Config::default()).default_backoff();
        let shared = all.clone();
        watch.spawn(shown.for_each(move |event| {
            match event {
                Ok(Event::Apply(bucket) | Event::InitApply(bucket)) => {
                    lock(&shared).insert(bucket.name_any(), said(&bucket));
                }
                Ok(Event::Delete(bucket)) => {
                    lock(&shared).remove(&bucket.name_any());
                }
                Ok(Event::Init | Event::InitDone) | Err(_) => {}
            }
            async {}
        }));
        Ok(Self { all, _watch: watch })
    }

    /// Waits until what is said of the object `name` is so; `None` where it does not exist.
    pub async fn until(
        &self,
        what: &str,
        name: &str,
        holds: impl Fn(Option<&Said>) -> bool,
    ) -> Result<()> {
        wait::until(&format!("{name} to be {what}"), PATIENCE, || async {
            holds(lock(&self.all).get(name))
        })
        .await
    }

    /// Waits until so many are ready.
    pub async fn ready(&self, count: usize) -> Result<()> {
        wait::until(
            &format!("{count} buckets to be ready"),
            PATIENCE,
            || async {
                let all = lock(&self.all);
                let ready = all.values().filter(|it| it.ready).count();
                match ready == count {
                    true => Ok(()),
                    false => Err(format!("{ready} of {} are", all.len())),
                }
            },
        )
        .await
    }
}

fn said(bucket: &S3Bucket) -> Said {
    let lifecycle = bucket.status.as_ref().map(|it| &it.lifecycle);
    let generation = bucket.metadata.generation;
    Said {
        generation: generation.unwrap_or_default(),
        ready: lifecycle.is_some_and(|it| it.ready && it.observed_generation == generation),
        answered: lifecycle.and_then(|it| it.last_handled_reconcile_at.clone()),
    }
}

fn lock(all: &Mutex<All>) -> MutexGuard<'_, All> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}
