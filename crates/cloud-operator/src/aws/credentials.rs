//! Where a session's credentials come from.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use aws_config::{
    BehaviorVersion, SdkConfig, default_provider::credentials::DefaultCredentialsChain,
    provider_config::ProviderConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{
        ProvideCredentials, Result, SharedCredentialsProvider, error::CredentialsError, future,
    },
};
use aws_sdk_sts::types::Credentials as StsCredentials;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::decide::{
    key::ObjectKey,
    outcome::{Fault, Scope},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    failure::Failed,
    fault::{AUTHENTICATION_FAILED, Call},
};

/// The name of a source in the SDK's records.
const NAME: &str = "AWSProvider";
/// `RoleSessionName` takes 2 to 64 characters (AWS STS API Reference, AssumeRole).
const LONGEST_SESSION_NAME: usize = 64;

/// The first credentials.
#[derive(Clone, Debug)]
pub enum Source {
    /// What the operator's Pod has: environment, shared files, web identity, container, instance.
    Ambient,
    /// Long-lived or temporary keys.
    Keys(Keys),
    /// The Pod's web identity token, exchanged for a role.
    WebIdentity {
        /// The role that trusts the token's issuer.
        role_arn: String,
    },
}

/// An access key. Its ID is as secret as the rest here.
#[derive(Clone)]
pub struct Keys {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: SecretString,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: SecretString,
    /// `AWS_SESSION_TOKEN` of temporary keys.
    pub token: Option<SecretString>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A role assumed with the first credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The role.
    pub role_arn: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
}

/// The provider of `source`'s credentials; `config` is the session's, without credentials yet.
pub(super) async fn first(
    source: &Source,
    config: &SdkConfig,
    token_file: Option<&Path>,
    session_name: &str,
) -> std::result::Result<SharedCredentialsProvider, Fault> {
    Ok(match source {
        Source::Keys(keys) => SharedCredentialsProvider::new(Credentials::new(
            keys.id.expose_secret(),
            keys.secret.expose_secret(),
            keys.token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            None,
            NAME,
        )),
        Source::WebIdentity { role_arn } => {
            let Some(token_file) = token_file else {
                let text = "spec.roleARN: the operator's Pod has no web identity token (AWS_WEB_IDENTITY_TOKEN_FILE \
                            is not set); bind its ServiceAccount to an identity, or use assumeRoleARN";
                return Err(Fault::blocked(AUTHENTICATION_FAILED, text));
            };
            SharedCredentialsProvider::new(WebIdentity {
                sts: aws_sdk_sts::Client::new(config),
                token_file: token_file.to_owned(),
                role_arn: role_arn.clone(),
                session_name: session_name.to_owned(),
            })
        }
        Source::Ambient => {
            let mut machine = ProviderConfig::without_region()
                .with_behavior_version(Some(BehaviorVersion::latest()))
                .with_region(config.region().cloned());
            if let Some(client) = config.http_client() {
                machine = machine.with_http_client(client);
            }
            let chain = DefaultCredentialsChain::builder()
                .configure(machine)
                .build()
                .await;
            SharedCredentialsProvider::new(chain)
        }
    })
}

/// The provider of the credentials of the role `hop`; `config` carries the first credentials.
pub(super) fn assumed(
    hop: &Hop,
    config: &SdkConfig,
    session_name: &str,
) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(AssumedRole {
        sts: aws_sdk_sts::Client::new(config),
        hop: hop.clone(),
        session_name: session_name.to_owned(),
    })
}

/// The name of every session for the provider `key`, as CloudTrail shows it: `namespace.name`, cut where AWS
/// would refuse it and then made unique by a hash of the whole.
pub(super) fn session_name(key: &ObjectKey) -> String {
    let whole = format!("{}.{}", key.namespace, key.name);
    if whole.len() <= LONGEST_SESSION_NAME {
        return whole;
    }
    // FNV-1a: the same name in every release, which the standard library's hashers do not promise.
    let hash = whole.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let cut = whole.floor_char_boundary(LONGEST_SESSION_NAME - 17);
    format!("{}-{hash:016x}", &whole[..cut])
}

/// AssumeRoleWithWebIdentity. The SDK's own provider would log what STS answers before it is scrubbed.
#[derive(Debug)]
struct WebIdentity {
    sts: aws_sdk_sts::Client,
    token_file: PathBuf,
    role_arn: String,
    session_name: String,
}

impl WebIdentity {
    async fn load(&self) -> Result {
        // Read at every refresh: the kubelet replaces the token long before it ends.
        let token = tokio::fs::read_to_string(&self.token_file)
            .await
            .map_err(|error| {
                let text = format!(
                    "the web identity token {} cannot be read: {error}",
                    self.token_file.display()
                );
                CredentialsError::provider_error(
                    Fault::blocked(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider),
                )
            })?;
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.role_arn)
            .role_session_name(&self.session_name)
            .web_identity_token(token.trim())
            .send()
            .await
            .map_err(|error| failed(Call::read("sts:AssumeRoleWithWebIdentity"), error))?;
        temporary(answer.credentials)
    }
}

/// AssumeRole.
#[derive(Debug)]
struct AssumedRole {
    sts: aws_sdk_sts::Client,
    hop: Hop,
    session_name: String,
}

impl AssumedRole {
    async fn load(&self) -> Result {
        let answer = self
            .sts
            .assume_role()
            .role_arn(&self.hop.role_arn)
            .set_external_id(self.hop.external_id.clone())
            .role_session_name(&self.session_name)
            .send()
            .await
            .map_err(|error| failed(Call::read("sts:AssumeRole"), error))?;
        temporary(answer.credentials)
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// A fault travels through the SDK as the cause of a credentials error and is found again by
/// [`Failed::new`].
fn failed<E>(call: Call, error: SdkError<E, HttpResponse>) -> CredentialsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    CredentialsError::provider_error(Fault::from(Failed::new(call, error)))
}

fn temporary(credentials: Option<StsCredentials>) -> Result {
    let Some(found) = credentials else {
        return Err(CredentialsError::unhandled(
            "STS answered without credentials",
        ));
    };
    let expires = SystemTime::try_from(found.expiration).map_err(|_| {
        CredentialsError::unhandled("STS answered with a time of expiry before 1970")
    })?;
    Ok(Credentials::new(
        found.access_key_id,
        found.secret_access_key,
        Some(found.session_token),
        Some(expires),
        NAME,
    ))
}
