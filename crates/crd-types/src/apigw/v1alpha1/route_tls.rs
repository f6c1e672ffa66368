use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tls::{TlsVersion, VaultTls};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    text::given,
};

/// Certificate and client certificates of a route. Paths are of files on the gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct RouteTls {
    /// Certificate of the route. The gateway takes it only together with keyFile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub cert_file: Option<String>,

    /// Key of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub key_file: Option<String>,

    /// Host names for which the certificate is shown. The gateway takes them only with a certificate, of
    /// files or of Vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub sni_hosts: Vec<String>,

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

    /// A certificate that Vault issues, in place of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultTls>,

    /// Certificates that clients show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_validation: Option<ClientValidation>,
}

impl Ruled for RouteTls {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".minVersion",
            "!(has(self.minVersion) && has(self.maxVersion) && self.minVersion == 'TLS13' && self.maxVersion == 'TLS12')",
            "minVersion must not be newer than maxVersion",
            |tls| {
                (tls.min_version, tls.max_version)
                    != (Some(TlsVersion::Tls13), Some(TlsVersion::Tls12))
            },
        ),
        Rule::of_field(
            ".vault",
            "!(has(self.vault) && self.vault.enabled) || (has(self.vault.pkiMount) && self.vault.pkiMount != '' && has(self.vault.role) && self.vault.role != '')",
            "vault needs pkiMount and role",
            |tls| {
                tls.vault
                    .as_ref()
                    .is_none_or(|vault| !vault.enabled || vault.can_issue())
            },
        ),
    ];
}

checks!(ruled RouteTls { client_validation: ".clientValidation" });

/// Certificates that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ClientValidation {
    /// Whether certificates of clients are verified.
    #[serde(default)]
    pub enabled: bool,

    /// Certificates that those of clients are verified by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub ca_file: Option<String>,

    /// True: a client without a certificate is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_client_cert: Option<bool>,

    /// Common names that are let in. None: all.
    #[serde(rename = "allowedCNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub allowed_cns: Vec<String>,

    /// Subject alternative names that are let in. None: all.
    #[serde(rename = "allowedSANs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub allowed_sans: Vec<String>,
}

impl Ruled for ClientValidation {
    const RULES: &'static [Rule<Self>] = &[Rule::of_field(
        ".caFile",
        "!self.enabled || (has(self.caFile) && self.caFile != '')",
        "clientValidation needs caFile",
        |clients| !clients.enabled || given(clients.ca_file.as_deref()),
    )];
}

checks!(ruled ClientValidation {});
