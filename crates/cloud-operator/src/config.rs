//! The operator's own settings, beside those that every operator has.

use std::{
    future::Future,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, Parser, builder::BoolishValueParser};
use crd_types::{lifecycle::DeletionPolicy, names::NamespaceName};
use kube::Client;
use operator_core::{
    decide::{budget::Limits, clock::Clock},
    process::{
        config::{self, Anew, Common, FeatureGates, Gate, GoDuration, ListenAddress, gates},
        installation::{Installation, InstallationId},
        operator::OperatorError,
        program::Program,
        webhook::WebhookSettings,
    },
};

use crate::aws::{
    AllowedEndpoint, EndpointPolicy, NetworkSettings, Pod, ProxySetting, RolePattern, RolePolicy,
    Settings, TokenFolders,
};

/// Bounds of intervals.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Admission webhooks, where they have a port.
pub const ADMISSION_WEBHOOKS: Gate = Gate {
    name: "AdmissionWebhooks",
    default: true,
    meaning: "admission webhooks, where they have a port (`WEBHOOK_BIND_ADDRESS`, `WEBHOOK_PORT`)",
};

/// AWS accounts and resources as Kubernetes objects.
///
/// Every setting can be given as a flag, in the environment, or as a file of that name in the mounted
/// ConfigMap; the first of these wins.
#[derive(Clone, Debug, Parser)]
#[command(name = "cloud-operator", version)]
pub struct Config {
    /// What every operator has.
    #[command(flatten)]
    pub common: Common,

