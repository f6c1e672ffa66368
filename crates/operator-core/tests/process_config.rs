//! Where settings come from, which one wins, and how a wrong one is refused.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    num::NonZeroU32,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use operator_core::{
    decide::{budget::Limits, lease::Timings},
    process::config::{Common, ConfigError, Inputs, Loaded, LogFormat, LogLevel, Namespaces, load},
};
use rstest::rstest;
use tempfile::TempDir;

/// An operator with settings of its own.
#[derive(Debug, Parser)]
#[command(name = "example-operator", version = "1.2.3")]
struct Settings {
    #[command(flatten)]
    common: Common,
    /// Endpoints that may be named.
    #[arg(long, env = "ALLOWED_ENDPOINTS", value_delimiter = ',')]
    allowed_endpoints: Vec<String>,
    /// Whether plain http is allowed.
    #[arg(long, env = "ALLOW_HTTP")]
    allow_http: bool,
    /// Which region.
    #[arg(long, env = "REGION")]
    region: String,
}

/// What a test gives to an operator.
#[derive(Default)]
struct Given {
    args: Vec<String>,
    env: BTreeMap<&'static str, OsString>,
    mounted: Option<TempDir>,
    facts: Vec<(&'static str, PathBuf)>,
}

impl Given {
    /// Everything without a default.
    fn enough() -> Self {
        Self::default()
            .env("REGION", "eu-west-1")
            .env("POD_NAMESPACE", "operators")
    }

    fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.insert(name, value.into());
        self
    }

    fn file(mut self, name: &str, value: &str) -> Self {
        let mounted = self.mounted.get_or_insert_with(|| TempDir::new().unwrap());
        fs::write(mounted.path().join(name), value).unwrap();
        self
    }

    fn load(&self) -> Result<Loaded<Settings>, ConfigError> {
        let mut args = vec![OsString::from("example-operator")];
        args.extend(self.args.iter().map(OsString::from));
        if let Some(mounted) = &self.mounted {
            args.extend(["--config-dir".into(), mounted.path().into()]);
        }
        load(&Inputs {
            args,
            env: &|name| self.env.get(name).cloned(),
            facts: &self.facts,
        })
    }

    fn settings(&self) -> Settings {
        self.load().unwrap().settings
    }

    fn refused(&self) -> String {
        let refused = self.load().expect_err("this should be refused");
        assert_eq!(refused.exit_code(), 2, "{refused}");
        refused.to_string()
    }
}

fn per_second(rate: u32, burst: u32) -> Limits {
    let [rate, burst] = [rate, burst].map(|count| NonZeroU32::new(count).unwrap());
    Limits::per_second(rate, burst)
}

#[test]
fn defaults_are_as_promised() {
    let Settings {
        common,
        allowed_endpoints,
        allow_http,
        ..
    } = Given::enough().settings();
    assert_eq!(
        (common.log.level, common.log.format),
        (LogLevel::Info, LogFormat::Auto)
    );
    assert_eq!(common.metrics.unwrap().to_string(), ":8080");
    assert_eq!(common.probes.unwrap().to_string(), ":8081");
    assert_eq!(common.namespaces, Namespaces::All);
    assert_eq!(common.max_concurrent_reconciles.get(), 16);
    assert_eq!(common.reconcile_interval, Duration::from_secs(300));
    assert_eq!(common.reconcile_timeout, Duration::from_secs(120));
    assert_eq!(common.api_writes, Some(per_second(100, 200)));
    assert_eq!(common.kubeconfig, None);
    let election = common.election.unwrap();
    assert_eq!(election.namespace, "operators");
    assert_eq!(election.timings, Timings::default());
    assert!(allowed_endpoints.is_empty() && !allow_http);
}

