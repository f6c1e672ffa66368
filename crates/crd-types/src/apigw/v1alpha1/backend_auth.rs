use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    confidential::Confidential, duration::GoDuration, secret_key::SecretKey, tls::VaultTls,
};
use crate::{
    rules::{Rule, Ruled, checks},
    stored::Stored,
    text::given,
};

/// How the gateway shows a backend who it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendAuth {
    /// The way that is used: jwt, basic or mtls. The block of this name must be there.
    #[serde(rename = "type")]
    pub way: BackendAuthType,

    /// A token in a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<BackendJwt>,

    /// User name and password (RFC 7617).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BackendBasic>,

    /// A certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<BackendMtls>,
}

impl Ruled for BackendAuth {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".type",
            "self.type == 'jwt' ? has(self.jwt) : (self.type == 'basic' ? has(self.basic) : has(self.mtls))",
            "type names the block that must be there: jwt, basic or mtls",
            |auth| match auth.way {
                BackendAuthType::Jwt => auth.jwt.is_some(),
                BackendAuthType::Basic => auth.basic.is_some(),
                BackendAuthType::Mtls => auth.mtls.is_some(),
            },
        ),
        Rule::of_field(
            ".jwt",
            "self.type != 'jwt' || !has(self.jwt) || !self.jwt.enabled || (self.jwt.tokenSource == 'static' ? (has(self.jwt.staticToken) && self.jwt.staticToken != '') : (self.jwt.tokenSource == 'vault' ? (has(self.jwt.vaultPath) && self.jwt.vaultPath != '') : has(self.jwt.oidc)))",
            "jwt needs what tokenSource says: staticToken for static, vaultPath for vault, oidc for oidc",
            |auth| {
                let has_source = |jwt: &BackendJwt| match jwt.token_source {
                    TokenSource::Static => jwt
                        .static_token
                        .as_ref()
                        .is_some_and(|token| !token.is_empty()),
                    TokenSource::Vault => given(jwt.vault_path.as_deref()),
                    TokenSource::Oidc => jwt.oidc.is_some(),
                };
                let jwt = auth
                    .jwt
                    .as_ref()
                    .filter(|_| auth.way == BackendAuthType::Jwt);
                jwt.is_none_or(|jwt| !jwt.enabled || has_source(jwt))
            },
        ),
        Rule::of_field(
            ".basic",
            "self.type != 'basic' || !has(self.basic) || !self.basic.enabled || (has(self.basic.vaultPath) && self.basic.vaultPath != '') || (has(self.basic.username) && self.basic.username != '' && has(self.basic.password) && self.basic.password != '')",
            "basic needs username and password, or vaultPath",
            |auth| {
                let has_credentials = |basic: &BackendBasic| {
                    let password = basic.password.as_ref().is_some_and(|word| !word.is_empty());
                    given(basic.vault_path.as_deref())
                        || (given(basic.username.as_deref()) && password)
                };
                let basic = auth
                    .basic
                    .as_ref()
                    .filter(|_| auth.way == BackendAuthType::Basic);
                basic.is_none_or(|basic| !basic.enabled || has_credentials(basic))
            },
        ),
        Rule::of_field(
            ".mtls",
            "self.type != 'mtls' || !has(self.mtls) || !self.mtls.enabled || (has(self.mtls.certFile) && self.mtls.certFile != '' && has(self.mtls.keyFile) && self.mtls.keyFile != '') || (has(self.mtls.vault) && self.mtls.vault.enabled && has(self.mtls.vault.pkiMount) && self.mtls.vault.pkiMount != '' && has(self.mtls.vault.role) && self.mtls.vault.role != '')",
            "mtls needs certFile and keyFile, or vault with pkiMount and role",
            |auth| {
                let has_certificate = |mtls: &BackendMtls| {
                    let files = given(mtls.cert_file.as_deref()) && given(mtls.key_file.as_deref());
                    files || mtls.vault.as_ref().is_some_and(VaultTls::can_issue)
                };
                let mtls = auth
                    .mtls
                    .as_ref()
                    .filter(|_| auth.way == BackendAuthType::Mtls);
                mtls.is_none_or(|mtls| !mtls.enabled || has_certificate(mtls))
            },
        ),
    ];
}

checks!(BackendAuth { jwt: ".jwt" });

/// The way a gateway shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BackendAuthType {
    /// By a token.
    #[serde(rename = "jwt")]
    Jwt,
    /// By user name and password.
    #[serde(rename = "basic")]
    Basic,
    /// By a certificate.
    #[serde(rename = "mtls")]
    Mtls,
}

/// A token that the gateway sends to a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendJwt {
    /// Whether the token is sent. A gateway refuses a backend whose chosen way is not enabled.
    #[serde(default)]
    pub enabled: bool,

    /// Where the token comes from: static, vault or oidc.
    pub token_source: TokenSource,

    /// The token itself, for static. Readable by everybody who may read this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_token: Option<Confidential>,

    /// Path in Vault of the token, for vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub vault_path: Option<String>,

    /// The OpenID Connect provider that issues the token, for oidc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<BackendOidc>,

    /// Header that carries the token.
    #[serde(default = "default_header")]
    #[schemars(length(max = 253))]
    pub header_name: String,

    /// What stands before the token.
    #[serde(default = "default_prefix")]
    #[schemars(length(max = 253))]
    pub header_prefix: String,
}

checks!(BackendJwt { oidc: ".oidc" });

fn default_header() -> String {
    "Authorization".into()
}

fn default_prefix() -> String {
    "Bearer".into()
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenSource {
    /// The object itself.
    #[serde(rename = "static")]
    Static,
    /// Vault.
    #[serde(rename = "vault")]
    Vault,
    /// An OpenID Connect provider.
    #[serde(rename = "oidc")]
    Oidc,
}

/// An OpenID Connect provider that issues tokens to gateways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendOidc {
    /// Address of the provider.
    #[schemars(length(min = 1, max = 4096))]
    pub issuer_url: String,

    /// How the provider knows the gateway.
    #[schemars(length(min = 1, max = 1024))]
    pub client_id: String,

    /// Secret of the client. Readable by everybody who may read this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Confidential>,

    /// The Secret that holds the secret of the client. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretKey>,

    /// Scopes that are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub scopes: Vec<String>,

    /// How long a token is used before another is asked for.
    #[serde(
        rename = "tokenCacheTTL",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub token_cache_ttl: Option<Stored<GoDuration>>,
}

checks!(BackendOidc {
    token_cache_ttl: ".tokenCacheTTL"
});

/// User name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendBasic {
    /// Whether they are sent. A gateway refuses a backend whose chosen way is not enabled.
    #[serde(default)]
    pub enabled: bool,

    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub username: Option<String>,

    /// Password. Readable by everybody who may read this object: prefer vaultPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,

    /// Path in Vault of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub vault_path: Option<String>,

    /// Key of the user name in Vault.
    #[serde(default = "username")]
    #[schemars(length(max = 253))]
    pub username_key: String,

    /// Key of the password in Vault.
    #[serde(default = "password")]
    #[schemars(length(max = 253))]
    pub password_key: String,
}

fn username() -> String {
    "username".into()
}

fn password() -> String {
    "password".into()
}

/// A certificate that the gateway shows. Paths are of files on the gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendMtls {
    /// Whether it is shown. A gateway refuses a backend whose chosen way is not enabled.
    #[serde(default)]
    pub enabled: bool,

    /// The certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub cert_file: Option<String>,

    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub key_file: Option<String>,

    /// Certificates that the backend is verified by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub ca_file: Option<String>,

    /// A certificate that Vault issues, in place of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultTls>,
}