    /// Parts to turn on or off, as in DebugState=false,Traces=true; every name that is allowed is told where one is
    /// not known.
    #[arg(
        long,
        env = "FEATURE_GATES",
        value_name = "GATES",
        value_parser = FeatureGates::of(Self::GATES),
        default_value = "",
        hide_default_value = true
    )]
    pub feature_gates: FeatureGates,

    /// What marks outside resources.
    #[command(flatten)]
    pub installation: Installation,

    /// Installations that this one goes on for, as after a cluster was rebuilt: their IDs, comma-separated. What they
    /// marked is taken back by the object of the same kind, namespace and name. Name none that is still at work. An
    /// INSTALLATION_ID that is configured is not known to be this cluster's alone: with it, what an earlier object
    /// of the same name had is taken back only if the ID is named here, too.
    #[arg(
        long,
        env = "EARLIER_INSTALLATIONS",
        value_name = "IDS",
        value_delimiter = ','
    )]
    pub earlier_installations: Vec<InstallationId>,

    /// What becomes of an AWS resource when its object is deleted and neither the object nor its namespace says
    /// so: Delete, Retain or Orphan. [default: Delete]
    #[arg(long, env = "DELETION_POLICY", value_name = "POLICY", value_parser = deletion_policy)]
    pub deletion_policy: Option<DeletionPolicy>,

    /// How often a bucket that is as wanted and that nobody touches is looked at: 10s to 168h. Each look is two calls:
    /// one tells whether it is there, whose it is and its tags, one reads another part of it, in turn. So a bucket
    /// of which a spec names twelve parts is seen whole twice a day. Every part is read after an edit, on
    /// request, at the start of the operator, and where something differs. It holds also
    /// where it is shorter than RECONCILE_INTERVAL.
    #[arg(
        long, env = "DRIFT_INTERVAL", value_name = "DURATION",
        value_parser = GoDuration::between(SHORTEST, LONGEST), default_value = "1h"
    )]
    pub drift_interval: GoDuration,

    /// Admission webhooks.
    #[command(flatten)]
    pub webhook: WebhookSettings,

    /// How often it is looked for buckets that carry this installation's mark though no object names them: 1m to
    /// 168h. Each time all buckets of each account are listed, and the tags of 50 that no object names are read,
    /// in turn. What is found is told by log, metric and /debug/state, and never touched.
    #[arg(
        long, env = "SWEEP_INTERVAL", value_name = "DURATION",
        value_parser = GoDuration::between(Duration::from_secs(60), LONGEST), default_value = "1h"
    )]
    pub sweep_interval: GoDuration,

    /// Endpoints other than AWS's own that an AWSProvider may name: https://host:port, or host:port for any
    /// scheme; comma-separated. None by default.
    #[arg(
        long,
        env = "ALLOWED_ENDPOINTS",
        value_name = "ENDPOINTS",
        value_delimiter = ','
    )]
    pub allowed_endpoints: Vec<AllowedEndpoint>,

    /// Whether an allowed endpoint may be plain http, which shows all traffic to whoever listens. For
    /// stand-ins on the same machine.
    #[arg(
        long,
        env = "ALLOW_HTTP_ENDPOINTS",
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub allow_http_endpoints: bool,

    /// The roles that an AWSProvider may name, in roleARN and in what it assumes: ARNs in which * stands for any
    /// text and {namespace} for the AWSProvider's namespace, as in
    /// arn:aws:iam::123456789012:role/tenants/{namespace}/*; comma-separated. [default: every role]
    #[arg(
        long,
        env = "ALLOWED_ROLES",
        value_name = "ROLES",
        value_delimiter = ','
    )]
    pub allowed_roles: Vec<RolePattern>,

    /// Whether every role is assumed with the external ID that an AWSProvider's status shows, and an AWSProvider
    /// that names one of its own is refused: then nobody can have a role assumed by a chain that trusts another
    /// AWSProvider. A role of spec.roleARN has no external ID: say by ALLOWED_ROLES which are whose. Names and
    /// tags of sessions are free, so no trust policy should rest on them.
    #[arg(
        long,
        env = "ENFORCE_EXTERNAL_IDS",
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub enforce_external_ids: bool,

    /// The namespaces whose AWSProviders may work with the operator's own credentials, by naming neither a
    /// Secret nor a roleARN; comma-separated, * for all, - for none.
    #[arg(
        long,
        env = "AMBIENT_CREDENTIALS_NAMESPACES",
        value_name = "NAMESPACES",
        value_delimiter = ',',
        value_parser = namespaces,
        default_value = "*"
    )]
    pub ambient_credentials_namespaces: Vec<String>,

    /// Whether the role of the instance that the operator's Pod runs on may be used. Every Pod of the instance
    /// shares it.
    #[arg(
        long,
        env = "INSTANCE_CREDENTIALS",
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "true",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub instance_credentials: bool,

    /// The Pod's own identity token, with which an AWSProvider's spec.roleARN is assumed; the platform that
    /// projects it sets this.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "FILE")]
    pub web_identity_token_file: Option<PathBuf>,

    /// The role that the Pod's own identity token is exchanged for where an AWSProvider names no credentials;
    /// the platform that projects the token sets this.
    #[arg(long, env = "AWS_ROLE_ARN", value_name = "ARN")]
    pub web_identity_role_arn: Option<String>,

    /// The name of that role's sessions. [default: cloud-operator]
    #[arg(long, env = "AWS_ROLE_SESSION_NAME", value_name = "NAME")]
    pub web_identity_session_name: Option<String>,

    /// Folders of the operator's Pod with tokens that an AWSProvider may name in spec.webIdentity.tokenFile;
    /// comma-separated. None by default.
    #[arg(
        long,
        env = "WEB_IDENTITY_TOKEN_FOLDERS",
        value_name = "FOLDERS",
        value_delimiter = ','
    )]
    pub web_identity_token_folders: Vec<PathBuf>,

    /// How many calls a second go to one service of AWS for one AWSProvider: 1 to 10000, 0 for no limit. The
    /// namespaces that use the AWSProvider have them by turns. Calls to STS are counted together for all
    /// AWSProviders that begin with the same credentials.
    #[arg(long, env = "AWS_CALL_RATE", value_name = "COUNT", value_parser = config::rate, default_value = "100")]
    pub aws_call_rate: u32,

    /// How many of these go at once after a quiet time, if there is a limit: 1 to 10000.
    #[arg(long, env = "AWS_CALL_BURST", value_name = "COUNT", value_parser = config::burst, default_value = "200")]
    pub aws_call_burst: NonZeroU32,

    /// The proxy through which https is reached: http(s)://[user:password@]host[:port]. Its value is never
    /// shown.
    #[arg(long, env = "HTTPS_PROXY", value_name = "URL")]
    pub https_proxy: Option<ProxySetting>,

    /// The proxy through which plain http is reached.
    #[arg(long, env = "HTTP_PROXY", value_name = "URL")]
    pub http_proxy: Option<ProxySetting>,

    /// What is reached without a proxy: hosts (with all below them), addresses and networks (10.0.0.0/8),
    /// comma-separated; * for everything. The services of the node that hand out credentials never need a
    /// proxy.
    #[arg(
        long,
        env = "NO_PROXY",
        value_name = "HOSTS",
        default_value = "",
        hide_default_value = true
    )]
    pub no_proxy: String,

    /// A file with certificates (PEM) of authorities that are believed besides those of the system.
    #[arg(long, env = "CA_BUNDLE", value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,

    /// What tells of these settings as they change.
    #[arg(skip)]
    pub anew: Anew<Self>,
}

