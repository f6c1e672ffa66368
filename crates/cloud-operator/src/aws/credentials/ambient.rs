//! What the operator's Pod has by itself.

use std::path::PathBuf;

use aws_config::{
    BehaviorVersion, SdkConfig, ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    imds::credentials::ImdsCredentialsProvider, meta::credentials::CredentialsProviderChain,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::web_identity::{Exchange, Token};

/// How a session of the Pod's own role is called where nothing names it.
const SESSION: &str = "cloud-operator";

/// What the platform has given the operator's Pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its web identity token (`AWS_WEB_IDENTITY_TOKEN_FILE`).
    pub token_file: Option<PathBuf>,
    /// The role that the token is for (`AWS_ROLE_ARN`).
    pub role_arn: Option<String>,
    /// The name of that role's sessions (`AWS_ROLE_SESSION_NAME`).
    pub session_name: Option<String>,
    /// Whether the role of the instance may be used, which every Pod of a node shares.
    pub instance: bool,
}

impl Default for Pod {
    fn default() -> Self {
        Self {
            token_file: None,
            role_arn: None,
            session_name: None,
            instance: true,
        }
    }
}

/// Environment, shared files, web identity, container, instance: the first that has credentials, as in every
/// AWS SDK. `config` is the session's, without credentials.
pub(super) fn chain(pod: &Pod, config: &SdkConfig) -> SharedCredentialsProvider {
    let mut machine = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(config.region().cloned());
    if let Some(client) = config.http_client() {
        machine = machine.with_http_client(client);
    }
    let environment = EnvironmentVariableCredentialsProvider::new();
    let files = ProfileFileCredentialsProvider::builder().configure(&machine);
    let mut chain = CredentialsProviderChain::first_try("Environment", environment)
        .or_else("Profile", files.build());
    if let (Some(file), Some(role_arn)) = (&pod.token_file, &pod.role_arn) {
        let exchange = Exchange {
            config: config.clone(),
            token: Token::OfThePod(file.clone()),
            role_arn: role_arn.clone(),
            session_name: pod.session_name.clone().unwrap_or_else(|| SESSION.into()),
            duration: None,
        };
        chain = chain.or_else("WebIdentityToken", exchange);
    }
    let container = EcsCredentialsProvider::builder().configure(&machine);
    chain = chain.or_else("EcsContainer", container.build());
    if pod.instance {
        let instance = ImdsCredentialsProvider::builder().configure(&machine);
        chain = chain.or_else("Ec2InstanceMetadata", instance.build());
    }
    SharedCredentialsProvider::new(chain)
}
