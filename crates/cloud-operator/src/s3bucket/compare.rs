//! How two JSON values differ, field by field.

use operator_core::engines::external::Diff;
use serde_json::Value;

/// What is shown for a field that is not there.
const NOTHING: &str = "unset";

/// How many characters of a value are shown.
const LONGEST: usize = 256;

/// The fields of `facet` in which `found` differs from `wanted`.
pub(super) fn differences(facet: &'static str, found: &Value, wanted: &Value) -> Vec<Diff> {
    let mut diffs = Vec::new();
    compare(
        facet,
        facet.to_owned(),
        Some(found),
        Some(wanted),
        &mut diffs,
    );
    diffs
}

fn compare(
    facet: &'static str,
    field: String,
    found: Option<&Value>,
    wanted: Option<&Value>,
    diffs: &mut Vec<Diff>,
) {
    if found == wanted {
        return;
    }
    match (found, wanted) {
        (Some(Value::Object(found)), Some(Value::Object(wanted))) => {
            let gone = found.keys().filter(|key| !wanted.contains_key(*key));
            for key in wanted.keys().chain(gone) {
                // One of a list is named in brackets.
                let dot = if key.starts_with('[') { "" } else { "." };
                compare(
                    facet,
                    format!("{field}{dot}{key}"),
                    found.get(key),
                    wanted.get(key),
                    diffs,
                );
            }
        }
        _ => diffs.push(Diff {
            facet,
            field,
            from: shown(found),
            to: shown(wanted),
        }),
    }
}

fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(found: Value, wanted: Value) -> Vec<String> {
        differences("facet", &found, &wanted)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn equal_values_do_not_differ() {
        assert_eq!(
            shown(json!({"a": {"b": [1, 2]}}), json!({"a": {"b": [1, 2]}})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_field_is_named_with_both_values() {
        let found = json!({"changed": true, "same": 1, "gone": "x", "inner": {"deep": "a"}});
        let wanted = json!({"changed": false, "same": 1, "new": "y", "inner": {"deep": "b"}});
        assert_eq!(
            shown(found, wanted),
            [
                "facet.changed: true → false",
                "facet.inner.deep: a → b",
                "facet.new: unset → y",
                "facet.gone: x → unset",
            ]
        );
    }

    #[test]
    fn one_of_a_list_is_named_in_brackets_and_what_is_long_is_clipped() {
        let long = "é".repeat(300);
        assert_eq!(
            shown(json!({"[a.b]": {"c": 1}}), json!({"[a.b]": {"c": long}})),
            [format!("facet[a.b].c: 1 → {}…", "é".repeat(256))]
        );
    }

    #[test]
    fn lists_differ_as_a_whole() {
        assert_eq!(
            shown(json!({"l": [1]}), json!({"l": [1, 2]})),
            ["facet.l: [1] → [1,2]"]
        );
    }
}
