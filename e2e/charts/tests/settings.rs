//! What an operator makes of the environment and the ConfigMap that its chart gives it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use charts::matrix::{UMBRELLA, WATCHED, cases};
use charts::{Rendered, helms};
use operator_core::decide::lease::Timings;
use operator_core::process::config::{Inputs, LogLevel, Namespaces, load};
use operator_core::process::program::Program;
use rstest::rstest;
use serde_json::{Value, json};

/// What the downward API would say.
const FIELDS: [(&str, &str); 3] = [
    ("metadata.name", "operator-0"),
    ("metadata.namespace", "here"),
    ("status.podIP", "10.0.0.7"),
];

/// The settings of the rendered container. Files that are mounted are not there.
fn settings<P: Program>(rendered: &Rendered) -> Result<P> {
    let folder = tempfile::tempdir()?;
    let config_map = rendered
        .kind("ConfigMap")
        .find(|it| it["metadata"]["name"] == rendered_name(rendered));
    let data = config_map.context("a ConfigMap")?["data"].as_object();
    for (name, value) in data.context("data")? {
        fs::write(folder.path().join(name), value.as_str().context("a text")?)?;
    }
    let mut env = BTreeMap::new();
    for variable in rendered.container()?["env"].as_array().context("a list")? {
        let name = variable["name"].as_str().context("a name")?;
        let field = &variable["valueFrom"]["fieldRef"]["fieldPath"];
        let given = FIELDS.iter().find(|(path, _)| field == path);
        let value = match given {
            Some((_, value)) => (*value).into(),
            None if name == "CONFIG_DIR" => folder.path().to_owned().into_os_string(),
            None => variable["value"].as_str().context("a value")?.into(),
        };
        let twice = env.insert(name.to_owned(), value).is_some();
        ensure!(!twice, "{name} is given twice");
    }
    let args = rendered.container()?["args"]
        .as_array()
        .into_iter()
        .flatten();
    let args = args.filter_map(|arg| arg.as_str()).map(OsString::from);
    let loaded = load::<P>(&Inputs {
        args: [OsString::from("operator")]
            .into_iter()
            .chain(args)
            .collect(),
        env: &|name| env.get(name).cloned(),
        facts: &[],
    })?;
    ensure!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    Ok(loaded.settings)
}

fn rendered_name(rendered: &Rendered) -> &str {
    let deployment = rendered
        .only("Deployment")
        .map(|it| &it["metadata"]["name"]);
    deployment
        .ok()
        .and_then(|name| name.as_str())
        .unwrap_or_default()
}

#[test]
fn every_case_gives_settings_that_the_operator_takes() -> Result<()> {
    let [_, helm] = helms()?;
    for case in cases() {
        // Files that only a Pod has are told by the start's check.
        let mounts = ["mounted", "cert-manager", "of AWS"]
            .iter()
            .any(|it| case.name.contains(it));
        let check = |checked: Result<(), String>| match mounts {
            true => Ok(()),
            false => checked.map_err(anyhow::Error::msg),
        };
        let rendered = helm.template(case.chart, "here", &case.values)?;
        let taken = match case.chart {
            "cloud-operator" => {
                settings::<cloud_operator::Config>(&rendered).and_then(|it| check(it.check()))
            }
            "apigw-operator" => {
                settings::<apigw_operator::Config>(&rendered).and_then(|it| check(it.check()))
            }
            UMBRELLA => continue,
            other => bail!("nobody knows the settings of {other}"),
        };
        taken.with_context(|| format!("{case:?}"))?;
    }
    Ok(())
}

