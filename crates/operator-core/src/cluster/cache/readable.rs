//! An object that may have been written under a schema which this version cannot read.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::value::RawValue;

/// A `K`, or the metadata of an object that is not one and what is wrong with it.
///
/// Does what kube's `DeserializeGuard` does, and besides: asks for metadata alone where `K` does (the guard
/// would fetch whole objects, Secrets among them), lets one `Api` constructor serve both scopes, and copies
/// nothing twice.
#[derive(Clone, Debug)]
pub(super) struct Readable<K>(pub(super) Result<K, Box<Unread>>);

/// What can be known of an object that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    pub(super) metadata: ObjectMeta,
    pub(super) error: String,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Readable<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text itself: a tree of it would cost more than all else that is done with an object.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(match serde_json::from_str(text.get()) {
            Ok(read) => Ok(read),
            Err(error) => {
                let Named { metadata } =
                    serde_json::from_str(text.get()).map_err(D::Error::custom)?;
                Err(Box::new(Unread {
                    metadata,
                    error: without_place(&error),
                }))
            }
        }))
    }
}

/// What every object has.
#[derive(Deserialize)]
struct Named {
    metadata: ObjectMeta,
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
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unread) => &unread.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unread) => &mut unread.metadata,
        }
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
        let unread = read.0.unwrap_err();
        assert!(unread.error.contains("invalid type"), "{}", unread.error);
    }

    #[test]
    fn what_is_wrong_stays_the_same_while_other_things_change() {
        let error = |name: &str| {
            let text = format!(r#"{{"metadata":{{"name":"{name}"}},"spec":{{"containers":1}}}}"#);
            let read: Readable<Pod> = serde_json::from_str(&text).unwrap();
            read.0.unwrap_err().error
        };
        assert_eq!(error("a"), error("longer"));
        assert!(!error("a").contains("column"), "{}", error("a"));
    }

    #[test]
    fn a_readable_object_is_itself() {
        let object = json!({ "metadata": { "name": "web" }, "spec": { "containers": [] } });
        let read: Readable<Pod> = serde_json::from_value(object).unwrap();
        assert_eq!(read.0.unwrap().metadata.name.as_deref(), Some("web"));
    }

    #[test]
    fn metadata_alone_is_asked_for_where_it_is_wanted() {
        assert!(Readable::<PartialObjectMeta<Secret>>::metadata_api());
        assert!(!Readable::<Pod>::metadata_api());
    }
}
