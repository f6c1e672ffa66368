use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// A field of a spec, or a part of one: `versioning`, `tags.team`, `lifecycleRules[old].expiration`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

impl Text for FieldPath {
    const WHAT: &'static str = "path of a field";
    const LENGTH: RangeInclusive<usize> = 3..=256;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^[a-z][a-zA-Z0-9]*([.\\[].+)?$')",
        "must be the path of a field below spec, as in versioning, tags.team or lifecycleRules[old].expiration",
        |text| {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric());
            let (field, rest) = text.split_at(end.unwrap_or(text.len()));
            field.starts_with(|c: char| c.is_ascii_lowercase())
                && (rest.is_empty()
                    || rest.starts_with(['.', '[']) && rest.len() > 1 && !rest.contains('\n'))
        },
    )];
}
text!(FieldPath);

impl FieldPath {
    /// The field of the spec, and what of it is meant: `tags` and `.team`; nothing for the whole field.
    pub fn split(&self) -> (&str, &str) {
        let end = self.0.find(['.', '[']).unwrap_or(self.0.len());
        self.0.split_at(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_field_and_what_of_it_is_meant() {
        for (path, field, rest) in [
            ("versioning", "versioning", ""),
            ("tags.a.b/c", "tags", ".a.b/c"),
            ("metrics[a.b].prefix", "metrics", "[a.b].prefix"),
        ] {
            assert_eq!(path.parse::<FieldPath>().unwrap().split(), (field, rest));
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".tags", "Tags", "tags.", "tags[", "ta-gs", "tags.a\nb"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text:?}");
        }
    }
}