impl Program for Config {
    const NAME: &'static str = crate::NAME;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const GATES: &'static [&'static Gate] =
        &[&gates::DEBUG_STATE, &gates::TRACES, &ADMISSION_WEBHOOKS];
    const LIVE: &'static [&'static str] = &[
        "AWS_CALL_BURST",
        "AWS_CALL_RATE",
        "DRIFT_INTERVAL",
        "SWEEP_INTERVAL",
    ];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn follow(&mut self, anew: Anew<Self>) {
        self.anew = anew;
    }

    fn feature_gates(&self) -> &FeatureGates {
        &self.feature_gates
    }

    fn ca_bundle(&self) -> Option<&Path> {
        self.ca_bundle.as_deref()
    }

    fn check(&self) -> Result<(), String> {
        self.aws()?;
        let webhooks = self.webhooks()?;
        let own = [("WEBHOOK_BIND_ADDRESS", webhooks.as_ref())];
        self.common
            .could_start(crate::NAME, webhooks.is_some(), &own)
    }

    async fn run(
        self,
        client: Client,
        clock: Clock,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), OperatorError> {
        crate::run(self, client, clock, stop).await
    }
}

impl Config {
    /// Where admission is served, if at all.
    ///
    /// # Errors
    /// Where two settings contradict each other.
    pub(crate) fn webhooks(&self) -> Result<Option<ListenAddress>, String> {
        let address = self.webhook.address()?;
        Ok(address.filter(|_| self.feature_gates.is_on(&ADMISSION_WEBHOOKS)))
    }

    /// How often each service is called for each provider.
    pub(crate) fn aws_calls(&self) -> Option<Limits> {
        let rate = NonZeroU32::new(self.aws_call_rate)?;
        Some(Limits::per_second(rate, self.aws_call_burst))
    }

    /// How AWS is talked to.
    ///
    /// # Errors
    /// The setting that cannot be used, and why.
    pub(crate) fn aws(&self) -> Result<Settings, String> {
        let network = NetworkSettings {
            https_proxy: self.https_proxy.clone(),
            http_proxy: self.http_proxy.clone(),
            no_proxy: self.no_proxy.clone(),
            ca_bundle: self.ca_bundle.clone(),
        };
        let ambient = self.ambient_credentials_namespaces.iter();
        Ok(Settings {
            endpoints: EndpointPolicy {
                allowed: self.allowed_endpoints.clone(),
                allow_http: self.allow_http_endpoints,
            },
            roles: RolePolicy {
                allowed: self.allowed_roles.clone(),
                ambient: Some(ambient.filter(|it| *it != "-").cloned().collect()),
            },
            pod: Pod {
                token_file: self.web_identity_token_file.clone(),
                role_arn: self.web_identity_role_arn.clone(),
                session_name: self.web_identity_session_name.clone(),
                instance: self.instance_credentials,
            },
            token_folders: TokenFolders(self.web_identity_token_folders.clone()),
            network: network.network()?,
            ..Settings::default()
        })
    }
}

fn deletion_policy(text: &str) -> Result<DeletionPolicy, &'static str> {
    let policy = text.trim().parse();
    policy.map_err(|_| "Delete, Retain or Orphan")
}

fn namespaces(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    match matches!(text, "*" | "-") || text.parse::<NamespaceName>().is_ok() {
        true => Ok(text.to_owned()),
        false => Err("names of namespaces, * for all, - for none"),
    }
}

