//! What a policy means, whatever way it is written.
//!
//! Equal are (IAM User Guide, "Grammar of the IAM JSON policy language" and "AWS JSON policy elements"): one
//! value and a list of one; lists in any order; one statement and a list of one; actions and condition keys in
//! any case; numbers and truths and their text in conditions; `"*"` and `{"AWS": "*"}` as principal; an
//! account's number and the ARN of its root; no version and `2008-10-17`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The version that a policy without one has.
const OLDER_VERSION: &str = "2008-10-17";

/// The kind of principal that AWS reads back as another: as the user's ARN.
const CANONICAL_USER: &str = "CanonicalUser";

/// Whether the text can be the policy of a bucket for good.
///
/// # Errors
/// Why it is no policy document, or one that a bucket never has as it is written.
pub(super) fn check(text: &str) -> Result<(), String> {
    let meaning = meaning(text)?;
    let statements = meaning["Statement"].as_object().into_iter().flatten();
    for (name, statement) in statements {
        for element in ["Principal", "NotPrincipal"] {
            if statement[element].get(CANONICAL_USER).is_some() {
                return Err(format!(
                    "Statement{name}.{element}: AWS keeps a {CANONICAL_USER} as an ARN, so this would be written \
                     for ever; name the principal by its ARN, as in {{\"AWS\": \"arn:aws:iam::111122223333:root\"}}"
                ));
            }
        }
    }
    Ok(())
}

/// A policy in a form that is equal where policies mean the same. Statements stand under their `Sid`, or their
/// place among those without.
///
/// # Errors
/// Why the text is no policy document.
pub(super) fn meaning(text: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Value::Object(mut document) = document else {
        return Err("it is not a JSON object".to_owned());
    };
    let statements = match document.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => return Err("it has no Statement".to_owned()),
    };
    if let Some(other) = statements.iter().find(|statement| !statement.is_object()) {
        return Err(format!("a Statement is {other}, not an object"));
    }
    document
        .entry("Version")
        .or_insert_with(|| OLDER_VERSION.into());
    document.retain(|_, value| value != "");
    let mut statements: Vec<Value> = statements.into_iter().map(statement).collect();
    statements.sort_by_key(Value::to_string);
    statements.dedup();
    let mut named = Map::new();
    let mut unnamed = 0..;
    for mut statement in statements {
        let fields = statement.as_object_mut();
        let sid = fields.and_then(|fields| fields.remove("Sid"));
        // A Sid is of letters and digits, and so never such a number.
        let number = || format!("#{}", unnamed.next().unwrap_or_default());
        let sid = sid.as_ref().and_then(Value::as_str).map(str::to_owned);
        let name = format!("[{}]", sid.unwrap_or_else(number));
        if named.insert(name, statement).is_some() {
            return Err("two statements have the same Sid".to_owned());
        }
    }
    document.insert("Statement".to_owned(), named.into());
    Ok(document.into())
}

fn statement(statement: Value) -> Value {
    let Value::Object(fields) = statement else {
        return statement;
    };
    let fields = fields.into_iter().filter(|(_, value)| value != "");
    let element = |(name, value): (String, Value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" => set(&value, str::to_ascii_lowercase),
            "Resource" | "NotResource" => set(&value, str::to_owned),
            "Principal" | "NotPrincipal" => principal(&value),
            "Condition" => condition(value),
            _ => value,
        };
        (name, value)
    };
    fields.map(element).collect::<Map<_, _>>().into()
}

fn principal(value: &Value) -> Value {
    match value {
        Value::Object(kinds) => {
            let kinds = kinds
                .iter()
                .map(|(kind, who)| (kind.clone(), set(who, account)));
            kinds.collect::<Map<_, _>>().into()
        }
        everybody => json!({ "AWS": set(everybody, str::to_owned) }),
    }
}

/// `arn:aws:iam::123456789012:root` as `123456789012`.
fn account(who: &str) -> String {
    let parts: Vec<&str> = who.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, "root"] => (*account).to_owned(),
        _ => who.to_owned(),
    }
}

fn condition(value: Value) -> Value {
    let Value::Object(operators) = value else {
        return value;
    };
    let keys = |(operator, keys): (String, Value)| match keys {
        Value::Object(keys) => {
            let keys = keys
                .into_iter()
                .map(|(key, values)| (key.to_ascii_lowercase(), set(&values, str::to_owned)));
            (operator, keys.collect::<Map<_, _>>().into())
        }
        other => (operator, other),
    };
    operators
        .into_iter()
        .map(keys)
        .collect::<Map<_, _>>()
        .into()
}

