use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::given;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "TLS12")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "TLS13")]
    Tls13,
}

/// A certificate that Vault issues to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultTls {
    /// Whether the certificate is issued by Vault.
    #[serde(default)]
    pub enabled: bool,

    /// Mount of the PKI engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub pki_mount: Option<String>,

    /// Role of the PKI engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub role: Option<String>,

    /// Common name of the certificate. The gateway needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub common_name: Option<String>,

    /// Further names of the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub alt_names: Vec<String>,

    /// How long the certificate is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ttl: Option<String>,
}

impl VaultTls {
    /// Whether it is used and names what Vault needs to issue a certificate, as far as admission asks.
    pub fn can_issue(&self) -> bool {
        self.enabled && given(self.pki_mount.as_deref()) && given(self.role.as_deref())
    }
}