#[cfg(test)]
mod tests {
    use operator_core::process::config::{Inputs, load};

    use super::*;

    #[test]
    fn the_operators_own_credentials_are_for_all_some_or_none() {
        let ambient = |setting: Option<&str>| {
            let args = ["cloud-operator", "--leader-elect=false"];
            let loaded = load::<Config>(&Inputs {
                args: args.into_iter().chain(setting).map(Into::into).collect(),
                env: &|_| None,
                facts: &[],
            });
            loaded.map(|loaded| {
                let settings = loaded.settings.aws().expect("settings that can be used");
                settings.roles.ambient.expect("always said")
            })
        };
        assert_eq!(ambient(None).unwrap(), ["*"]);
        let some = ambient(Some("--ambient-credentials-namespaces=platform, ops"));
        assert_eq!(some.unwrap(), ["platform", "ops"]);
        let none = ambient(Some("--ambient-credentials-namespaces=-"));
        assert!(none.unwrap().is_empty());
        let wrong = ambient(Some("--ambient-credentials-namespaces=Team_A"));
        assert!(wrong.unwrap_err().to_string().contains("- for none"));
    }

    #[test]
    fn calls_are_limited_unless_they_are_not_to_be() {
        let calls = |setting: Option<&str>| {
            let args = ["cloud-operator", "--leader-elect=false"];
            let loaded = load::<Config>(&Inputs {
                args: args.into_iter().chain(setting).map(Into::into).collect(),
                env: &|_| None,
                facts: &[],
            });
            loaded.map(|loaded| loaded.settings.aws_calls())
        };
        let default = calls(None).unwrap().unwrap();
        assert_eq!(default.interval, std::time::Duration::from_millis(10));
        assert_eq!(default.burst.get(), 200);
        assert_eq!(calls(Some("--aws-call-rate=0")).unwrap(), None);
        let wrong = calls(Some("--aws-call-rate=10001")).unwrap_err();
        assert!(wrong.to_string().contains("0 for no limit"), "{wrong}");
    }

    #[test]
    fn proxies_are_spelled_in_both_ways() {
        let no_proxy = |variables: &'static [(&str, &str)]| {
            let value = |name: &str| {
                let found = variables.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).into())
            };
            let loaded = load::<Config>(&Inputs {
                args: vec!["cloud-operator".into(), "--leader-elect=false".into()],
                env: &value,
                facts: &[],
            });
            loaded.expect("settings").settings.no_proxy
        };
        assert_eq!(no_proxy(&[("NO_PROXY", "upper")]), "upper");
        assert_eq!(no_proxy(&[("no_proxy", "lower")]), "lower");
        assert_eq!(
            no_proxy(&[("NO_PROXY", ""), ("no_proxy", "lower")]),
            "lower"
        );
        assert_eq!(
            no_proxy(&[("NO_PROXY", "upper"), ("no_proxy", "lower")]),
            "upper"
        );
        assert_eq!(no_proxy(&[("ca_bundle", "lower")]), "", "of no proxy");
    }

    #[test]
    fn what_a_start_would_refuse_is_told_before() {
        let check = |settings: &[&str]| {
            let args = [
                "cloud-operator",
                "--leader-elect=false",
                "--metrics-secure=false",
            ];
            let loaded = load::<Config>(&Inputs {
                args: args.iter().chain(settings).map(Into::into).collect(),
                env: &|_| None,
                facts: &[],
            });
            loaded.expect("settings that can be read").settings.check()
        };
        assert_eq!(check(&[]), Ok(()));
        for (settings, named) in [
            (&["--ca-bundle=/nowhere/bundle.pem"][..], "CA_BUNDLE"),
            (
                &["--webhook-bind-address=:1", "--webhook-port=2"],
                "WEBHOOK_PORT is 2",
            ),
            (&["--webhook-port=9443"], "POD_NAMESPACE"),
            (
                &["--webhook-port=8081", "--pod-namespace=n"],
                "WEBHOOK_BIND_ADDRESS is :8081",
            ),
            (
                &["--kubeconfig=/nowhere/config"],
                "--kubeconfig /nowhere/config",
            ),
        ] {
            let refused = check(settings).expect_err(named);
            assert!(refused.contains(named), "{refused}");
        }
    }
}
