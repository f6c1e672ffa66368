//! Texts of ConfigMaps that objects refer to: read on the first reference and after each change, and kept, so that
//! whoever compiles them does no I/O. Changes come by a watch on metadata alone, and only in namespaces that hold a
//! referenced ConfigMap.
//!
//! Needs `get`, `list` and `watch` on `configmaps`: without the last two no change is seen. What is kept is what the
//! API server lets a ConfigMap hold, 1 MiB each.

mod reading;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use parking_lot::Mutex;
use tokio::sync::watch;

pub use self::text::NoText;
use self::{
    reading::{Reader, Reading},
    text::Texts,
};
pub use super::referenced::NamespaceState;
use super::referenced::{News, Referenced};
use crate::decide::{clock::Clock, key::ObjectKey};

/// The texts of the ConfigMaps that the objects of one kind, the users, refer to. Cheap to clone; watches and reads
/// end with the last clone.
#[derive(Clone)]
pub struct ConfigTexts(Arc<Inner>);

/// Told of a ConfigMap and of its users.
type OnChange = Box<dyn Fn(&ObjectKey, &BTreeSet<ObjectKey>) + Send + Sync>;

struct Inner {
    referenced: Referenced<ConfigMap>,
    clock: Clock,
    on_change: OnChange,
    readings: Arc<Mutex<HashMap<ObjectKey, Reading>>>,
    settled: watch::Sender<bool>,
}

/// What is known of a ConfigMap.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Present(Texts),
    Absent,
    /// The API server refuses to show it, in these words.
    Refused(String),
}

impl ConfigTexts {
    /// Follows nothing yet. `on_change` is told of each referenced ConfigMap of which something else is known than
    /// before, the first time too, and who refers to it; it must not block.
    pub fn new(
        client: Client,
        clock: Clock,
        on_change: impl Fn(&ObjectKey, &BTreeSet<ObjectKey>) + Send + Sync + 'static,
    ) -> Self {
        let readings = Arc::new(Mutex::new(HashMap::<_, Reading>::new()));
        let outdated = readings.clone();
        // The first sight too: it may be younger than what a read under way brings.
        let heard = move |key: &ObjectKey, _: News| {
            if let Some(reading) = outdated.lock().get(key) {
                reading.outdate();
            }
        };
        Self(Arc::new(Inner {
            referenced: Referenced::new(client, clock.clone(), "configmap", heard),
            clock,
            on_change: Box::new(on_change),
            readings,
            settled: watch::Sender::new(true),
        }))
    }

    /// From now on `user` refers to exactly `config_maps`; to none where it is gone.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn track(&self, user: &ObjectKey, config_maps: BTreeSet<ObjectKey>) {
        let Inner {
            referenced,
            clock,
            readings,
            ..
        } = &*self.0;
        // Held over both, so that of two calls at once the later one decides which are read.
        let mut readings = readings.lock();
        referenced.track(user, config_maps);
        let wanted = referenced.objects();
        readings.retain(|key, _| wanted.contains(key));
        for key in wanted {
            readings.entry(key).or_insert_with_key(|key| {
                let api = Api::namespaced(referenced.client().clone(), &key.namespace);
                let inner = Arc::downgrade(&self.0);
                Reading::begin(inner, key, clock.clone(), api)
            });
        }
        self.0.settle(&readings);
    }

    /// The text under `key` of a ConfigMap, of its only value where no key is named.
    ///
    /// # Errors
    /// Why there is none.
    pub fn text(&self, config_map: &ObjectKey, key: Option<&str>) -> Result<Arc<str>, NoText> {
        let readings = self.0.readings.lock();
        let known = readings
            .get(config_map)
            .and_then(|reading| reading.known.as_ref());
        let config_map = config_map.clone();
        match known {
            Some(Known::Present(texts)) => texts.get(&config_map, key),
            Some(Known::Absent) => Err(NoText::NoConfigMap { config_map }),
            Some(Known::Refused(why)) => Err(NoText::Unreadable {
                config_map,
                why: why.clone(),
            }),
            None => Err(NoText::Unknown { config_map }),
        }
    }

    /// Whether everything that is referred to was looked up. While it was not, what is missing may be there.
    pub fn settled(&self) -> bool {
        *self.0.settled.borrow()
    }

    /// Waits until everything that is referred to was looked up. An API server that cannot be asked makes this
    /// wait; one that refuses does not.
    pub async fn wait_settled(&self) {
        let mut settled = self.0.settled.subscribe();
        // The sender lives in `self`: an error cannot be.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    /// How each namespace is followed.
    pub fn state(&self) -> BTreeMap<String, NamespaceState> {
        self.0.referenced.state()
    }
}

impl Inner {
    fn settle(&self, readings: &HashMap<ObjectKey, Reading>) {
        let settled = readings.values().all(|reading| reading.known.is_some());
        self.settled.send_if_modified(|was| {
            let changed = *was != settled;
            *was = settled;
            changed
        });
    }

    /// Takes what a read brought.
    fn learn(&self, reader: &Reader, known: Known) {
        self.learn_where(reader, known, |before, known| before != Some(known));
    }

    fn learn_if_unknown(&self, reader: &Reader, known: Known) {
        self.learn_where(reader, known, |before, _| before.is_none());
    }

    fn learn_where(
        &self,
        reader: &Reader,
        known: Known,
        is_news: impl Fn(Option<&Known>, &Known) -> bool,
    ) {
        let key = &reader.key;
        let mut readings = self.readings.lock();
        // It may have been let go of, and taken again, since.
        let reading = readings.get_mut(key);
        let Some(reading) = reading.filter(|reading| reading.is_of(reader)) else {
            return;
        };
        if !is_news(reading.known.as_ref(), &known) {
            return;
        }
        reading.known = Some(known);
        self.settle(&readings);
        drop(readings);
        (self.on_change)(key, &self.referenced.users(key));
    }
}