#[rstest]
#[case(Some("error"), Some("warn"), Some("debug"), LogLevel::Error)]
#[case(None, Some("warn"), Some("debug"), LogLevel::Warn)]
#[case(None, None, Some("debug"), LogLevel::Debug)]
#[case(None, None, None, LogLevel::Info)]
#[case(Some("error"), None, Some("debug"), LogLevel::Error)]
#[case(Some("error"), Some("warn"), None, LogLevel::Error)]
#[case(None, Some("  "), Some("debug"), LogLevel::Debug)]
#[case(None, Some("WARN"), None, LogLevel::Warn)]
#[case(None, None, Some("Trace\n"), LogLevel::Trace)]
fn flag_wins_over_environment_over_file_over_default(
    #[case] flag: Option<&str>,
    #[case] env: Option<&str>,
    #[case] file: Option<&str>,
    #[case] expected: LogLevel,
) {
    let mut given = Given::enough();
    if let Some(flag) = flag {
        given = given.arg("--log-level").arg(flag);
    }
    if let Some(env) = env {
        given = given.env("LOG_LEVEL", env);
    }
    if let Some(file) = file {
        given = given.file("LOG_LEVEL", file);
    }
    assert_eq!(given.settings().common.log.level, expected);
}

#[test]
fn an_operators_own_settings_have_the_same_sources() {
    let given = Given::default()
        .env("POD_NAMESPACE", "operators")
        .file("REGION", "eu-central-1\n")
        .file("ALLOWED_ENDPOINTS", "http://a,http://b")
        .file("ALLOW_HTTP", "yes");
    let settings = given.settings();
    assert_eq!(settings.region, "eu-central-1");
    assert_eq!(settings.allowed_endpoints, ["http://a", "http://b"]);
    assert!(settings.allow_http);

    let given = given
        .env("REGION", "us-east-1")
        .arg("--allow-http=off")
        .arg("--allowed-endpoints=http://c");
    let settings = given.settings();
    assert_eq!(settings.region, "us-east-1");
    assert_eq!(settings.allowed_endpoints, ["http://c"]);
    assert!(!settings.allow_http);
}

#[rstest]
fn booleans_are_read_as_go_and_shells_write_them(
    #[values(
        "true", "1", "T", "Yes", "ON", "y", "False", "0", "f", "no", "Off", "N"
    )]
    text: &str,
) {
    let expected = ["true", "1", "t", "yes", "on", "y"].contains(&text.to_lowercase().as_str());
    let settings = Given::enough()
        .env("LEADER_ELECT", text)
        .env("ALLOW_HTTP", text)
        .settings();
    assert_eq!(settings.common.election.is_some(), expected);
    assert_eq!(settings.allow_http, expected);
}

#[test]
fn a_boolean_flag_needs_no_value() {
    let given = Given::enough().env("LEADER_ELECT", "false");
    let settings = given.arg("--leader-elect").arg("--allow-http").settings();
    assert!(settings.common.election.is_some() && settings.allow_http);
}

#[test]
fn settings_mean_what_they_say() {
    let given = Given::enough()
        .env("METRICS_BIND_ADDRESS", "0")
        .env("HEALTH_PROBE_PORT", "9090")
        .env("LEADER_ELECTION_NAMESPACE", "leases")
        .env("WATCH_NAMESPACES", "team-b, team-a")
        .env("MAX_CONCURRENT_RECONCILES", "1024")
        .env("RECONCILE_INTERVAL", "1h30m")
        .env("RECONCILE_TIMEOUT", "1.5s")
        .env("API_WRITE_RATE", "10000")
        .env("API_WRITE_BURST", "1")
        .env("POD_NAME", "example-0")
        .arg("--kubeconfig=/tmp/kubeconfig");
    let common = given.settings().common;
    assert_eq!(common.metrics, None);
    assert_eq!(common.probes.unwrap().to_string(), ":9090");
    assert_eq!(common.election.unwrap().namespace, "leases");
    let teams = ["team-a".to_owned(), "team-b".to_owned()];
    assert_eq!(common.namespaces, Namespaces::Only(teams.into()));
    assert_eq!(common.max_concurrent_reconciles.get(), 1024);
    assert_eq!(common.reconcile_interval, Duration::from_secs(5400));
    assert_eq!(common.reconcile_timeout, Duration::from_millis(1500));
    assert_eq!(common.api_writes, Some(per_second(10_000, 1)));
    assert_eq!(common.pod_name, "example-0");
    assert_eq!(
        common.kubeconfig.as_deref(),
        Some(Path::new("/tmp/kubeconfig"))
    );
}

