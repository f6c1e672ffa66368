use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::GROUP;
use crate::{
    rules::{Rule, Ruled, VALIDATIONS, cel_of},
    text_map::TextMap,
};

/// How many tags a user may set: AWS's 50 for a resource, less the five of the operator's ownership mark.
pub const TAG_LIMIT: usize = 45;

/// Tags of an AWS resource, as a user writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags(TextMap);

impl Tags {
    /// The tags, ordered by key.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.0.to_map()
    }

    /// Whether there is a tag with this key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let tags = tags.into_iter();
        let tags: BTreeMap<String, String> = tags
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self(tags.into())
    }
}

// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>, "Tag naming limits
// and requirements".
impl Ruled for Tags {
    const RULES: &'static [Rule<Self>] = &[
        Rule::new(
            "self.all(key, key.size() >= 1 && key.size() <= 128)",
            "the key of a tag must have 1 to 128 characters",
            |tags| {
                tags.keys()
                    .all(|key| (1..=128).contains(&key.chars().count()))
            },
        ),
        Rule::new(
            "self.all(key, !key.startsWith('aws:'))",
            "keys that begin with 'aws:' belong to AWS",
            |tags| !tags.keys().any(|key| key.starts_with("aws:")),
        ),
        Rule::new(
            "self.all(key, !key.startsWith('aws-infra-operator.runner.codes/'))",
            "keys that begin with 'aws-infra-operator.runner.codes/' belong to the operator's ownership mark",
            |tags| {
                !tags.keys().any(|key| {
                    key.strip_prefix(GROUP)
                        .is_some_and(|rest| rest.starts_with('/'))
                })
            },
        ),
        Rule::new(
            r"self.all(key, key.matches('^[\\p{L}\\p{M}\\p{Z}\\p{N}_.:/=+@-]*$') && self[key].matches('^[\\p{L}\\p{M}\\p{Z}\\p{N}_.:/=+@-]*$'))",
            "keys and values of tags may hold only letters, digits, spaces and _ . : / = + - @",
            |tags| {
                tags.0
                    .iter()
                    .all(|(key, value)| key.chars().chain(value.chars()).all(is_allowed))
            },
        ),
    ];
}

fn is_allowed(char: char) -> bool {
    // The standard library cannot tell marks (\p{M}) and symbols apart: what is neither ASCII nor a control
    // character is left for the API server and AWS to judge.
    if char.is_ascii() {
        char.is_ascii_alphanumeric() || " _.:/=+-@".contains(char)
    } else {
        !char.is_control()
    }
}

impl JsonSchema for Tags {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "additionalProperties": { "type": "string", "maxLength": 256 },
            "maxProperties": TAG_LIMIT,
        });
        schema.insert(VALIDATIONS.into(), cel_of::<Self>());
        schema
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("team", "platform", None)]
    #[case("cost centre/7", "größe = 1+1 @home", None)]
    #[case("empty", "", None)]
    #[case("AWS:upper", "x", None)]
    #[case("aws-infra-operator", "x", None)]
    #[case("", "x", Some("1 to 128"))]
    #[case("aws:cloudformation:stack-name", "x", Some("belong to AWS"))]
    #[case("aws-infra-operator.runner.codes/uid", "x", Some("ownership mark"))]
    #[case("a,b", "x", Some("only letters"))]
    #[case("a", "tab\t", Some("only letters"))]
    fn rules(#[case] key: &str, #[case] value: &str, #[case] refused: Option<&str>) {
        let checked = Tags::from_iter([(key, value)]).check_rules("spec.tags");
        match refused {
            None => assert_eq!(checked, Ok(())),
            Some(why) => assert!(checked.unwrap_err().why.contains(why)),
        }
    }
}
