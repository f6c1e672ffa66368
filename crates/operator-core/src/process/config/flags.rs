//! The settings that every operator has, as they are written.

use std::{
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use super::{
    GoDuration, Listen, LogFormat, LogLevel, Namespaces, https::HttpsFlags, namespaces, rate,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const MOST_WORKERS: NonZeroU16 = NonZeroU16::new(1024).expect("1024 is not zero");
/// The raw values; [`Common`](super::Common) is what they mean together.
#[derive(Args)]
pub(super) struct Flags {
    /// The least severe level that is logged: trace, debug, info, warn or error, in any case.
    #[arg(
        long,
        env = "LOG_LEVEL",
        value_enum,
        ignore_case = true,
        default_value = "info"
    )]
    pub log_level: LogLevel,

    /// How a log line looks: json, human, or auto for human on a terminal and json elsewhere.
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_enum,
        ignore_case = true,
        default_value = "auto"
    )]
    pub log_format: LogFormat,

    /// Where /metrics and /debug/state are served; 0 for nowhere. [default: :8080]
    #[arg(long, env = "METRICS_BIND_ADDRESS", value_name = "ADDRESS")]
    pub metrics_bind_address: Option<Listen>,

    /// The port alone of METRICS_BIND_ADDRESS.
    #[arg(long, env = "METRICS_PORT", value_name = "PORT", value_parser = port)]
    pub metrics_port: Option<u16>,

    #[command(flatten)]
    pub https: HttpsFlags,

    /// Where /healthz, /livez, /readyz and /ready are served; 0 for nowhere. [default: :8081]
    #[arg(long, env = "HEALTH_PROBE_BIND_ADDRESS", value_name = "ADDRESS")]
    pub health_probe_bind_address: Option<Listen>,

    /// The port alone of HEALTH_PROBE_BIND_ADDRESS.
    #[arg(long, env = "HEALTH_PROBE_PORT", value_name = "PORT", value_parser = port)]
    pub health_probe_port: Option<u16>,

    /// Whether replicas elect one leader, which alone writes. Turn off only where one replica runs.
    #[arg(long, env = "LEADER_ELECT", default_value = "true")]
    pub leader_elect: bool,

    /// The namespace of the election's Lease. [default: the Pod's namespace]
    #[arg(long, env = "LEADER_ELECTION_NAMESPACE", value_name = "NAMESPACE", value_parser = namespace)]
    pub leader_election_namespace: Option<String>,

    /// How long other replicas wait for a leader that does not renew its lease: 1s to 1h.
    #[arg(
        long, env = "LEADER_ELECTION_LEASE_DURATION", value_name = "DURATION",
        value_parser = GoDuration::between(SECOND, HOUR), default_value = "15s"
    )]
    pub leader_election_lease_duration: GoDuration,

    /// How long a leader that cannot renew its lease goes on: 1s to 1h, and less than the lease duration.
    #[arg(
        long, env = "LEADER_ELECTION_RENEW_DEADLINE", value_name = "DURATION",
        value_parser = GoDuration::between(SECOND, HOUR), default_value = "10s"
    )]
    pub leader_election_renew_deadline: GoDuration,

    /// The pause between two tries to take or renew the lease: 100ms to 1h, and less than the renew deadline / 1.2.
    #[arg(
        long, env = "LEADER_ELECTION_RETRY_PERIOD", value_name = "DURATION",
        value_parser = GoDuration::between(Duration::from_millis(100), HOUR), default_value = "2s"
    )]
    pub leader_election_retry_period: GoDuration,

    /// This replica's name in the lease and in events. [default: the host name, which is the Pod's]
    #[arg(long, env = "POD_NAME", value_name = "NAME", value_parser = pod_name, default_value = "local", hide_default_value = true)]
    pub pod_name: String,

    /// The namespace that this replica runs in. [default: as its service account says]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", value_parser = namespace)]
    pub pod_namespace: Option<String>,

    /// The namespaces to look after, separated by commas. [default: all]
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_name = "NAMESPACES",
        default_value = "",
        hide_default_value = true
    )]
    pub watch_namespaces: Namespaces,

    /// How many objects of a kind are worked on at once: 1 to 1024. When it becomes less, what is in hand is finished.
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", value_name = "COUNT", value_parser = workers, default_value = "16")]
    pub max_concurrent_reconciles: NonZeroU16,

    /// How often an object that nobody touches is compared with the outside: 10s to 24h.
    #[arg(
        long, env = "RECONCILE_INTERVAL", value_name = "DURATION",
        value_parser = GoDuration::between(10 * SECOND, DAY), default_value = "5m"
    )]
    pub reconcile_interval: GoDuration,

    /// How long one pass over an object may take: 1s to 1h. What it waits for its turn to call or to write, where
    /// these are limited, comes on top.
    #[arg(
        long, env = "RECONCILE_TIMEOUT", value_name = "DURATION",
        value_parser = GoDuration::between(SECOND, HOUR), default_value = "2m"
    )]
    pub reconcile_timeout: GoDuration,

    /// How many writes a second go to the API server, the lease's renewals aside: 1 to 10000, 0 for no limit.
    #[arg(long, env = "API_WRITE_RATE", value_name = "COUNT", value_parser = rate::rate, default_value = "100")]
    pub api_write_rate: u32,

    /// How many writes go to the API server at once after a quiet time, if there is a limit: 1 to 10000.
    #[arg(long, env = "API_WRITE_BURST", value_name = "COUNT", value_parser = rate::burst, default_value = "200")]
    pub api_write_burst: NonZeroU32,

    /// The cluster to work on. Without it: the cluster that this Pod runs in; KUBECONFIG is ignored.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// A mounted ConfigMap: each file is named by a setting's environment name and holds its value.
    #[arg(long, env = "CONFIG_DIR", value_name = "DIRECTORY")]
    pub config_dir: Option<PathBuf>,
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .map_err(|_| "a port from 1 to 65535, or 0 for no server")
}

fn workers(text: &str) -> Result<NonZeroU16, &'static str> {
    let count = text.parse().ok().filter(|count| *count <= MOST_WORKERS);
    count.ok_or("a number from 1 to 1024")
}

fn namespace(text: &str) -> Result<String, &'static str> {
    if namespaces::is_dns_label(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "the name of a namespace: at most 63 lower-case letters, digits and '-', with a letter or digit first and last",
        )
    }
}

/// A Pod's name is a DNS subdomain; a host's may hold capitals and underscores too.
fn pod_name(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=253).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("1 to 253 letters, digits, '.', '-' and '_'")
    }
}