#[test]
fn writes_without_a_limit_are_asked_for_by_a_rate_of_zero() {
    let given = Given::enough()
        .env("API_WRITE_RATE", "0")
        .env("API_WRITE_BURST", "5");
    assert_eq!(given.settings().common.api_writes, None);
}

const BOOLEAN: &str = "true, t, 1, yes, y, on, false, f, 0, no, n or off, in any case";
const ADDRESS: &str = ":port, host:port, [ipv6]:port, or 0 for no server";
const PORT: &str = "a port from 1 to 65535, or 0 for no server";
const NAMESPACE: &str = "the name of a namespace: at most 63 lower-case letters, digits and '-', \
                         with a letter or digit first and last";
const NAMESPACES: &str = "a comma-separated list of namespaces, each of at most 63 lower-case letters, digits and '-', \
     with a letter or digit first and last; leave it unset for all namespaces";
const UP_TO_AN_HOUR: &str = "a duration such as 90s, 5m, 1h30m or 1.5s, from 1s to 1h";

#[rstest]
#[case("LOG_LEVEL", "loud", "error, warn, info, debug, trace")]
#[case("LOG_FORMAT", "xml", "auto, json, human")]
#[case("METRICS_BIND_ADDRESS", "8080", ADDRESS)]
#[case("METRICS_PORT", "65536", PORT)]
#[case("HEALTH_PROBE_BIND_ADDRESS", "::1:1", ADDRESS)]
#[case("HEALTH_PROBE_PORT", ":8081", PORT)]
#[case("LEADER_ELECT", "maybe", BOOLEAN)]
#[case("LEADER_ELECTION_NAMESPACE", "A", NAMESPACE)]
#[case("LEADER_ELECTION_LEASE_DURATION", "15", UP_TO_AN_HOUR)]
#[case("LEADER_ELECTION_RENEW_DEADLINE", "0", UP_TO_AN_HOUR)]
#[case(
    "LEADER_ELECTION_RETRY_PERIOD",
    "1ms",
    "a duration such as 90s, 5m, 1h30m or 1.5s, from 0.1s to 1h"
)]
#[case("POD_NAME", "a b", "1 to 253 letters, digits, '.', '-' and '_'")]
#[case("POD_NAMESPACE", "a.b", NAMESPACE)]
#[case("WATCH_NAMESPACES", "a,B", NAMESPACES)]
#[case("MAX_CONCURRENT_RECONCILES", "0", "a number from 1 to 1024")]
#[case("MAX_CONCURRENT_RECONCILES", "1025", "a number from 1 to 1024")]
#[case(
    "RECONCILE_INTERVAL",
    "9s",
    "a duration such as 90s, 5m, 1h30m or 1.5s, from 10s to 24h"
)]
#[case("RECONCILE_TIMEOUT", "2 minutes", UP_TO_AN_HOUR)]
#[case(
    "API_WRITE_RATE",
    "10001",
    "a number from 1 to 10000, or 0 for no limit"
)]
#[case("API_WRITE_RATE", "0.5", "a number from 1 to 10000, or 0 for no limit")]
#[case("API_WRITE_BURST", "0", "a number from 1 to 10000")]
#[case("API_WRITE_BURST", "10001", "a number from 1 to 10000")]
#[case("ALLOW_HTTP", "si", BOOLEAN)]
fn a_wrong_value_is_refused_wherever_it_comes_from(
    #[case] name: &'static str,
    #[case] value: &str,
    #[case] allowed: &str,
) {
    let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
    let text = |origin: &str| {
        format!("{name} ({flag}): {value:?} {origin} is not allowed; allowed: {allowed}")
    };

    let by_flag = Given::enough().arg(format!("{flag}={value}"));
    assert_eq!(by_flag.refused(), text("on the command line"));

    let by_env = Given::enough().env(name, value);
    assert_eq!(by_env.refused(), text("in the environment"));

    let mut by_file = Given::enough().file(name, value);
    by_file.env.remove(name);
    let file = by_file.mounted.as_ref().unwrap().path().join(name);
    assert_eq!(
        by_file.refused(),
        text(&format!("in the file {}", file.display()))
    );
}

