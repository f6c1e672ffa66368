//! Whether a bucket's policy lets everybody in.

use serde_json::Value;

/// Whether a statement of the policy allows anything to everybody under no condition; what is no policy allows
/// nothing.
pub(super) fn allows_everybody(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let is_open = |statement: &Value| {
        statement["Effect"] == "Allow"
            && is_everybody(&statement["Principal"])
            && statement.get("Condition").is_none()
    };
    some(&policy["Statement"], is_open)
}

/// `"*"`, or `{"AWS": "*"}`, which means the same (IAM User Guide, "Principal").
fn is_everybody(principal: &Value) -> bool {
    principal == "*" || some(&principal["AWS"], |one| one == "*")
}

/// Whether one of a list is so, or what stands in a list's place.
fn some(value: &Value, is: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is),
        one => is(one),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}}"#,
        true
    )]
    #[case(
        r#"{"Statement": [{"Effect": "Deny"}, {"Effect": "Allow", "Principal": {"AWS": "*"}}]}"#,
        true
    )]
    #[case(r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:root", "*"]}}]}"#, true)]
    #[case(r#"{"Statement": [{"Effect": "Deny", "Principal": "*"}]}"#, false)]
    #[case(
        r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Condition": {"Bool": {}}}]}"#,
        false
    )]
    #[case(
        r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}}]}"#,
        false
    )]
    #[case("no policy", false)]
    fn a_policy_is_open(#[case] policy: &str, #[case] open: bool) {
        assert_eq!(allows_everybody(policy), open);
    }
}
