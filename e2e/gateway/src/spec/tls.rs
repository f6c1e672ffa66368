//! TLS blocks of routes and backends.

use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RouteTls {
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
    pub(crate) sni_hosts: Vec<String>,
    pub(crate) min_version: String,
    pub(crate) max_version: String,
    pub(crate) vault: Vault,
    pub(crate) client_validation: ClientValidation,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ClientValidation {
    pub(crate) enabled: bool,
    pub(crate) ca_file: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Vault {
    pub(crate) enabled: bool,
    pub(crate) pki_mount: String,
    pub(crate) role: String,
    pub(crate) common_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BackendTls {
    pub(crate) enabled: bool,
    pub(crate) mode: String,
    pub(crate) ca_file: String,
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
    pub(crate) min_version: String,
    pub(crate) max_version: String,
    pub(crate) vault: Vault,
}
