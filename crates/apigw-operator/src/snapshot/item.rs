//! One route or backend as gateways get it.

use std::{fmt, str::FromStr, sync::Arc};

use apigw_protocol::{ConfigurationResource, ResourceType};
use bytes::Bytes;
use operator_core::{
    decide::key::ObjectKey,
    engines::fanout::{Digest, Entry},
};
use prost::Message;

/// Which list of a snapshot a thing stands in.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// `APIRoute`.
    ApiRoute,
    /// `Backend`.
    Backend,
}

impl Kind {
    fn wire(self) -> ResourceType {
        match self {
            Self::ApiRoute => ResourceType::ApiRoute,
            Self::Backend => ResourceType::Backend,
        }
    }
}

/// What a thing is. Orders as snapshots do: by kind, then by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub key: ObjectKey,
}

impl ItemId {
    /// The ID of this object.
    pub fn new(kind: Kind, key: ObjectKey) -> Self {
        Self { kind, key }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: &str = self.kind.into();
        write!(f, "{kind}/{}", self.key)
    }
}

/// A text that is no ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form kind/namespace/name")]
pub struct NotAnId;

impl FromStr for ItemId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [kind, namespace, name] => {
                let kind = kind.parse().map_err(|_| NotAnId)?;
                Ok(Self::new(kind, ObjectKey::new(namespace, name)))
            }
            _ => Err(NotAnId),
        }
    }
}

/// One route or backend as gateways get it.
#[derive(Debug)]
pub struct Item {
    entry: Arc<Entry<ItemId>>,
    spec: Bytes,
}

impl Item {
    /// The thing `id` with this spec: JSON with the object's name as the key `name`.
    pub fn new(id: ItemId, spec: Bytes) -> Self {
        let digest = Digest::of([&spec[..]]);
        Self {
            entry: Arc::new(Entry { id, digest }),
            spec,
        }
    }

    /// What it is.
    pub fn id(&self) -> &ItemId {
        &self.entry.id
    }

    /// What it holds, in brief.
    pub fn digest(&self) -> Digest {
        self.entry.digest
    }

    /// ID and digest.
    pub fn entry(&self) -> &Arc<Entry<ItemId>> {
        &self.entry
    }

    /// As it goes over the wire.
    pub fn resource(&self) -> ConfigurationResource {
        ConfigurationResource {
            spec_json: self.spec.clone(),
            ..named(self.id())
        }
    }

    /// How much it adds to a message, in bytes.
    pub fn size(&self) -> usize {
        let body = self.resource().encoded_len();
        1 + prost::encoding::encoded_len_varint(body as u64) + body
    }
}

/// A resource by its ID alone, which is enough to delete it.
pub fn named(id: &ItemId) -> ConfigurationResource {
    ConfigurationResource {
        r#type: id.kind.wire().into(),
        name: id.key.name.as_ref().to_owned(),
        namespace: id.key.namespace.as_ref().to_owned(),
        ..ConfigurationResource::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for kind in [Kind::ApiRoute, Kind::Backend] {
            let id = ItemId::new(kind, ObjectKey::new("ns", "a.b-c"));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for other in ["", "apiroute/ns", "pod/ns/a", "apiroute/ns/a/b"] {
            assert_eq!(other.parse::<ItemId>(), Err(NotAnId), "{other}");
        }
    }
}
