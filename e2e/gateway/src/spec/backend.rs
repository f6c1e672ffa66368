//! A backend as a gateway reads it, as far as it serves or checks it.

use serde::Deserialize;

use super::go_duration::GoDuration;
use super::limits::{MaxSessions, RateLimit};
use super::tls::{BackendTls, Vault};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Backend {
    pub(crate) name: String,
    pub(crate) hosts: Vec<Host>,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) tls: Option<BackendTls>,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) max_sessions: Option<MaxSessions>,
    pub(crate) rate_limit: Option<RateLimit>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Host {
    pub(crate) address: String,
    pub(crate) port: i64,
    pub(crate) weight: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HealthCheck {
    pub(crate) path: String,
    pub(crate) interval: GoDuration,
    pub(crate) timeout: GoDuration,
    pub(crate) healthy_threshold: i64,
    pub(crate) unhealthy_threshold: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoadBalancer {
    pub(crate) algorithm: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Authentication {
    pub(crate) r#type: String,
    pub(crate) jwt: Option<Jwt>,
    pub(crate) basic: Option<Basic>,
    pub(crate) mtls: Option<Mtls>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Jwt {
    pub(crate) enabled: bool,
    pub(crate) token_source: String,
    pub(crate) static_token: String,
    pub(crate) vault_path: String,
    pub(crate) oidc: Option<Oidc>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Oidc {
    pub(crate) issuer_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) client_secret_vault_path: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Basic {
    pub(crate) enabled: bool,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) vault_path: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Mtls {
    pub(crate) enabled: bool,
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
    pub(crate) vault: Vault,
}
