//! An object that was not read yet, and may have been written under a schema which this version cannot read.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Range};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny},
};
use serde_json::value::RawValue;

/// An object as its text, of which no more was read than which object in which state it is.
///
/// Does what kube's `DeserializeGuard` does, and besides: asks for metadata alone where `K` does (the guard
/// would fetch whole objects, Secrets among them), lets one `Api` constructor serve both scopes, and spares
/// the reading of what turns out to be known, as the echo of every own write is.
#[derive(Clone)]
pub(super) struct Readable<K> {
    /// Name, namespace, UID, version and generation.
    metadata: ObjectMeta,
    text: Box<RawValue>,
    /// Where in the text the value of `managedFields` stands.
    managed_fields: Option<Range<usize>>,
    kind: PhantomData<fn() -> K>,
}

/// The object is not a `K`.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    pub(super) generation: Option<i64>,
    pub(super) error: String,
    /// The finalizers that keep it, if it is being deleted.
    pub(super) held_by: Vec<String>,
}

impl<K: DeserializeOwned> Readable<K> {
    /// The object, without its managed fields, which nobody reads and which are most of the work.
    pub(super) fn lean(&self) -> Result<K, Unread> {
        let text = self.text.get();
        match self.managed_fields.clone() {
            None => self.read(text),
            Some(Range { start, end }) => {
                self.read(&[&text[..start], "null", &text[end..]].concat())
            }
        }
    }

    /// The object with all that it has.
    pub(super) fn whole(&self) -> Result<K, Unread> {
        self.read(self.text.get())
    }

    fn read(&self, text: &str) -> Result<K, Unread> {
        serde_json::from_str(text).map_err(|error| Unread {
            generation: self.metadata.generation,
            error: without_place(&error),
            held_by: held_by(text),
        })
    }
}

impl<K> fmt::Debug for Readable<K> {
    /// Without the text, which may be a Secret's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readable")
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// What is read of every object.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    #[serde(borrow)]
    managed_fields: Option<&'a RawValue>,
}

impl<'de, K> Deserialize<'de> for Readable<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Named { metadata } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let managed_fields = metadata.managed_fields.map(|found| {
            let start = found.get().as_ptr().addr() - text.get().as_ptr().addr();
            start..start + found.get().len()
        });
        Ok(Self {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                generation: metadata.generation,
                ..ObjectMeta::default()
            },
            managed_fields,
            text,
            kind: PhantomData,
        })
    }
}

/// The finalizers of an object that is being deleted.
fn held_by(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Ending {
        metadata: Held,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Held {
        deletion_timestamp: Option<IgnoredAny>,
        finalizers: Option<Vec<String>>,
    }
    let read: Option<Ending> = serde_json::from_str(text).ok();
    let ending = read.filter(|it| it.metadata.deletion_timestamp.is_some());
    ending
        .and_then(|it| it.metadata.finalizers)
        .unwrap_or_default()
}

/// Without line and column, which are those of the wire and move whenever anything else of the object does.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

impl<K: Resource<DynamicType = ()>> Resource for Readable<K> {
    type DynamicType = ();
    // The real scope is only known at compile time for a concrete `K`.
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn metadata_api() -> bool {
        K::metadata_api()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Pod, Secret};
    use kube::core::PartialObjectMeta;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unreadable_object_keeps_its_metadata_and_says_what_is_wrong() {
        let object = json!({
            "metadata": { "name": "web", "namespace": "shop", "uid": "u", "generation": 4 },
            "spec": { "containers": "none" },
        });
        let read: Readable<Pod> = serde_json::from_value(object).unwrap();
        assert_eq!(read.meta().generation, Some(4));
        let unread = read.lean().unwrap_err();
        assert!(unread.error.contains("invalid type"), "{}", unread.error);
    }

    #[test]
    fn what_keeps_an_unreadable_object_is_known_once_it_is_to_go() {
        let held_by = |deleted: Option<&str>| {
            let object = json!({
                "metadata": { "name": "web", "finalizers": ["a/b"], "deletionTimestamp": deleted },
                "spec": { "containers": "none" },
            });
            let read: Readable<Pod> = serde_json::from_value(object).unwrap();
            read.lean().unwrap_err().held_by
        };
        assert_eq!(held_by(None), [""; 0]);
        assert_eq!(held_by(Some("2026-01-01T00:00:00Z")), ["a/b"]);
    }

    #[test]
    fn what_is_wrong_stays_the_same_while_other_things_change() {
        let error = |name: &str| {
            let text = format!(r#"{{"metadata":{{"name":"{name}"}},"spec":{{"containers":1}}}}"#);
            let read: Readable<Pod> = serde_json::from_str(&text).unwrap();
            read.lean().unwrap_err().error
        };
        assert_eq!(error("a"), error("longer"));
        assert!(!error("a").contains("column"), "{}", error("a"));
    }

    #[test]
    fn a_readable_object_is_itself() {
        let object = json!({ "metadata": { "name": "web" }, "spec": { "containers": [] } });
        let read: Readable<Pod> = serde_json::from_value(object).unwrap();
        assert_eq!(read.lean().unwrap().metadata.name.as_deref(), Some("web"));
    }

    #[test]
    fn managed_fields_are_left_out_unless_they_are_wanted() {
        let fields = r#"[{"manager":"m","fieldsV1":{"f:spec":{}}}]"#;
        for managed in [fields, "[]", "null"] {
            let text = format!(
                r#"{{"metadata":{{"managedFields":{managed},"name":"web"}},"spec":{{"containers":[]}}}}"#
            );
            let read: Readable<Pod> = serde_json::from_str(&text).unwrap();
            let lean = read.lean().unwrap();
            assert_eq!(lean.metadata.managed_fields, None, "{managed}");
            assert_eq!(lean.metadata.name.as_deref(), Some("web"));
            let whole = read.whole().unwrap().metadata.managed_fields;
            assert_eq!(
                whole.unwrap_or_default().len(),
                usize::from(managed == fields)
            );
        }
    }

    #[test]
    fn metadata_alone_is_asked_for_where_it_is_wanted() {
        assert!(Readable::<PartialObjectMeta<Secret>>::metadata_api());
        assert!(!Readable::<Pod>::metadata_api());
    }
}
