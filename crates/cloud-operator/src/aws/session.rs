//! A session: credentials in use, whose they are, and the clients that use them.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, identity::IdentityCache, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::checksum_config::RequestChecksumCalculation;
use crd_types::aws::v1alpha1::{AccountId, Arn, Endpoint, Partition, Region};
use operator_core::decide::{
    key::ObjectKey,
    outcome::{Fault, Scope},
};

use super::{
    bucket::Bucket,
    credentials::{self, Hop, Source},
    endpoint::EndpointPolicy,
    failure::Failed,
    fault::{AUTHENTICATION_FAILED, Call},
};

/// What every session shares: one connection pool, one set of timeouts, one policy.
#[derive(Debug)]
pub struct Aws {
    http: SharedHttpClient,
    settings: Settings,
}

/// How AWS is talked to.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The endpoints that providers may name.
    pub endpoints: EndpointPolicy,
    /// The Pod's web identity token (`AWS_WEB_IDENTITY_TOKEN_FILE`).
    pub web_identity_token_file: Option<PathBuf>,
}

/// How long a call may take. Nothing is repeated here: whether and when is for the engine to decide.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To open a connection.
    pub connect: Duration,
    /// For the whole call, opening included.
    pub attempt: Duration,
    /// To load credentials, which may take a call or two of their own.
    pub credentials: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            credentials: Duration::from_secs(20),
        }
    }
}

/// What a session is opened with.
#[derive(Clone, Debug)]
pub struct Access {
    /// The provider that asks for it.
    pub provider: ObjectKey,
    /// Which state of spec and Secrets the rest is from.
    pub version: String,
    /// The region to work in.
    pub region: Region,
    /// Where requests go instead of to AWS.
    pub endpoint: Option<Endpoint>,
    /// The first credentials.
    pub source: Source,
    /// The role assumed with them.
    pub hop: Option<Hop>,
    /// Tags of everything created.
    pub default_tags: BTreeMap<String, String>,
}

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The identity.
    pub arn: Arn,
    /// The partition, as in the ARN.
    pub partition: Partition,
}

/// Credentials in use. They are loaded on use and renewed before they expire.
pub struct Session {
    /// The provider that it was opened for.
    pub provider: ObjectKey,
    /// Which state of spec and Secrets it was opened with.
    pub version: String,
    /// Who AWS said we are when it was opened.
    pub caller: Caller,
    /// The region to work in.
    pub region: Region,
    /// Tags of everything created.
    pub default_tags: BTreeMap<String, String>,
    config: SdkConfig,
    endpoint: Option<Endpoint>,
    s3: aws_sdk_s3::Client,
}

impl Aws {
    /// Prepares sessions; opens no connection.
    pub fn new(settings: Settings) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .build_https();
        Self { http, settings }
    }

    /// Opens a session and asks AWS whose it is.
    ///
    /// # Errors
    /// A fault of the provider.
    pub async fn open(&self, access: &Access) -> Result<Session, Fault> {
        if let Some(endpoint) = &access.endpoint {
            self.settings
                .endpoints
                .admit(endpoint)
                .map_err(|fault| fault.with_scope(Scope::Provider))?;
        }
        let config = self.config(access).await?;
        let caller = caller(&config).await?;
        Ok(Session {
            provider: access.provider.clone(),
            version: access.version.clone(),
            caller,
            region: access.region.clone(),
            default_tags: access.default_tags.clone(),
            s3: s3(&config, access.endpoint.is_some()),
            endpoint: access.endpoint.clone(),
            config,
        })
    }

    async fn config(&self, access: &Access) -> Result<SdkConfig, Fault> {
        let Timeouts {
            connect,
            attempt,
            credentials,
        } = self.settings.timeouts;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(connect)
            .operation_attempt_timeout(attempt);
        let mut base = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(to_sdk(&access.region))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            .identity_cache(IdentityCache::lazy().load_timeout(credentials).build());
        if let Some(endpoint) = &access.endpoint {
            // Stores other than AWS's often refuse the checksums that newer SDKs send unasked.
            base = base
                .endpoint_url(endpoint.as_ref())
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        }
        let base = base.build();
        let session_name = credentials::session_name(&access.provider);
        let token_file = self.settings.web_identity_token_file.as_deref();
        let first = credentials::first(&access.source, &base, token_file, &session_name).await?;
        let direct = base.into_builder().credentials_provider(first).build();
        Ok(match &access.hop {
            None => direct,
            Some(hop) => {
                let assumed = credentials::assumed(hop, &direct, &session_name);
                direct.into_builder().credentials_provider(assumed).build()
            }
        })
    }
}

impl Session {
    /// Asks AWS again whose the credentials are.
    ///
    /// # Errors
    /// A fault of the provider.
    pub async fn verify(&self) -> Result<Caller, Fault> {
        caller(&self.config).await
    }

    /// The host name of `bucket`; none behind an endpoint of its own, whose buckets are paths.
    pub fn bucket_domain(&self, bucket: &Bucket) -> Option<String> {
        let suffix = match bucket.partition.as_ref() {
            "aws-cn" => "amazonaws.com.cn",
            "aws-eusc" => "amazonaws.eu",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-iso-e" => "cloud.adc-e.uk",
            "aws-iso-f" => "csp.hci.ic.gov",
            _ => "amazonaws.com",
        };
        self.endpoint
            .is_none()
            .then(|| format!("{}.s3.{}.{suffix}", bucket.name, bucket.region))
    }

    /// The client for buckets of `region`, which is this session's own unless the provider was moved.
    pub(super) fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        if *region == self.region {
            return self.s3.clone();
        }
        let elsewhere = self.config.to_builder().region(to_sdk(region)).build();
        s3(&elsewhere, self.endpoint.is_some())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("provider", &self.provider)
            .field("caller", &self.caller)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn s3(config: &SdkConfig, path_style: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(path_style)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

async fn caller(config: &SdkConfig) -> Result<Caller, Fault> {
    let sts = aws_sdk_sts::Client::new(config);
    let answer = sts
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| Failed::new(Call::read("sts:GetCallerIdentity"), error))?;
    let caller = || {
        let arn: Arn = answer.arn()?.parse().ok()?;
        let partition = arn.partition().parse().ok()?;
        Some(Caller {
            account: answer.account()?.parse().ok()?,
            arn,
            partition,
        })
    };
    caller().ok_or_else(|| {
        let text =
            "sts:GetCallerIdentity answered without an account and an ARN that could be read";
        Fault::transient(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider)
    })
}

fn to_sdk(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.to_string())
}

#[cfg(test)]
impl Session {
    /// A session of `account` that no call is made with.
    pub fn idle(provider: ObjectKey, account: &str) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .build();
        Self {
            provider,
            version: "1".into(),
            caller: Caller {
                account: account.parse().unwrap(),
                arn: format!("arn:aws-cn:iam::{account}:user/operator")
                    .parse()
                    .unwrap(),
                partition: "aws-cn".parse().unwrap(),
            },
            region: "cn-north-1".parse().unwrap(),
            default_tags: BTreeMap::new(),
            s3: s3(&config, false),
            endpoint: None,
            config,
        }
    }
}
