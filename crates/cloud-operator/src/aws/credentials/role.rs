//! `AssumeRole`, and what every answer of STS with credentials has in common.

use std::{error::Error, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result, error::CredentialsError, future},
};
use aws_sdk_sts::{
    error::BuildError,
    types::{Credentials as StsCredentials, PolicyDescriptorType, Tag},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::decide::outcome::Fault;

use super::{Hop, NAME, fingerprint::Fingerprint};
use crate::aws::{failure::Failed, fault::Call};

/// What assumes a role.
pub(super) const ASSUME: Call = Call::read("sts:AssumeRole");

/// The role of a [`Hop`], assumed with the credentials that `config` carries.
#[derive(Debug)]
pub(super) struct Role {
    pub config: SdkConfig,
    pub hop: Hop,
    pub session_name: String,
}

impl Role {
    /// `base`, and all that the request says.
    pub fn fingerprint(base: Fingerprint, hop: &Hop, session_name: &str) -> Fingerprint {
        let duration = hop.duration.map(|seconds| seconds.to_string());
        let tags = hop.tags.iter().flat_map(|(key, value)| [key, value]);
        base.with("role")
            .with(&hop.role_arn)
            .with(session_name)
            .with_option(hop.external_id.as_deref())
            .with_option(duration.as_deref())
            .with_list(tags.map(String::as_str))
            .with_list(hop.transitive_tag_keys.iter().map(String::as_str))
            .with_option(hop.policy.as_deref())
            .with_list(hop.policy_arns.iter().map(String::as_str))
    }

    async fn load(&self) -> Result {
        let hop = &self.hop;
        // A client is made for each call: calls are rare, and there are as many roles as providers.
        let mut call = aws_sdk_sts::Client::new(&self.config)
            .assume_role()
            .role_arn(&hop.role_arn)
            .role_session_name(&self.session_name)
            .set_external_id(hop.external_id.clone())
            .set_duration_seconds(hop.duration)
            .set_policy(hop.policy.clone());
        for (key, value) in &hop.tags {
            let tag = Tag::builder().key(key).value(value).build();
            call = call.tags(tag.map_err(unfit)?);
        }
        for key in &hop.transitive_tag_keys {
            call = call.transitive_tag_keys(key);
        }
        for arn in &hop.policy_arns {
            call = call.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
        }
        let answer = call
            .send()
            .await
            .map_err(|error| failed(ASSUME, &hop.role_arn, error))?;
        temporary(answer.credentials)
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

fn unfit(error: BuildError) -> CredentialsError {
    CredentialsError::invalid_configuration(error)
}

/// A fault travels through the SDK as the cause of a credentials error and is found again by
/// [`Failed::new`].
pub(super) fn failed<E>(
    call: Call,
    role_arn: &str,
    error: SdkError<E, HttpResponse>,
) -> CredentialsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut fault = Fault::from(Failed::new(call, error));
    // Of a chain, AWS's words often leave open which one it was.
    fault.message.push_str(&format!(" (the role: {role_arn})"));
    CredentialsError::provider_error(fault)
}

pub(super) fn temporary(credentials: Option<StsCredentials>) -> Result {
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
