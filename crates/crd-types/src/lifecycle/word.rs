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
const LONGEST: usize = 64;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// The texts that are kept for all who have them.
#[derive(Default)]
struct Known(HashSet<Arc<str>>);

impl Known {
    fn word(&mut self, text: &str) -> Word {
        if text.len() > LONGEST {
            return Word(text.into());
        }
        if let Some(word) = self.0.get(text) {
            return Word(Arc::clone(word));
        }
        if self.0.len() >= MOST {
            self.0.retain(|word| Arc::strong_count(word) > 1);
        }
        let word: Arc<str> = text.into();
        if self.0.len() < MOST {
            self.0.insert(Arc::clone(&word));
        }
        Word(word)
    }
}

/// A text that other objects are likely to have too, such as the reason of a condition.
///
/// Of a thousand objects that say the same, the text is in memory once.
#[derive(Clone, Eq)]
pub struct Word(Arc<str>);

impl Default for Word {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.word(text)
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
        impl<'de> Visitor<'de> for Reader {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or nothing")
            }

            fn visit_none<E>(self) -> Result<Word, E> {
                Ok(Word::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<Word, D::Error> {
                some.deserialize_str(self)
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word::from(text))
            }
        }
        deserializer.deserialize_option(Reader)
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
        let mut known = Known::default();
        let held: Vec<_> = (0..2 * MOST)
            .map(|n| (known.word(&format!("held {n}")), n))
            .collect();
        for (word, n) in &held {
            assert_eq!(word, format!("held {n}").as_str());
        }
        assert_eq!(known.0.len(), MOST);
        let last = known.word("has no room");
        assert!(!Arc::ptr_eq(&last.0, &known.word("has no room").0));
        drop(held);
        let first = known.word("has room");
        assert!(Arc::ptr_eq(&first.0, &known.word("has room").0));
        assert_eq!(known.0.len(), 1, "nobody has the others");
    }

    #[test]
    fn a_long_text_is_its_own() {
        let mut known = Known::default();
        let text = "é".repeat(LONGEST);
        assert_eq!(known.word(&text), *text);
        assert!(known.0.is_empty());
    }
}