#[test]
fn the_value_in_use_is_judged_and_no_other() {
    let given = Given::enough()
        .env("LOG_LEVEL", "loud")
        .arg("--log-level=quiet");
    assert!(given.refused().contains("\"quiet\" on the command line"));
    let given = Given::enough()
        .env("LOG_LEVEL", "loud")
        .arg("--log-level=warn");
    assert_eq!(given.settings().common.log.level, LogLevel::Warn);
}

#[rstest]
#[case(
    &[("METRICS_BIND_ADDRESS", ":1"), ("METRICS_PORT", "2")],
    "METRICS_BIND_ADDRESS is :1 but METRICS_PORT is 2: set one of them, or both to the same port"
)]
#[case(
    &[("HEALTH_PROBE_BIND_ADDRESS", "0"), ("HEALTH_PROBE_PORT", "2")],
    "HEALTH_PROBE_BIND_ADDRESS is 0 but HEALTH_PROBE_PORT is 2: set one of them, or both to the same port"
)]
#[case(
    &[("LEADER_ELECTION_LEASE_DURATION", "15.5s")],
    "LEADER_ELECTION_LEASE_DURATION (--leader-election-lease-duration): the lease duration is 15.5s: it \
     must be whole seconds, from 1s to 2147483647s"
)]
#[case(
    &[("LEADER_ELECTION_RENEW_DEADLINE", "15s")],
    "LEADER_ELECTION_RENEW_DEADLINE (--leader-election-renew-deadline): the renew deadline is 15s: it must \
     be shorter than the lease duration, 15s, so that a leader that cannot renew stops before another one \
     starts"
)]
#[case(
    &[("LEADER_ELECTION_RETRY_PERIOD", "8.5s")],
    "LEADER_ELECTION_RETRY_PERIOD (--leader-election-retry-period): the retry period is 8.5s: it must be \
     longer than 0s, and 1.2 times it must be shorter than the renew deadline, 10s"
)]
#[case(
    &[("POD_NAMESPACE", "")],
    "the namespace of the leader election is not known: set LEADER_ELECTION_NAMESPACE \
     (--leader-election-namespace) or POD_NAMESPACE (--pod-namespace), or turn the election off by \
     LEADER_ELECT=false (--leader-elect=false) if only one replica runs"
)]
fn contradictions_are_refused(#[case] env: &[(&'static str, &str)], #[case] expected: &str) {
    let given = env.iter().fold(Given::enough(), |given, (name, value)| {
        given.env(name, value)
    });
    assert_eq!(given.refused(), expected);
}

#[test]
fn an_alias_may_repeat_what_the_address_says() {
    let given = Given::enough()
        .env("METRICS_BIND_ADDRESS", "127.0.0.1:1")
        .arg("--metrics-port=1");
    assert_eq!(
        given.settings().common.metrics.unwrap().to_string(),
        "127.0.0.1:1"
    );
}

#[test]
fn a_missing_setting_is_named() {
    let expected =
        "REGION (--region) must be set: by flag, in the environment or in the mounted ConfigMap";
    assert_eq!(
        Given::default().env("POD_NAMESPACE", "x").refused(),
        expected
    );
}

#[test]
fn an_unknown_flag_is_refused() {
    assert!(
        Given::enough()
            .arg("--log-levl=info")
            .refused()
            .contains("--log-levl")
    );
}

#[test]
fn a_value_that_is_not_text_is_refused() {
    let mut given = Given::enough();
    given
        .env
        .insert("LOG_LEVEL", OsString::from_vec(vec![0xff]));
    let expected = "LOG_LEVEL (--log-level): the value in the environment is not UTF-8 text";
    assert_eq!(given.refused(), expected);
}

#[test]
fn files_that_no_setting_is_named_after_are_told() {
    let given = Given::enough()
        .file("LOG_LEVL", "debug")
        .file("CONFIG_DIR", "/x")
        .file("KUBECONFIG", "/y");
    // As the kubelet mounts a ConfigMap: links to a folder that is behind a link.
    let mounted = given.mounted.as_ref().unwrap().path();
    fs::create_dir(mounted.join("..2026")).unwrap();
    fs::write(mounted.join("..2026/LOG_LEVEL"), "debug").unwrap();
    std::os::unix::fs::symlink("..2026", mounted.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/LOG_LEVEL", mounted.join("LOG_LEVEL")).unwrap();

    let loaded = given.load().unwrap();
    assert_eq!(loaded.settings.common.log.level, LogLevel::Debug);
    let told = loaded
        .warnings
        .iter()
        .map(|warning| warning.file.file_name().unwrap());
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["CONFIG_DIR", "KUBECONFIG", "LOG_LEVL"]
    );
    assert!(
        loaded.warnings[2]
            .to_string()
            .contains("LOG_LEVL has no effect")
    );
}

