//! Settings: what an operator is told at its start.
//!
//! Every setting, an operator's own included, is given by flag, by environment variable or as a file of a
//! mounted ConfigMap, in this order of precedence, and has a default otherwise ([`load()`]). A wrong value
//! is refused at start.

mod client;
mod command;
mod connection;
mod duration;
mod error;
mod flags;
mod follow;
pub mod gates;
mod https;
mod listen;
mod live;
mod load;
mod namespaces;
mod rate;
mod refusal;
mod sources;

use std::{
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgMatches, Command, FromArgMatches, ValueEnum, error::ErrorKind};
use tokio::sync::watch;

pub(super) use self::client::kubeconfig;
use self::flags::Flags;
pub use self::{
    client::{ClientError, client},
    duration::{GoDuration, NotADuration},
    error::{ConfigError, Origin, Setting},
    follow::{Anew, Followed, Follower, Rules},
    gates::{FeatureGates, Gate},
    https::{Https, ServingCertificate},
    listen::{Listen, ListenAddress, NotAnAddress},
    live::{LIVE, Live},
    load::{Inputs, Loaded, load, load_process},
    namespaces::{Namespaces, NotNamespaces},
    rate::{burst, rate},
    sources::Warning,
};
use crate::decide::{
    budget,
    lease::{InvalidTimings, Timings},
};

/// The settings that every operator has. Flatten them into the operator's own:
///
/// ```
/// #[derive(clap::Parser)]
/// struct Settings {
///     #[command(flatten)]
///     common: operator_core::process::config::Common,
///     /// Endpoints that a provider may name.
///     #[arg(long, env = "ALLOWED_ENDPOINTS", value_delimiter = ',')]
///     allowed_endpoints: Vec<String>,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Common {
    /// What is logged, and how.
    pub log: Log,
    /// Where metrics and state are served, if at all.
    pub metrics: Option<ListenAddress>,
    /// What is served over HTTPS.
    pub https: Https,
    /// Where probes are answered, if at all.
    pub probes: Option<ListenAddress>,
    /// How replicas elect a leader; `None` if this one always leads.
    pub election: Option<Election>,
    /// This replica's name, in the lease and in events.
    pub pod_name: String,
    /// The namespace that this replica runs in, if it is known.
    pub pod_namespace: Option<String>,
    /// The namespaces to look after.
    pub namespaces: Namespaces,
    /// How many objects of a kind are worked on at once; at most 1024.
    pub max_concurrent_reconciles: NonZeroU16,
    /// How often an object that nobody touches is compared with the outside.
    pub reconcile_interval: Duration,
    /// How long one pass over an object may take.
    pub reconcile_timeout: Duration,
    /// How fast this process may write to the API server, all its controllers together and the lease's
    /// renewals aside; `None` for as fast as it can.
    pub api_writes: Option<budget::Limits>,
    /// The kubeconfig file of the cluster to work on; `None` for the cluster that this Pod runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The folder of the mounted ConfigMap, if there is one.
    pub config_dir: Option<PathBuf>,
    /// What takes effect while the operator runs, where somebody [follows](Follower) the settings.
    pub followed: Option<Followed>,
}

impl Common {
    /// What takes effect while the operator runs, as it stands and as it changes.
    pub(super) fn live(&self) -> watch::Receiver<Live> {
        let never_again = || watch::channel(Live::of(self)).1;
        let followed = self.followed.as_ref().map(|it| it.live.clone());
        followed.unwrap_or_else(never_again)
    }
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least severe level that is logged.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    /// Failures that need somebody.
    Error,
    /// What is recovered from, too.
    Warn,
    /// Normal operation, one line a transition, too.
    Info,
    /// What troubleshooting needs, too.
    Debug,
    /// Everything but what may hold secrets.
    Trace,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// human on a terminal, json elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text for people.
    Human,
}

/// How replicas elect a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// The namespace of the Lease.
    pub namespace: String,
    /// How long a lease lasts, and when its holder gives up.
    pub timings: Timings,
}

const NO_ELECTION_NAMESPACE: &str = "the namespace of the leader election is not known: set \
    LEADER_ELECTION_NAMESPACE (--leader-election-namespace) or POD_NAMESPACE (--pod-namespace), or turn \
    the election off by LEADER_ELECT=false (--leader-elect=false) if only one replica runs";

impl TryFrom<Flags> for Common {
    type Error = String;

    fn try_from(flags: Flags) -> Result<Self, String> {
        let timings = timings(&flags)?;
        let metrics = Listen::settled(
            "METRICS",
            flags.metrics_bind_address,
            flags.metrics_port,
            8080,
        )?;
        let probes = Listen::settled(
            "HEALTH_PROBE",
            flags.health_probe_bind_address,
            flags.health_probe_port,
            8081,
        )?;
        let election = if flags.leader_elect {
            let namespace = flags
                .leader_election_namespace
                .or_else(|| flags.pod_namespace.clone());
            let namespace = namespace.ok_or(NO_ELECTION_NAMESPACE)?;
            Some(Election { namespace, timings })
        } else {
            None
        };
        Ok(Self {
            log: Log {
                level: flags.log_level,
                format: flags.log_format,
            },
            metrics,
            https: flags.https.try_into()?,
            probes,
            election,
            pod_name: flags.pod_name,
            pod_namespace: flags.pod_namespace,
            namespaces: flags.watch_namespaces,
            max_concurrent_reconciles: flags.max_concurrent_reconciles,
            reconcile_interval: flags.reconcile_interval.0,
            reconcile_timeout: flags.reconcile_timeout.0,
            api_writes: NonZeroU32::new(flags.api_write_rate)
                .map(|rate| budget::Limits::per_second(rate, flags.api_write_burst)),
            kubeconfig: flags.kubeconfig,
            config_dir: flags.config_dir,
            followed: None,
        })
    }
}

/// The timings of the election, or the setting that does not fit to the others.
fn timings(flags: &Flags) -> Result<Timings, String> {
    let (lease, renew_deadline, retry) = (
        flags.leader_election_lease_duration.0,
        flags.leader_election_renew_deadline.0,
        flags.leader_election_retry_period.0,
    );
    Timings::new(lease, renew_deadline, retry).map_err(|refused| {
        let setting = match refused {
            InvalidTimings::Lease { .. } => {
                "LEADER_ELECTION_LEASE_DURATION (--leader-election-lease-duration)"
            }
            InvalidTimings::RenewDeadline { .. } => {
                "LEADER_ELECTION_RENEW_DEADLINE (--leader-election-renew-deadline)"
            }
            InvalidTimings::Retry { .. } => {
                "LEADER_ELECTION_RETRY_PERIOD (--leader-election-retry-period)"
            }
        };
        format!("{setting}: {refused}")
    })
}

impl FromArgMatches for Common {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::try_from(Flags::from_arg_matches(matches)?)
            .map_err(|contradiction| clap::Error::raw(ErrorKind::ArgumentConflict, contradiction))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Common {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}
