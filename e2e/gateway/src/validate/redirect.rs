//! Answers that a gateway gives by itself.

use crate::spec::route::{DirectResponse, Redirect};

use super::{one_of, port};

pub(super) fn redirect(it: &Redirect) -> Result<(), String> {
    if ![0, 301, 302, 303, 307, 308].contains(&it.code) {
        return Err(format!("invalid redirect code {}", it.code));
    }
    one_of("redirect.scheme", &it.scheme, &["http", "https"])?;
    port("redirect.port", it.port)
}

pub(super) fn direct_response(it: &DirectResponse) -> Result<(), String> {
    if (100..=599).contains(&it.status) {
        Ok(())
    } else {
        let status = it.status;
        Err(format!(
            "directResponse.status must be between 100 and 599, not {status}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    #[rstest]
    #[case("redirect", json!({}), None)]
    #[case("redirect", json!({"code": 308, "scheme": "https", "port": 443}), None)]
    #[case("redirect", json!({"code": 304}), Some("304"))]
    #[case("redirect", json!({"scheme": "ftp"}), Some("ftp"))]
    #[case("redirect", json!({"port": 70000}), Some("70000"))]
    #[case("directResponse", json!({"status": 599}), None)]
    #[case("directResponse", json!({"status": 600}), Some("600"))]
    #[case("directResponse", json!({}), Some("not 0"))]
    fn table(#[case] field: &str, #[case] value: Value, #[case] refused: Option<&str>) {
        let verdict = checked(Kind::ApiRoute, json!({"name": "r", field: value}));
        match refused {
            None => assert_eq!(verdict, Ok(())),
            Some(reason) => assert!(
                verdict.as_ref().unwrap_err().contains(reason),
                "{verdict:?}"
            ),
        }
    }
}
