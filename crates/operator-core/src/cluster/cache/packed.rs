//! How the objects of a cache lie in memory: as they are, or as the text that they are made of.
//!
//! Of an object that has come to rest nobody reads anything for hours, and its text takes a fraction of the room
//! that its fields do. Making it whole again costs some microseconds, less than any request.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

/// An object that comes to a cache.
pub(super) struct Fresh<S> {
    pub(super) object: Arc<S>,
    pub(super) kept: Kept<S>,
}

/// An object as it lies in a cache.
pub(super) enum Kept<S> {
    Whole(Arc<S>),
    Packed { text: Box<[u8]>, read: Read<S> },
}

type Read<S> = fn(&[u8]) -> Option<S>;

/// How the objects of a cache are kept.
pub(super) struct Keeping<S>(Option<Packing<S>>);

struct Packing<S> {
    write: fn(&S) -> Option<Box<[u8]>>,
    read: Read<S>,
}

impl<S> Keeping<S> {
    /// As they are.
    pub(super) const WHOLE: Self = Self(None);

    pub(super) fn fresh(&self, object: impl Into<Arc<S>>) -> Fresh<S> {
        let object = object.into();
        let packed = self.0.as_ref().and_then(|Packing { write, read }| {
            // What cannot be made whole again is not packed.
            let text = write(&object).filter(|text| read(text).is_some())?;
            Some(Kept::Packed { text, read: *read })
        });
        let kept = packed.unwrap_or_else(|| Kept::Whole(object.clone()));
        Fresh { object, kept }
    }
}

impl<S: Serialize + DeserializeOwned> Keeping<S> {
    /// As JSON, wherever that can be read again.
    pub(super) const PACKED: Self = Self(Some(Packing {
        write: |object| Some(serde_json::to_vec(object).ok()?.into_boxed_slice()),
        read: |text| serde_json::from_slice(text).ok(),
    }));
}

impl<S> Kept<S> {
    /// The object.
    pub(super) fn open(&self) -> Arc<S> {
        match self {
            Self::Whole(object) => object.clone(),
            Self::Packed { text, read } => {
                Arc::new(read(text).expect("it was read when it was packed"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        required: Option<u8>,
    }

    /// Reads nothing of what it writes.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct OneWay {
        #[serde(skip_serializing)]
        gone: u8,
    }

    #[test]
    fn a_packed_object_is_itself_again() {
        for (keeping, packs) in [(Keeping::WHOLE, false), (Keeping::PACKED, true)] {
            let fresh = keeping.fresh(Thing {
                name: "a".repeat(100),
                required: None,
            });
            assert_eq!(fresh.kept.open(), fresh.object);
            assert_eq!(matches!(fresh.kept, Kept::Packed { .. }), packs);
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_kept_as_it_is() {
        let fresh = Keeping::PACKED.fresh(OneWay { gone: 1 });
        assert!(matches!(fresh.kept, Kept::Whole(_)));
    }
}
