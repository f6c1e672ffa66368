//! A session: credentials in use, whose they are, and the clients that use them.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, identity::IdentityCache, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::checksum_config::RequestChecksumCalculation;
use crd_types::aws::v1alpha1::{AccountId, Arn, Endpoint, Partition, Region};
use operator_core::decide::{
    clock::Clock,
    key::ObjectKey,
    outcome::{Fault, Scope},
};

use super::{
    bucket::Bucket,
    credentials::{Asker, Cached, Hop, Pod, Renewed, Source, Sources, TokenFolders},
    endpoint::EndpointPolicy,
    failure::Failed,
    fault::Call,
    http_client::http_client,
    meter::Meter,
    network::Network,
    pace::Paces,
    reasons::{ACCOUNT_MISMATCH, AUTHENTICATION_FAILED},
    roles::RolePolicy,
    store::Store,
};

/// What every session shares: one connection pool, one set of timeouts, one policy, credentials in use.
#[derive(Debug)]
pub struct Aws {
    http: SharedHttpClient,
    settings: Settings,
    sources: Sources,
    meter: Meter,
}

/// How AWS is talked to.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The endpoints that providers may name.
    pub endpoints: EndpointPolicy,
    /// What the platform has given the operator's Pod.
    pub pod: Pod,
    /// The folders of tokens that providers may name.
    pub token_folders: TokenFolders,
    /// The roles that providers may name.
    pub roles: RolePolicy,
    /// The way out of the process.
    pub network: Network,
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
    /// Whether to use AWS's endpoints that are validated to FIPS 140.
    pub fips: bool,
    /// Whether to use AWS's endpoints that have addresses of IPv6, too.
    pub dual_stack: bool,
    /// The account that the credentials must lead to.
    pub account: Option<AccountId>,
    /// The first credentials.
    pub source: Source,
    /// The roles assumed with them, one after the other.
    pub chain: Vec<Hop>,
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
    credentials: Option<Arc<Cached>>,
    config: SdkConfig,
    endpoint: Option<Endpoint>,
    s3: aws_sdk_s3::Client,
    meter: Meter,
}

impl Session {
    /// The store that its requests go to.
    pub fn store(&self) -> Store {
        Store::at(self.endpoint.as_ref())
    }

    /// The account that it works in, and where that is not AWS's, of which store.
    pub fn place(&self) -> String {
        let (account, store) = (self.caller.account.as_ref(), self.store());
        match store.is_aws() {
            true => account.to_owned(),
            false => format!("{account} at {store}"),
        }
    }
}

impl Aws {
    /// Prepares sessions; opens no connection.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let http = http_client(settings.network.clone());
        let (pod, folders) = (settings.pod.clone(), settings.token_folders.clone());
        let meter = Meter::new(clock.clone());
        let sources = Sources::new(clock, pod, folders, settings.timeouts.credentials);
        Self {
            http,
            settings,
            sources,
            meter,
        }
    }

    /// The same, with STS asked no more often than these budgets allow, each of which is for all sessions that begin
    /// with the same credentials.
    pub fn within(self, paces: Paces) -> Self {
        let sources = self.sources.within(paces);
        Self { sources, ..self }
    }

    /// What counts the calls of all sessions.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Opens a session and asks AWS whose it is.
    ///
    /// # Errors
    /// A fault of the provider.
    pub async fn open(&self, access: &Access) -> Result<Session, Fault> {
        self.admit(access)
            .map_err(|fault| fault.with_scope(Scope::Provider))?;
        let base = self.base(access);
        let asker = Asker {
            config: &base,
            provider: &access.provider,
        };
        let credentials = self
            .sources
            .credentials(&asker, &access.source, &access.chain)?;
        let config = base
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(Renewed(credentials.clone())))
            .build();
        let namespace = &access.provider.namespace;
        let caller = caller(&config, Some(&credentials), namespace, &self.meter).await?;
        if let Some(expected) = &access.account
            && *expected != caller.account
        {
            return Err(account_mismatch(expected, &caller));
        }
        Ok(Session {
            provider: access.provider.clone(),
            version: access.version.clone(),
            caller,
            region: access.region.clone(),
            default_tags: access.default_tags.clone(),
            s3: s3(&config, access.endpoint.is_some()),
            endpoint: access.endpoint.clone(),
            credentials: Some(credentials),
            config,
            meter: self.meter.clone(),
        })
    }

    /// Whether whoever runs the operator allows what the provider asks for.
    fn admit(&self, access: &Access) -> Result<(), Fault> {
        if let Some(endpoint) = &access.endpoint {
            self.settings.endpoints.admit(endpoint)?;
        }
        self.settings.roles.admit(access)
    }

    /// The configuration of the place, without credentials.
    fn base(&self, access: &Access) -> SdkConfig {
        let Timeouts {
            connect, attempt, ..
        } = self.settings.timeouts;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(connect)
            .operation_attempt_timeout(attempt);
        let mut base = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(to_sdk(&access.region))
            .use_fips(access.fips)
            .use_dual_stack(access.dual_stack)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            // The credentials are kept where they can be shared and forgotten.
            .identity_cache(IdentityCache::no_cache());
        if let Some(endpoint) = &access.endpoint {
            // Stores other than AWS's often refuse the checksums that newer SDKs send unasked.
            base = base
                .endpoint_url(endpoint.as_ref())
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        }
        base.build()
    }
}

impl Session {
    /// Asks AWS again whose the credentials are.
    ///
    /// # Errors
    /// A fault of the provider.
    pub async fn verify(&self) -> Result<Caller, Fault> {
        let namespace = &self.provider.namespace;
        let credentials = self.credentials.as_ref();
        caller(&self.config, credentials, namespace, &self.meter).await
    }

    /// Waits for credentials where there are none, before a call that they are to sign.
    ///
    /// # Errors
    /// A fault of the provider: the call is not made.
    pub(super) async fn signs(&self) -> Result<(), Fault> {
        signs(self.credentials.as_ref()).await
    }

    /// Forgets the credentials in use, and those that they were made with: AWS does not know them any more.
    pub fn forget_credentials(&self) {
        if let Some(credentials) = &self.credentials {
            credentials.forget();
        }
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

    /// What counts its calls.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
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

/// Waits for credentials where there are none. The SDK would do so within the time of the call: a source that hangs
/// would be taken for a call whose answer was lost.
async fn signs(credentials: Option<&Arc<Cached>>) -> Result<(), Fault> {
    match credentials {
        Some(credentials) => credentials.get().await.map(drop),
        None => Ok(()),
    }
}

async fn caller(
    config: &SdkConfig,
    credentials: Option<&Arc<Cached>>,
    namespace: &Arc<str>,
    meter: &Meter,
) -> Result<Caller, Fault> {
    let call = Call::read("sts:GetCallerIdentity");
    signs(credentials).await?;
    if let Some(credentials) = credentials {
        credentials.pace().turn(call, namespace).await;
    }
    let sts = aws_sdk_sts::Client::new(config);
    let asked = async {
        let answer = sts.get_caller_identity().send().await;
        answer.map_err(|error| Failed::new(call, error))
    };
    let answer = meter.timed(call, asked).await?;
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

fn account_mismatch(expected: &AccountId, caller: &Caller) -> Fault {
    let text = format!(
        "spec.expectedAccountID: found {expected}, but the credentials lead to the account {} (as {})",
        caller.account, caller.arn
    );
    Fault::terminal(ACCOUNT_MISMATCH, text).with_scope(Scope::Provider)
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
            credentials: None,
            config,
            meter: Meter::new(Clock::system()),
        }
    }
}