#[test]
fn the_config_map_may_be_named_in_the_environment_and_must_be_readable() {
    let mounted = TempDir::new().unwrap();
    fs::write(mounted.path().join("LOG_LEVEL"), "debug").unwrap();
    let given = Given::enough().env("CONFIG_DIR", mounted.path().to_str().unwrap());
    assert_eq!(given.settings().common.log.level, LogLevel::Debug);

    let refused = Given::enough()
        .env("CONFIG_DIR", "/does/not/exist")
        .refused();
    let expected = "CONFIG_DIR (--config-dir): cannot read /does/not/exist: ";
    assert!(refused.starts_with(expected), "{refused}");

    fs::create_dir(mounted.path().join("LOG_FORMAT")).unwrap();
    let refused = given.refused();
    assert!(refused.contains("LOG_FORMAT: "), "{refused}");
}

#[test]
fn the_machine_is_asked_last() {
    let machine = TempDir::new().unwrap();
    let namespace = machine.path().join("namespace");
    fs::write(&namespace, "from-service-account").unwrap();
    let mut given = Given::default().env("REGION", "eu-west-1");
    given.facts = vec![
        ("POD_NAMESPACE", namespace),
        ("POD_NAME", machine.path().join("missing")),
    ];
    let common = given.settings().common;
    assert_eq!(common.election.unwrap().namespace, "from-service-account");
    assert_eq!(common.pod_name, "local");

    let common = given.file("POD_NAMESPACE", "from-file").settings().common;
    assert_eq!(common.pod_namespace.as_deref(), Some("from-file"));
}

#[test]
fn help_explains_every_setting_with_its_true_default() {
    let given = Given::default()
        .env("LOG_LEVEL", "canary")
        .env("RECONCILE_INTERVAL", "7m");
    let help = given.arg("--help").load().unwrap_err();
    assert!(matches!(help, ConfigError::Information(_)));
    assert_eq!(help.exit_code(), 0);
    let help = help.to_string();
    assert!(!help.contains("canary") && !help.contains("7m"), "{help}");
    let names = "LOG_LEVEL LOG_FORMAT METRICS_BIND_ADDRESS METRICS_PORT HEALTH_PROBE_BIND_ADDRESS \
                 HEALTH_PROBE_PORT LEADER_ELECT LEADER_ELECTION_NAMESPACE \
                 LEADER_ELECTION_LEASE_DURATION LEADER_ELECTION_RENEW_DEADLINE \
                 LEADER_ELECTION_RETRY_PERIOD POD_NAME POD_NAMESPACE WATCH_NAMESPACES \
                 MAX_CONCURRENT_RECONCILES RECONCILE_INTERVAL RECONCILE_TIMEOUT API_WRITE_RATE \
                 API_WRITE_BURST \
                 CONFIG_DIR ALLOWED_ENDPOINTS ALLOW_HTTP REGION";
    for name in names.split_whitespace() {
        assert!(
            help.contains(&format!("[env: {name}]")),
            "{name} is not in\n{help}"
        );
        let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
        assert!(help.contains(&flag), "{flag} is not in\n{help}");
    }
    for default in [
        "info", ":8080", ":8081", "15s", "10s", "2s", "16", "5m", "2m", "100", "200", "true",
        "auto",
    ] {
        let default = format!("[default: {default}]");
        assert!(help.contains(&default), "{default} is not in\n{help}");
    }

    assert!(
        help.contains("Which region [env: REGION] [required]"),
        "{help}"
    );
    assert!(
        help.contains("taken from its flag, else from the environment"),
        "{help}"
    );

    let version = Given::default().arg("--version").load().unwrap_err();
    assert_eq!(
        (version.to_string().trim(), version.exit_code()),
        ("example-operator 1.2.3", 0)
    );
}
