//! `AssumeRoleWithWebIdentity`. The SDK's own provider would log what STS answers before it is scrubbed.

use std::{path::PathBuf, sync::Arc};

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, Result, error::CredentialsError, future};
use operator_core::decide::outcome::{Fault, Scope};

use super::{
    WebIdentity,
    fingerprint::Fingerprint,
    role::{failed, temporary},
    token::{self, TokenFolders},
};
use crate::aws::{fault::Call, reasons::AUTHENTICATION_FAILED};

/// What exchanges a token.
pub(super) const EXCHANGE: Call = Call::read("sts:AssumeRoleWithWebIdentity");

/// A token of the operator's Pod, exchanged for the credentials of a role.
#[derive(Debug)]
pub(super) struct Exchange {
    pub config: SdkConfig,
    pub token: Token,
    pub role_arn: String,
    pub session_name: String,
    pub duration: Option<i32>,
}

/// Where the token is.
#[derive(Debug)]
pub(super) enum Token {
    /// In the file that the platform has named to the operator.
    OfThePod(PathBuf),
    /// In a file that a provider names.
    Named {
        file: PathBuf,
        folders: Arc<TokenFolders>,
    },
}

impl Exchange {
    pub fn fingerprint(
        base: Fingerprint,
        identity: &WebIdentity,
        session_name: &str,
    ) -> Fingerprint {
        let file = identity.token_file.as_ref();
        let file = file.map(|file| file.to_string_lossy().into_owned());
        let duration = identity.duration.map(|seconds| seconds.to_string());
        base.with("web identity")
            .with(&identity.role_arn)
            .with(session_name)
            .with_option(file.as_deref())
            .with_option(duration.as_deref())
    }

    async fn load(&self) -> Result {
        let token = match &self.token {
            Token::OfThePod(file) => token::read(file).await,
            Token::Named { file, folders } => folders.read(file).await,
        };
        let token = token.map_err(CredentialsError::provider_error)?;
        let answer = aws_sdk_sts::Client::new(&self.config)
            .assume_role_with_web_identity()
            .role_arn(&self.role_arn)
            .role_session_name(&self.session_name)
            .set_duration_seconds(self.duration)
            .web_identity_token(token)
            .send()
            .await
            .map_err(|error| failed(EXCHANGE, &self.role_arn, error))?;
        temporary(answer.credentials)
    }
}

impl ProvideCredentials for Exchange {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// The Pod has no token of its own.
pub(super) fn no_token() -> Fault {
    let text = "spec.roleARN: the operator's Pod has no web identity token (AWS_WEB_IDENTITY_TOKEN_FILE is not \
                set); bind its ServiceAccount to an identity, name a projected token in \
                spec.webIdentity.tokenFile, or use assumeRoleARN";
    Fault::blocked(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider)
}
