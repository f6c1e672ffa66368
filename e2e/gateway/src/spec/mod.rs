//! What the JSON of a resource says, read once in a process.
//!
//! Hundreds of gateways in one process hold the same thousand resources: equal bytes of one kind are
//! one value, read, compiled and checked once, and freed with its last holder. Nothing here is `Debug`:
//! backends carry credentials.

pub(crate) mod backend;
mod go_duration;
mod go_json;
pub(crate) mod limits;
pub(crate) mod route;
pub(crate) mod tls;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Kind;
use crate::matching::Matcher;
use crate::validate;
use backend::Backend;
use route::Route;

/// A decoded resource. Two with the same kind and bytes are the same `Arc`.
pub(crate) struct Spec {
    key: Key,
    body: Body,
    verdict: OnceLock<Result<(), String>>,
}

pub(crate) enum Body {
    Route(HttpRoute),
    Backend(Backend),
    Other { name: String },
}

pub(crate) struct HttpRoute {
    pub(crate) route: Route,
    /// Err: why the route cannot be put into a router.
    pub(crate) matcher: Result<Matcher, String>,
}

type Key = (Kind, Bytes);

static KNOWN: LazyLock<Mutex<HashMap<Key, Weak<Spec>>>> = LazyLock::new(Mutex::default);

impl Spec {
    /// Reads a resource's JSON.
    ///
    /// # Errors
    /// When Go's decoder would refuse it.
    pub(crate) fn read(kind: Kind, json: &Bytes) -> Result<Arc<Self>, String> {
        let known = |map: &HashMap<Key, Weak<Self>>| map.get(&(kind, json.clone()))?.upgrade();
        if let Some(spec) = known(&KNOWN.lock()) {
            return Ok(spec);
        }
        let body = Body::read(kind, json).map_err(|e| e.to_string())?;
        let mut map = KNOWN.lock();
        // Another gateway may have read it meanwhile.
        if let Some(spec) = known(&map) {
            return Ok(spec);
        }
        // A copy: `json` is a slice of a whole snapshot, which it would keep in memory.
        let key = (kind, Bytes::copy_from_slice(json));
        let spec = Arc::new(Self {
            key: key.clone(),
            body,
            verdict: OnceLock::new(),
        });
        map.insert(key, Arc::downgrade(&spec));
        Ok(spec)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.key.0
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// The name that the resource is known by on the gateway: without a namespace.
    pub(crate) fn name(&self) -> &str {
        match &self.body {
            Body::Route(http) => &http.route.name,
            Body::Backend(backend) => &backend.name,
            Body::Other { name } => name,
        }
    }

    pub(crate) fn json(&self) -> &Bytes {
        &self.key.1
    }

    /// The JSON as a tree, for predicates of tests.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.key.1).expect("it was read when the value was made")
    }

    /// What the gateway's validation says of this resource by itself.
    pub(crate) fn verdict(&self) -> &Result<(), String> {
        self.verdict.get_or_init(|| validate::resource(&self.body))
    }
}

impl Drop for Spec {
    fn drop(&mut self) {
        let mut map = KNOWN.lock();
        // A new value may stand there already.
        if map
            .get(&self.key)
            .is_some_and(|weak| weak.strong_count() == 0)
        {
            map.remove(&self.key);
        }
    }
}

impl Body {
    fn read(kind: Kind, json: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::ApiRoute => {
                let route: Route = go_json::read(json)?;
                let matcher = Matcher::new(&route.r#match);
                Self::Route(HttpRoute { route, matcher })
            }
            Kind::Backend => Self::Backend(go_json::read(json)?),
            _ => {
                let Named { name } = go_json::read(json)?;
                Self::Other { name }
            }
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_one_value_and_are_freed() {
        let json = Bytes::from_static(br#"{"name":"of-this-test-alone"}"#);
        let one = Spec::read(Kind::Backend, &json).unwrap();
        let two = Spec::read(Kind::Backend, &json).unwrap();
        let other = Spec::read(Kind::GrpcBackend, &json).unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(other.name(), one.name());
        let key = (Kind::Backend, json.clone());
        drop(one);
        assert!(KNOWN.lock().contains_key(&key));
        drop(two);
        assert!(!KNOWN.lock().contains_key(&key));
    }
}
