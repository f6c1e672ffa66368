//! How a gateway would prove itself to a backend. Texts never hold a credential.

use crate::spec::backend::{Authentication, Basic, Jwt, Mtls};

/// Fails when the gateway could not build what the block asks for.
pub(super) fn construct(it: &Authentication) -> Result<(), String> {
    let result = match it.r#type.as_str() {
        "jwt" => block(it.jwt.as_ref(), |jwt| jwt.enabled).and_then(jwt),
        "basic" => block(it.basic.as_ref(), |basic| basic.enabled).and_then(basic),
        "mtls" => block(it.mtls.as_ref(), |mtls| mtls.enabled).and_then(mtls),
        other => Err(format!("unknown type {other:?}")),
    };
    result.map_err(|why| {
        format!(
            "failed to create authentication provider: {}: {why}",
            it.r#type
        )
    })
}

fn block<T>(block: Option<&T>, enabled: impl Fn(&T) -> bool) -> Result<&T, String> {
    match block {
        Some(block) if enabled(block) => Ok(block),
        Some(_) => Err("its block is not enabled".into()),
        None => Err("its block is missing".into()),
    }
}

fn jwt(it: &Jwt) -> Result<(), String> {
    let missing = |what: &str| Err(format!("{what} is required"));
    match it.token_source.as_str() {
        "static" if it.static_token.is_empty() => missing("staticToken"),
        "vault" if it.vault_path.is_empty() => missing("vaultPath"),
        "static" | "vault" => Ok(()),
        "oidc" => match &it.oidc {
            None => missing("oidc"),
            Some(oidc) if oidc.issuer_url.is_empty() => missing("oidc.issuerUrl"),
            Some(oidc) if oidc.client_id.is_empty() => missing("oidc.clientId"),
            Some(oidc)
                if oidc.client_secret.is_empty() && oidc.client_secret_vault_path.is_empty() =>
            {
                missing("oidc.clientSecret")
            }
            Some(_) => Ok(()),
        },
        other => Err(format!("unknown tokenSource {other:?}")),
    }
}

fn basic(it: &Basic) -> Result<(), String> {
    let pair = !it.username.is_empty() && !it.password.is_empty();
    if pair || !it.vault_path.is_empty() {
        Ok(())
    } else {
        Err("username and password, or vaultPath, are required".into())
    }
}

fn mtls(it: &Mtls) -> Result<(), String> {
    if it.vault.enabled || (!it.cert_file.is_empty() && !it.key_file.is_empty()) {
        Ok(())
    } else {
        Err("certFile and keyFile, or vault, are required".into())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::spec::{Body, Spec};
    use crate::validate::construct;

    fn of(field: &str, value: &Value) -> Result<(), String> {
        let json = json!({"name": "b", field: value}).to_string();
        let spec = Spec::read(Kind::Backend, &json.into()).unwrap();
        match spec.body() {
            Body::Backend(backend) => construct(backend),
            _ => unreachable!("a backend was read"),
        }
    }

    #[rstest]
    #[case(json!({"type": "basic", "basic": {"enabled": true, "username": "u", "password": "p"}}))]
    #[case(json!({"type": "jwt", "jwt": {"enabled": true, "tokenSource": "static", "staticToken": "t"}}))]
    #[case(json!({"type": "jwt", "jwt": {"enabled": true, "tokenSource": "oidc",
        "oidc": {"issuerUrl": "u", "clientId": "c", "clientSecret": "s"}}}))]
    fn usable(#[case] value: Value) {
        assert_eq!(of("authentication", &value), Ok(()));
    }

    #[rstest]
    #[case(json!({"type": "jwt"}), "missing")]
    #[case(json!({"type": "basic", "basic": {"username": "u", "password": "p"}}), "not enabled")]
    #[case(json!({"type": "basic", "basic": {"enabled": true, "username": "u"}}), "password")]
    #[case(json!({"type": "mtls", "mtls": {"enabled": true, "certFile": "c"}}), "keyFile")]
    #[case(json!({"type": "other"}), "other")]
    #[case(json!({"type": "jwt", "jwt": {"enabled": true, "tokenSource": "oidc",
        "oidc": {"issuerUrl": "u", "clientId": "c"}}}), "clientSecret")]
    fn unusable(#[case] value: Value, #[case] reason: &str) {
        let refusal = of("authentication", &value).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }

    #[test]
    fn tls_files_must_be_readable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tls = |path: &str| json!({"enabled": true, "caFile": path});
        assert_eq!(of("tls", &tls(&file.path().to_string_lossy())), Ok(()));
        let refusal = of("tls", &tls("/no/such/ca.pem")).unwrap_err();
        assert!(refusal.contains("/no/such/ca.pem"), "{refusal}");
    }
}
