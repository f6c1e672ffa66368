use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tls::{TlsVersion, VaultTls};
use crate::{
    rules::{Rule, Ruled},
    text::given,
};

/// Encryption of connections to a backend. Paths are of files on the gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendTls {
    /// Whether connections are encrypted.
    #[serde(default)]
    pub enabled: bool,

    /// SIMPLE: the backend shows a certificate. MUTUAL: the gateway shows one too. INSECURE: the certificate
    /// of the backend is not verified.
    #[serde(default)]
    pub mode: BackendTlsMode,

    /// Certificates that the backend is verified by. Left out: those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub ca_file: Option<String>,

    /// Certificate of the gateway, for mode MUTUAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub cert_file: Option<String>,

    /// Key of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub key_file: Option<String>,

    /// Name that the certificate of the backend must have. Left out: the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub server_name: Option<String>,

    /// True: the backend is not verified, so anybody can play it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,

    /// Oldest version of TLS: TLS12 or TLS13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,

    /// Newest version of TLS: TLS12 or TLS13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,

    /// Cipher suites, by their IANA names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub cipher_suites: Vec<String>,

    /// Protocols that are offered, as in h2 and http/1.1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 253)))]
    pub alpn: Vec<String>,

    /// A certificate that Vault issues to the gateway, in place of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultTls>,
}

impl Ruled for BackendTls {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".minVersion",
            "!self.enabled || !(has(self.minVersion) && has(self.maxVersion) && self.minVersion == 'TLS13' && self.maxVersion == 'TLS12')",
            "minVersion must not be newer than maxVersion",
            |tls| {
                !tls.enabled
                    || (tls.min_version, tls.max_version)
                        != (Some(TlsVersion::Tls13), Some(TlsVersion::Tls12))
            },
        ),
        Rule::of_field(
            ".mode",
            "!self.enabled || self.mode != 'MUTUAL' || ((has(self.certFile) && self.certFile != '') && (has(self.keyFile) && self.keyFile != '')) || (has(self.vault) && self.vault.enabled)",
            "mode MUTUAL needs certFile and keyFile, or vault",
            |tls| {
                let files = given(tls.cert_file.as_deref()) && given(tls.key_file.as_deref());
                let vault = tls.vault.as_ref().is_some_and(|vault| vault.enabled);
                !tls.enabled || tls.mode != BackendTlsMode::Mutual || files || vault
            },
        ),
        Rule::of_field(
            ".vault",
            "!self.enabled || !(has(self.vault) && self.vault.enabled) || (has(self.vault.pkiMount) && self.vault.pkiMount != '' && has(self.vault.role) && self.vault.role != '')",
            "vault needs pkiMount and role",
            |tls| {
                let vault = tls
                    .vault
                    .as_ref()
                    .is_none_or(|vault| !vault.enabled || vault.can_issue());
                !tls.enabled || vault
            },
        ),
    ];
}

/// Who shows a certificate to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BackendTlsMode {
    /// The backend to the gateway.
    #[default]
    #[serde(rename = "SIMPLE")]
    Simple,
    /// Both to each other.
    #[serde(rename = "MUTUAL")]
    Mutual,
    /// The backend to the gateway, which does not verify it.
    #[serde(rename = "INSECURE")]
    Insecure,
}
