//! What may change in the schema of a version that users have: it may only come to accept more.
//!
//! A fault is a change after which an object that somebody has stored, or keeps in a repository, may be refused, lose a
//! field or mean something else. That an API server does not judge anew what an update leaves as it was (ratcheting,
//! Kubernetes 1.33 and later) is no excuse: it holds for stored objects alone, not for lists without keys, and not for
//! the same manifest applied to another cluster.

use serde_json::Value;

/// What may become of a keyword.
enum Freedom {
    /// It says something to people.
    Any,
    /// A bound that may rise or go.
    Rise,
    /// A bound that may fall or go.
    Fall,
    /// A restriction that may go.
    Go,
    /// A permission that may come.
    Come,
    /// A list of choices that may grow or go.
    Grow,
    /// It holds other schemas or rules, and is looked at by itself.
    Inside,
    /// Nothing: what kind of value it is, what it means to leave it out, how it merges; and whatever is not known here.
    None,
}

fn freedom(keyword: &str) -> Freedom {
    match keyword {
        "description" | "title" | "example" | "externalDocs" => Freedom::Any,
        "maximum" | "maxLength" | "maxItems" | "maxProperties" => Freedom::Rise,
        "minimum" | "minLength" | "minItems" | "minProperties" => Freedom::Fall,
        "pattern" | "format" | "multipleOf" | "exclusiveMinimum" | "exclusiveMaximum"
        | "uniqueItems" | "allOf" | "anyOf" | "oneOf" | "not" => Freedom::Go,
        "nullable" => Freedom::Come,
        "enum" => Freedom::Grow,
        "properties" | "required" | "x-kubernetes-validations" => Freedom::Inside,
        _ => Freedom::None,
    }
}

/// What a keyword says, unless it is what holds without it.
fn said<'a>(schema: &'a Value, keyword: &str) -> Option<&'a Value> {
    let value = schema.get(keyword)?;
    let is_implied = match value {
        Value::Bool(flag) => !flag && !matches!(keyword, "default" | "additionalProperties"),
        Value::Number(least) => {
            keyword.starts_with("min") && keyword != "minimum" && least.as_f64() == Some(0.0)
        }
        Value::String(merge) => match keyword {
            "x-kubernetes-list-type" => merge == "atomic",
            "x-kubernetes-map-type" => merge == "granular",
            _ => false,
        },
        _ => false,
    };
    (!is_implied).then_some(value)
}

/// One line for each way in which `is` accepts less than `was`, or gives another meaning to what both accept.
pub fn compare(was: &Value, is: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    compare_at("", was, is, &mut faults);
    faults
}

fn compare_at(place: &str, was: &Value, is: &Value, faults: &mut Vec<String>) {
    if was == is {
        return;
    }
    let keywords = |schema: &Value| -> Vec<String> {
        let fields = schema.as_object().into_iter().flatten();
        fields.map(|(keyword, _)| keyword.clone()).collect()
    };
    let mut all = [keywords(was), keywords(is)].concat();
    all.sort();
    all.dedup();
    for keyword in all {
        let (old, new) = (said(was, &keyword), said(is, &keyword));
        match (keyword.as_str(), old, new) {
            ("items", Some(old), Some(new)) => {
                compare_at(&format!("{place}[]"), old, new, faults);
            }
            (
                "additionalProperties",
                Some(old @ Value::Object(_)),
                Some(new @ Value::Object(_)),
            ) => {
                compare_at(&format!("{place}{{}}"), old, new, faults);
            }
            _ if is_allowed(&freedom(&keyword), old, new) => {}
            _ => {
                let change = change(&keyword, was.get(&keyword), is.get(&keyword));
                faults.push(format!("{}: {change}", named(place)));
            }
        }
    }
    compare_fields(place, was, is, faults);
    compare_required(place, was, is, faults);
    compare_rules(place, was, is, faults);
}

