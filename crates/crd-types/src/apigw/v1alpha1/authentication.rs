use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{confidential::Confidential, secret_key::SecretKey};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    text::given,
};

/// Who a client must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Authentication {
    /// Whether clients are authenticated.
    #[serde(default)]
    pub enabled: bool,

    /// A JSON Web Token in the header Authorization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtAuthentication>,

    /// An API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyAuthentication>,

    /// A certificate of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<MtlsAuthentication>,

    /// A login at an OpenID Connect provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcAuthentication>,

    /// True: a client that shows nothing is let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_anonymous: Option<bool>,

    /// Paths that need no authentication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 4096)))]
    pub skip_paths: Vec<String>,
}

impl Ruled for Authentication {
    const RULES: &'static [Rule<Self>] = &[
        Rule::new(
            "!self.enabled || (has(self.allowAnonymous) && self.allowAnonymous) || (has(self.jwt) && self.jwt.enabled) || (has(self.apiKey) && self.apiKey.enabled) || (has(self.mtls) && self.mtls.enabled) || (has(self.oidc) && self.oidc.enabled)",
            "authentication needs jwt, apiKey, mtls or oidc to be enabled, or allowAnonymous",
            |clients| {
                let ways = [
                    clients.jwt.as_ref().is_some_and(|jwt| jwt.enabled),
                    clients.api_key.as_ref().is_some_and(|key| key.enabled),
                    clients.mtls.as_ref().is_some_and(|mtls| mtls.enabled),
                    clients.oidc.as_ref().is_some_and(|oidc| oidc.enabled),
                    clients.allow_anonymous == Some(true),
                ];
                !clients.enabled || ways.contains(&true)
            },
        ),
        Rule::of_field(
            ".jwt",
            "!self.enabled || !has(self.jwt) || !self.jwt.enabled || (has(self.jwt.jwksUrl) && self.jwt.jwksUrl != '') || (has(self.jwt.secret) && self.jwt.secret != '') || (has(self.jwt.publicKey) && self.jwt.publicKey != '')",
            "jwt needs jwksUrl, secret or publicKey to verify tokens by",
            |clients| {
                let can_verify = |jwt: &JwtAuthentication| {
                    given(jwt.jwks_url.as_deref())
                        || given(jwt.public_key.as_deref())
                        || jwt.secret.as_ref().is_some_and(|secret| !secret.is_empty())
                };
                !clients.enabled
                    || clients
                        .jwt
                        .as_ref()
                        .is_none_or(|jwt| !jwt.enabled || can_verify(jwt))
            },
        ),
        Rule::of_field(
            ".apiKey",
            "!self.enabled || !has(self.apiKey) || !self.apiKey.enabled || self.apiKey.header != '' || (has(self.apiKey.query) && self.apiKey.query != '')",
            "apiKey needs header or query to find keys in",
            |clients| {
                let can_find = |key: &ApiKeyAuthentication| {
                    !key.header.is_empty() || given(key.query.as_deref())
                };
                !clients.enabled
                    || clients
                        .api_key
                        .as_ref()
                        .is_none_or(|key| !key.enabled || can_find(key))
            },
        ),
        Rule::of_field(
            ".oidc",
            "!self.enabled || !has(self.oidc) || !self.oidc.enabled || (has(self.oidc.providers) && self.oidc.providers.size() > 0)",
            "oidc needs a provider",
            |clients| {
                let has_provider = |oidc: &OidcAuthentication| !oidc.providers.is_empty();
                !clients.enabled
                    || clients
                        .oidc
                        .as_ref()
                        .is_none_or(|oidc| !oidc.enabled || has_provider(oidc))
            },
        ),
    ];
}

checks!(ruled Authentication {});

/// A JSON Web Token that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JwtAuthentication {
    /// Whether tokens are looked at.
    #[serde(default)]
    pub enabled: bool,

    /// Who must have issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub issuer: Option<String>,

    /// Where the keys of the issuer are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub jwks_url: Option<String>,

    /// Secret that the issuer signs with. Readable by everybody who may read this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Confidential>,

    /// Public key of the issuer, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub public_key: Option<String>,

    /// Whom the token must be meant for: one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    pub audience: Vec<String>,

    /// How the token must be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<JwtAlgorithm>,

    /// Which claims say what about the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_mapping: Option<ClaimMapping>,
}

/// Which claims of a token say what about the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMapping {
    /// Claim with the roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub roles: Option<String>,

    /// Claim with the permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub permissions: Option<String>,

    /// Claim with the groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub groups: Option<String>,

    /// Claim with the scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub scopes: Option<String>,

    /// Claim with the address of mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub email: Option<String>,

    /// Claim with the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
}

/// How a token is signed (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "HS256")]
    Hs256,
    /// HMAC with SHA-384.
    #[serde(rename = "HS384")]
    Hs384,
    /// HMAC with SHA-512.
    #[serde(rename = "HS512")]
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// ECDSA with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
}

/// An API key that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyAuthentication {
    /// Whether API keys are looked at.
    #[serde(default)]
    pub enabled: bool,

    /// Header that holds the key.
    #[serde(default = "default_key_header")]
    #[schemars(length(max = 253))]
    pub header: String,

    /// Parameter of the query that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub query: Option<String>,

    /// Path in Vault where the gateway finds the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub vault_path: Option<String>,

    /// How the keys in Vault are hashed: sha256, sha512 or bcrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_algorithm: Option<KeyHash>,
}

fn default_key_header() -> String {
    "X-API-Key".into()
}

/// How API keys are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyHash {
    /// SHA-256.
    #[serde(rename = "sha256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "sha512")]
    Sha512,
    /// bcrypt.
    #[serde(rename = "bcrypt")]
    Bcrypt,
}

/// A certificate that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MtlsAuthentication {
    /// Whether certificates are looked at.
    #[serde(default)]
    pub enabled: bool,

    /// File on the gateways with the certificates that those of clients are verified by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub ca_file: Option<String>,

    /// What names the client: cn (common name), san (subject alternative name) or ou (organisational unit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract_identity: Option<CertificateIdentity>,

    /// Common names that are let in. None: all.
    #[serde(rename = "allowedCNs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub allowed_cns: Vec<String>,

    /// Organisational units that are let in. None: all.
    #[serde(rename = "allowedOUs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub allowed_ous: Vec<String>,
}

/// What in a certificate names the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CertificateIdentity {
    /// The common name.
    #[serde(rename = "cn")]
    Cn,
    /// The subject alternative name.
    #[serde(rename = "san")]
    San,
    /// The organisational unit.
    #[serde(rename = "ou")]
    Ou,
}

/// A login at an OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcAuthentication {
    /// Whether logins are looked at.
    #[serde(default)]
    pub enabled: bool,

    /// Providers that clients may have logged in at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub providers: Vec<OidcProvider>,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcProvider {
    /// Name of the provider, in logs of the gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

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
}