#[test]
fn defaults_of_the_charts_are_those_of_the_operators() -> Result<()> {
    let [_, helm] = helms()?;
    let rendered = helm.template("cloud-operator", "here", &json!({}))?;
    let given: cloud_operator::Config = settings(&rendered)?;
    let own = load::<cloud_operator::Config>(&Inputs {
        args: vec!["cloud-operator".into()],
        env: &|name| (name == "POD_NAMESPACE").then(|| "here".into()),
        facts: &[("POD_NAME", "/proc/sys/kernel/hostname".into())],
    })?
    .settings;
    assert_eq!(given.common.election, own.common.election);
    assert_eq!(
        given.common.reconcile_interval,
        own.common.reconcile_interval
    );
    assert_eq!(given.common.metrics, own.common.metrics);
    assert_eq!(given.common.probes, own.common.probes);
    assert_eq!(given.drift_interval, own.drift_interval);
    assert_eq!(given.aws_call_rate, own.aws_call_rate);
    assert_eq!(
        given.ambient_credentials_namespaces,
        own.ambient_credentials_namespaces
    );
    let authority = |config: &cloud_operator::Config| {
        let authority = config.common.serving_authority(cloud_operator::NAME);
        authority.map(|it| it.map(|it| (it.secret, it.names)))
    };
    assert_eq!(authority(&given), authority(&own));
    Ok(())
}

#[test]
fn values_reach_the_operator() -> Result<()> {
    let [_, helm] = helms()?;
    let values = json!({
        "watchNamespaces": [WATCHED, "b"], "log": { "level": "debug" }, "reconcileInterval": "7m",
        "leaderElection": { "leaseDuration": "30s", "renewDeadline": "20s", "retryPeriod": "3s" }, "metrics": { "enabled": false },
        "featureGates": { "AdmissionWebhooks": false }, "aws": { "callRate": 2000 }, "installationId": "one",
        "proxy": { "none": ["a", "b"] }, "defaultDeletionPolicy": "Orphan",
        "webIdentity": { "enabled": true, "roleArn": "arn:aws:iam::1:role/r" },
    });
    let rendered = helm.template("cloud-operator", "here", &values)?;
    let config: cloud_operator::Config = settings(&rendered)?;
    let namespaces = Namespaces::Only([WATCHED, "b"].map(str::to_owned).into());
    assert_eq!(config.common.namespaces, namespaces);
    assert_eq!(config.common.log.level, LogLevel::Debug);
    assert_eq!(config.common.reconcile_interval, Duration::from_secs(420));
    let timings = config.common.election.as_ref().map(|it| it.timings);
    let seconds = [30, 20, 3].map(Duration::from_secs);
    assert_eq!(
        timings,
        Some(Timings::new(seconds[0], seconds[1], seconds[2])?)
    );
    assert_eq!(config.common.metrics, None);
    assert!(!config.feature_gates.is_on(&operator_gate()));
    assert_eq!(config.aws_call_rate, 2000);
    assert_eq!(config.no_proxy, "a,b");
    assert_eq!(
        config.installation.configured.map(|it| it.to_string()),
        Some("one".to_owned())
    );
    assert_eq!(
        config.web_identity_role_arn.as_deref(),
        Some("arn:aws:iam::1:role/r")
    );
    // Where the token is mounted is where it is read.
    let mounts = rendered.container()?["volumeMounts"]
        .as_array()
        .context("a list")?;
    let token = config.web_identity_token_file.context("a file")?;
    ensure!(
        mounts.iter().any(|it| it["mountPath"]
            .as_str()
            .is_some_and(|path| token.starts_with(path))),
        "{mounts:?}"
    );

    let values = json!({
        "grpc": { "port": 19444, "requireClientCert": false, "tls": {
            "gatewayCertSecrets": [{ "name": "x" }, { "namespace": "g", "name": "y" }], "extraDnsNames": ["gw.example.org"],
        } },
    });
    let rendered = helm.template("apigw-operator", "here", &values)?;
    let config: apigw_operator::Config = settings(&rendered)?;
    assert!(!config.grpc_require_client_cert);
    assert_eq!(config.pod_ip, Some("10.0.0.7".parse()?));
    let authority = config.self_signed()?;
    assert_eq!(
        authority.secret.to_string(),
        "here/avapigw-operator-grpc-cert"
    );
    let names: Vec<_> = authority
        .names
        .all()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(names.contains(&"gw.example.org".to_owned()), "{names:?}");
    assert!(
        names.contains(&"avapigw-operator.here.svc".to_owned()),
        "{names:?}"
    );
    let clients: Vec<_> = authority
        .clients
        .iter()
        .map(|it| it.secret.to_string())
        .collect();
    assert_eq!(clients, ["here/x", "g/y"]);
    Ok(())
}