fn is_allowed(freedom: &Freedom, was: Option<&Value>, is: Option<&Value>) -> bool {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    match (freedom, was, is) {
        (Freedom::Any | Freedom::Inside, ..) => true,
        (_, None, None) => true,
        (_, Some(was), Some(is)) if was == is => true,
        (Freedom::Rise | Freedom::Fall | Freedom::Go | Freedom::Grow, Some(_), None) => true,
        (Freedom::Come, None, Some(_)) => true,
        (Freedom::Rise, Some(was), Some(is)) => number(is) >= number(was),
        (Freedom::Fall, Some(was), Some(is)) => number(is) <= number(was),
        (Freedom::Grow, Some(was), Some(is)) => items(was).iter().all(|it| items(is).contains(it)),
        _ => false,
    }
}

/// Fields may come, and none may go. Where anything was kept, a field that is declared refuses some of it.
fn compare_fields(place: &str, was: &Value, is: &Value, faults: &mut Vec<String>) {
    let kept = said(was, "x-kubernetes-preserve-unknown-fields").is_some();
    for (name, old) in fields(was) {
        match field(is, name) {
            Some(new) => compare_at(&below(place, name), old, new, faults),
            None => faults.push(format!("{}: the field is gone", below(place, name))),
        }
    }
    for (name, _) in fields(is) {
        if kept && field(was, name).is_none() {
            faults.push(format!(
                "{}: the field is new where anything was kept",
                below(place, name)
            ));
        }
    }
}

/// A field may become required only if leaving it out gave, or would have given, a value.
fn compare_required(place: &str, was: &Value, is: &Value, faults: &mut Vec<String>) {
    let has_default = |schema: &Value| schema.get("default").is_some();
    for name in items(&is["required"]) {
        let name = name.as_str().unwrap_or_default();
        let old = field(was, name);
        let is_filled = field(is, name).is_some_and(has_default) && old.is_none_or(has_default);
        if !items(&was["required"]).iter().any(|it| it == name) && !is_filled {
            faults.push(format!("{}: the field is required now", below(place, name)));
        }
    }
}

/// Rules may go; one that comes may refuse what is stored, unless it speaks only of objects with a field that is new,
/// too. How a rule words its refusal is free.
fn compare_rules(place: &str, was: &Value, is: &Value, faults: &mut Vec<String>) {
    const RULES: &str = "x-kubernetes-validations";
    let same = |one: &Value, other: &Value| {
        one["rule"] == other["rule"] && one["optionalOldSelf"] == other["optionalOldSelf"]
    };
    for rule in items(&is[RULES]) {
        let is_known = items(&was[RULES]).iter().any(|old| same(old, rule));
        let text = rule["rule"].as_str().unwrap_or_default();
        if !is_known && !is_about_new_field(text, was, is) {
            faults.push(format!("{}: the rule `{text}` is new", named(place)));
        }
    }
}

/// Whether a rule has the form `!has(self.FIELD) || …` for an optional field that no stored object can have.
fn is_about_new_field(rule: &str, was: &Value, is: &Value) -> bool {
    let Some((name, rest)) = rule
        .strip_prefix("!has(self.")
        .and_then(|rest| rest.split_once(") || "))
    else {
        return false;
    };
    let kept = said(was, "x-kubernetes-preserve-unknown-fields").is_some();
    let new = field(is, name).filter(|_| field(was, name).is_none() && !kept);
    // A conditional would bind less than the `||` does.
    new.is_some_and(|new| new.get("default").is_none()) && !rest.contains('?')
}

fn fields(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema["properties"].get(name)
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn below(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        _ => format!("{place}.{name}"),
    }
}

fn named(place: &str) -> &str {
    match place {
        "" => "the object",
        _ => place,
    }
}

/// What became of a keyword, in words.
pub(super) fn change(keyword: &str, was: Option<&Value>, is: Option<&Value>) -> String {
    match (was, is) {
        (Some(was), Some(is)) => format!("{keyword} was {was}, is {is}"),
        (Some(was), None) => format!("{keyword} was {was}, is gone"),
        (None, Some(is)) => format!("{keyword} {is} is new"),
        (None, None) => format!("{keyword} is as it was"),
    }
}

#[cfg(test)]
mod tests;
