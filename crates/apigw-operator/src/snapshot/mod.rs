//! What every gateway must have.

mod item;

use std::{collections::BTreeSet, sync::Arc};

use apigw_protocol::ConfigurationSnapshot;
use bytes::Bytes;
use operator_core::{
    decide::key::ObjectKey,
    engines::fanout::{Contents, Digest},
};

pub use self::item::{Item, ItemId, Kind, named};

/// What every gateway must have, or one has: routes and backends by their IDs.
#[derive(Debug)]
pub struct Snapshot {
    items: Vec<Arc<Item>>,
    contents: Arc<Contents<ItemId>>,
}

impl Snapshot {
    /// The snapshot of these items, in any order.
    pub fn new(items: impl IntoIterator<Item = Arc<Item>>) -> Self {
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by(|a, b| a.id().cmp(b.id()));
        let entries = items.iter().map(|item| item.entry().clone());
        let contents = Arc::new(Contents::new(entries));
        Self { items, contents }
    }

    /// One harmless backend: what a gateway is sent to have nothing, where it would overlook an empty snapshot.
    /// No object of a cluster can have its name.
    pub fn placeholder() -> Self {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("", "operator_placeholder"));
        let spec = r#"{"hosts":[{"address":"127.0.0.1","port":9}],"name":"operator_placeholder"}"#;
        Self::new([Arc::new(Item::new(id, Bytes::from_static(spec.as_bytes())))])
    }

    /// The items, by kind and key.
    pub fn items(&self) -> &[Arc<Item>] {
        &self.items
    }

    /// What it holds, in brief.
    pub fn contents(&self) -> &Arc<Contents<ItemId>> {
        &self.contents
    }

    /// Names this content, and no other.
    pub fn version(&self) -> Digest {
        self.contents.version()
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether it has this item, in whatever state.
    pub fn has(&self, id: &ItemId) -> bool {
        self.contents.get(id).is_some()
    }

    /// The same without these.
    pub fn without(&self, ids: &BTreeSet<ItemId>) -> Self {
        let kept = self.items.iter().filter(|item| !ids.contains(item.id()));
        Self::new(kept.cloned())
    }

    /// As it goes over the wire.
    pub fn message(&self) -> ConfigurationSnapshot {
        let of = |kind| {
            let items = self.items.iter().filter(move |item| item.id().kind == kind);
            items.map(|item| item.resource()).collect()
        };
        let version = self.version().to_string();
        ConfigurationSnapshot {
            api_routes: of(Kind::ApiRoute),
            backends: of(Kind::Backend),
            total_resources: i32::try_from(self.items.len()).unwrap_or(i32::MAX),
            checksum: version.clone(),
            version,
            ..ConfigurationSnapshot::default()
        }
    }
}