/// One value or a list, as a sorted list of different texts.
fn set(value: &Value, form: fn(&str) -> String) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => form(text),
        other => other.to_string(),
    };
    let texts: BTreeSet<String> = match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => [text(one)].into(),
    };
    texts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statement: Value) -> String {
        json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
    }

    fn base() -> Value {
        json!({
            "Sid": "Read", "Effect": "Allow", "Principal": { "AWS": ["111122223333", "444455556666"] },
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": { "Bool": { "aws:SecureTransport": "true" }, "NumericLessThan": { "s3:max-keys": "10" } },
        })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut statement = base();
        statement[field] = value;
        statement
    }

    #[test]
    fn what_means_the_same_is_equal() {
        let same = [
            json!([base()]),
            with(
                "Action",
                json!(["s3:listbucket", "S3:GetObject", "s3:GetObject"]),
            ),
            with("Resource", json!(["arn:aws:s3:::b/*", "arn:aws:s3:::b"])),
            with(
                "Principal",
                json!({ "AWS": ["arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:root"] }),
            ),
            with(
                "Condition",
                json!({
                    "NumericLessThan": { "S3:MAX-KEYS": [10] },
                    "Bool": { "aws:securetransport": true },
                }),
            ),
        ];
        for statement in same {
            assert_eq!(
                meaning(&policy(statement.clone())),
                meaning(&policy(base())),
                "{statement}"
            );
        }
        let everybody = |who| meaning(&policy(with("Principal", who)));
        assert_eq!(everybody(json!("*")), everybody(json!({ "AWS": ["*"] })));
        let unnamed = |sid: Value| meaning(&policy(with("Sid", sid)));
        assert_eq!(
            unnamed(json!("")),
            meaning(&policy({
                let mut statement = base();
                statement.as_object_mut().unwrap().remove("Sid");
                statement
            }))
        );
        let (first, second) = (with("Sid", json!("A")), with("Sid", json!("B")));
        assert_eq!(
            meaning(&policy(json!([first, second]))),
            meaning(&policy(json!([second, first])))
        );
        let older = |version: Option<&str>| {
            let mut document = json!({ "Statement": base() });
            if let Some(version) = version {
                document["Version"] = version.into();
            }
            meaning(&document.to_string())
        };
        assert_eq!(older(None), older(Some("2008-10-17")));
        assert_ne!(older(None), older(Some("2012-10-17")));
    }

    #[test]
    fn what_means_something_else_differs() {
        let others = [
            with("Effect", json!("Deny")),
            with("Sid", json!("Write")),
            with("Action", json!("s3:GetObject")),
            with("Action", json!(["s3:GetObject", "s3:PutObject"])),
            with("Resource", json!("arn:aws:s3:::B")),
            with("Principal", json!({ "AWS": "111122223333" })),
            with(
                "Principal",
                json!({ "Service": ["111122223333", "444455556666"] }),
            ),
            with(
                "Principal",
                json!({ "AWS": ["arn:aws:iam::111122223333:user/root", "444455556666"] }),
            ),
            with(
                "Condition",
                json!({ "Bool": { "aws:SecureTransport": "true" } }),
            ),
            with(
                "Condition",
                json!({
                    "Bool": { "aws:SecureTransport": "false" },
                    "NumericLessThan": { "s3:max-keys": "10" },
                }),
            ),
            json!([base(), with("Sid", json!("Again"))]),
        ];
        for statement in others {
            assert_ne!(
                meaning(&policy(statement.clone())),
                meaning(&policy(base())),
                "{statement}"
            );
        }
    }

    #[test]
    fn a_sid_that_is_a_number_is_no_place() {
        let unnamed = |effect: &str| json!({ "Effect": effect, "Action": "s3:GetObject" });
        let named = |sid: &str| json!({ "Effect": "Deny", "Action": "s3:PutObject", "Sid": sid });
        for sid in ["0", "1", "2"] {
            let all = json!([unnamed("Allow"), named(sid), unnamed("Deny")]);
            let statements = meaning(&policy(all)).unwrap()["Statement"].take();
            let names: Vec<&String> = statements.as_object().unwrap().keys().collect();
            assert_eq!(names, ["[#0]", "[#1]", &format!("[{sid}]")]);
            assert_eq!(statements["[#0]"]["Effect"], "Allow");
        }
    }

    #[test]
    fn a_principal_that_aws_reads_back_as_another_is_refused() {
        let id = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
        for element in ["Principal", "NotPrincipal"] {
            for ids in [json!(id), json!([id])] {
                let mut statement = json!({ "Sid": "Copy", "Effect": "Deny", "Action": "s3:*" });
                statement[element] = json!({ "AWS": "111122223333", "CanonicalUser": ids });
                let told = check(&policy(json!([base(), statement]))).unwrap_err();
                assert!(
                    told.starts_with(&format!("Statement[Copy].{element}: ")),
                    "{told}"
                );
                assert!(told.contains("arn:aws:iam::"), "{told}");
            }
        }
        for principal in [json!("*"), json!({ "AWS": "CanonicalUser" })] {
            assert_eq!(check(&policy(with("Principal", principal))), Ok(()));
        }
    }

    #[test]
    fn what_is_no_policy_is_told() {
        for (text, why) in [
            ("{", "EOF"),
            ("[]", "not a JSON object"),
            ("{}", "no Statement"),
            (r#"{"Statement": "x"}"#, "no Statement"),
            (r#"{"Statement": ["x"]}"#, "not an object"),
            (
                r#"{"Statement": [{"Sid": "a", "Effect": "Allow"}, {"Sid": "a", "Effect": "Deny"}]}"#,
                "same Sid",
            ),
        ] {
            let told = meaning(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
