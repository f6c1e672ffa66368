//! Strings with a syntax of their own.

use std::{ops::RangeInclusive, str::FromStr};

use schemars::{Schema, json_schema};
use serde_json::json;

use crate::rules::{Rule, VALIDATIONS};

/// A string type that only ever holds what its rules allow. Made by `FromStr`.
pub trait Text: AsRef<str> + FromStr<Err = InvalidText> + schemars::JsonSchema + 'static {
    /// What it is, for messages: `bucket name`.
    const WHAT: &'static str;
    /// How many characters it may have.
    const LENGTH: RangeInclusive<usize>;
    /// What must hold besides.
    const RULES: &'static [Rule<str>];

    /// Checks a text against length and rules.
    ///
    /// # Errors
    /// The first that does not hold.
    fn check(text: &str) -> Result<(), InvalidText> {
        let invalid = |why: String| {
            Err(InvalidText {
                what: Self::WHAT,
                found: clipped(text),
                why,
            })
        };
        if !Self::LENGTH.contains(&text.chars().count()) {
            return invalid(format!(
                "must have {} to {} characters",
                Self::LENGTH.start(),
                Self::LENGTH.end()
            ));
        }
        match Self::RULES.iter().find(|rule| !(rule.holds)(text)) {
            Some(rule) => invalid(rule.message.to_owned()),
            None => Ok(()),
        }
    }
}

/// A text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a valid {what}: {why}")]
pub struct InvalidText {
    /// What was expected.
    pub what: &'static str,
    /// What was found, clipped.
    pub found: String,
    /// What is wrong with it.
    pub why: String,
}

/// Whether there is a text, and it says something.
pub(crate) fn given(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Enough of a text to recognise it.
fn clipped(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The schema of a text type.
pub(crate) fn schema_of<T: Text>() -> Schema {
    let mut schema = json_schema!({
        "type": "string",
        "minLength": T::LENGTH.start(),
        "maxLength": T::LENGTH.end(),
    });
    if !T::RULES.is_empty() {
        let rules: Vec<_> = T::RULES
            .iter()
            .map(|rule| json!({ "rule": rule.cel, "message": rule.message }))
            .collect();
        schema.insert(VALIDATIONS.into(), rules.into());
    }
    schema
}

/// The traits that every tuple struct around a `String` with [`Text`] has.
macro_rules! text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = $crate::text::InvalidText;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::text::Text>::check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::text::InvalidText;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                <Self as $crate::text::Text>::check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::text::schema_of::<Self>()
            }
        }
    };
}
pub(crate) use text;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Even(String);

    impl Text for Even {
        const WHAT: &'static str = "even word";
        const LENGTH: RangeInclusive<usize> = 2..=100;
        const RULES: &'static [Rule<str>] =
            &[Rule::new("self.size() % 2 == 0", "must be even", |text| {
                text.chars().count() % 2 == 0
            })];
    }
    text!(Even);

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!("éé".parse::<Even>().unwrap().as_str(), "éé");
        let short = "é".parse::<Even>().unwrap_err();
        assert_eq!(
            short.to_string(),
            "`é` is not a valid even word: must have 2 to 100 characters"
        );
    }

    #[test]
    fn a_broken_rule_is_named_and_a_long_text_clipped() {
        let odd = "é".repeat(81).parse::<Even>().unwrap_err();
        assert_eq!(odd.why, "must be even");
        assert_eq!(odd.found, format!("{}…", "é".repeat(80)));
    }

    #[test]
    fn the_schema_says_the_same() {
        assert_eq!(
            schema_of::<Even>().to_value(),
            json!({
                "type": "string",
                "minLength": 2,
                "maxLength": 100,
                "x-kubernetes-validations": [{ "rule": "self.size() % 2 == 0", "message": "must be even" }],
            })
        );
    }
}