#[test]
fn without_an_election_no_two_pods_run() -> Result<()> {
    let [_, helm] = helms()?;
    let values = json!({ "leaderElection": { "enabled": false } });
    let rendered = helm.template("cloud-operator", "here", &values)?;
    let config: cloud_operator::Config = settings(&rendered)?;
    assert_eq!(config.common.election, None);
    let deployment = &rendered.only("Deployment")?["spec"];
    assert_eq!(deployment["replicas"], 1);
    assert_eq!(deployment["strategy"], json!({ "type": "Recreate" }));
    Ok(())
}

/// A duration's value and flag, what has to stand beside it, what is just allowed and what just not, and the end of the range.
#[rstest]
#[case("driftInterval", "--drift-interval", json!({}), ["10s", "168h"], ["9999ms", "168h1ms"], "168h")]
#[case("sweepInterval", "--sweep-interval", json!({}), ["1m", "168h"], ["59.9s", "168.1h"], "168h")]
#[case("reconcileInterval", "--reconcile-interval", json!({}), ["10s", "24h"], ["9s", "1440m1s"], "24h")]
#[case("reconcileTimeout", "--reconcile-timeout", json!({}), ["1s", "1h"], ["999999us", "61m"], "1h")]
#[case("leaderElection.leaseDuration", "--leader-election-lease-duration",
    json!({ "renewDeadline": "1s", "retryPeriod": "100ms" }), ["2s", "1h"], ["500ms", "3601s"], "1h")]
#[case("leaderElection.renewDeadline", "--leader-election-renew-deadline",
    json!({ "leaseDuration": "1h", "retryPeriod": "100ms" }), ["1s", "59m59s"], ["0.9s", "2h"], "1h")]
#[case("leaderElection.retryPeriod", "--leader-election-retry-period",
    json!({ "leaseDuration": "1h", "renewDeadline": "59m" }), ["100ms", "49m"], ["99ms", "1h1s"], "1h")]
fn durations_are_allowed_as_far_as_the_operator_takes_them(
    #[case] path: &str,
    #[case] flag: &str,
    #[case] election: Value,
    #[case] within: [&str; 2],
    #[case] beyond: [&str; 2],
    #[case] longest: &str,
) -> Result<()> {
    let [_, helm] = helms()?;
    let render = |duration: &str| {
        let mut values = json!({ "leaderElection": election });
        let place = path.split('.').fold(&mut values, |it, name| &mut it[name]);
        *place = json!(duration);
        helm.template("cloud-operator", "here", &values)
    };
    for duration in within {
        settings::<cloud_operator::Config>(&render(duration)?).context(duration.to_owned())?;
    }
    for duration in beyond {
        let refused = render(duration).err().context(duration.to_owned())?;
        let said = format!("{refused:#}");
        let named = format!("{path} is {duration}: ");
        ensure!(said.contains(&named), "{named} is not in: {said}");
        ensure!(
            said.contains(&format!(" to {longest} is allowed")),
            "{said}"
        );
        // A flag counts in place of what the chart says.
        let values = json!({ "extraArgs": [format!("{flag}={duration}")] });
        let rendered = helm.template("cloud-operator", "here", &values)?;
        let taken = settings::<cloud_operator::Config>(&rendered);
        let said = format!("{:#}", taken.err().context(duration.to_owned())?);
        ensure!(said.contains(&format!(" to {longest}")), "{said}");
    }
    Ok(())
}

fn operator_gate() -> operator_core::process::config::Gate {
    operator_core::process::config::Gate {
        name: "AdmissionWebhooks",
        default: true,
        meaning: "",
    }
}
