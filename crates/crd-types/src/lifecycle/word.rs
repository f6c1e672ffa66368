//! Texts that many objects have in common, each kept once.

use std::{
    collections::HashSet,
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

/// How many texts are kept for all who have them.
const MOST: usize = 1024;
/// The longest of them, in bytes: longer ones seldom occur twice.
const LONGEST: usize = 256;

static KNOWN: LazyLock<Mutex<HashSet<Arc<str>>>> = LazyLock::new(Mutex::default);

/// A text that other objects are likely to have too, such as the reason of a condition.
///
/// Of a thousand objects that say the same, the text is in memory once.
#[derive(Clone, Eq)]
pub struct Word(Arc<str>);

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        if text.len() > LONGEST {
            return Self(text.into());
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = known.get(text) {
            return Self(Arc::clone(word));
        }
        if known.len() >= MOST {
            known.retain(|word| Arc::strong_count(word) > 1);
        }
        let word: Arc<str> = text.into();
        if known.len() < MOST {
            known.insert(Arc::clone(&word));
        }
        Self(word)
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word::from(text))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_however_they_came() {
        let written = Word::from("written and read");
        let read: Word = serde_json::from_str(r#""written and read""#).unwrap();
        assert!(Arc::ptr_eq(&written.0, &read.0));
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#""written and read""#
        );
    }

    #[test]
    fn any_number_of_texts_keep_few() {
        let held: Vec<_> = (0..2 * MOST)
            .map(|n| (Word::from(&*format!("held {n}")), n))
            .collect();
        for (word, n) in &held {
            assert_eq!(word, format!("held {n}").as_str());
        }
        for n in 0..2 * MOST {
            let _ = Word::from(&*format!("gone {n}"));
            assert!(KNOWN.lock().unwrap().len() <= MOST);
        }
        drop(held);
        let _ = Word::from("makes room");
        let again = Word::from("has room");
        assert!(Arc::ptr_eq(&again.0, &Word::from("has room").0));
    }

    #[test]
    fn a_long_text_is_its_own() {
        let text = "é".repeat(LONGEST);
        assert_eq!(Word::from(&*text), *text);
        assert!(!KNOWN.lock().unwrap().contains(&*text));
    }
}
