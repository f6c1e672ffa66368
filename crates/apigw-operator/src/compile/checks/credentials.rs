//! How a gateway shows a backend who it is. A gateway cannot even start a backend whose block does not suffice.

use crd_types::apigw::v1alpha1::{BackendAuth, BackendAuthType, BackendJwt, TokenSource};

use super::{Checked, refuse, required};

const PATH: &str = "spec.authentication";

/// That the block is there, and has what it needs besides, was checked with the kind.
pub(super) fn check(authentication: &BackendAuth) -> Checked {
    let (jwt, basic, mtls) = (
        authentication.jwt.as_ref(),
        authentication.basic.as_ref(),
        authentication.mtls.as_ref(),
    );
    let (block, enabled) = match authentication.way {
        BackendAuthType::Jwt => ("jwt", jwt.is_some_and(|jwt| jwt.enabled)),
        BackendAuthType::Basic => ("basic", basic.is_some_and(|basic| basic.enabled)),
        BackendAuthType::Mtls => ("mtls", mtls.is_some_and(|mtls| mtls.enabled)),
    };
    if !enabled {
        return refuse(
            format!("{PATH}.{block}.enabled"),
            format!("must be true where type is {block}; leave authentication out to have none"),
        );
    }
    match (authentication.way, jwt) {
        (BackendAuthType::Jwt, Some(jwt)) => oidc(jwt),
        _ => Ok(()),
    }
}

fn oidc(jwt: &BackendJwt) -> Checked {
    let Some(oidc) = jwt
        .oidc
        .as_ref()
        .filter(|_| jwt.token_source == TokenSource::Oidc)
    else {
        return Ok(());
    };
    required(format!("{PATH}.jwt.oidc.issuerUrl"), &oidc.issuer_url)?;
    required(format!("{PATH}.jwt.oidc.clientId"), &oidc.client_id)?;
    match &oidc.client_secret {
        Some(secret) if !secret.is_empty() => Ok(()),
        _ => refuse(
            format!("{PATH}.jwt.oidc.clientSecret"),
            "must be given: gateways do not know clientSecretRef",
        ),
    }
}
