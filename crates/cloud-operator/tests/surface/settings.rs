//! What the program says about its settings before it does anything.

use anyhow::Result;
use clap::CommandFactory;
use cloud_operator::Config;

use crate::scene::program::Program;

async fn refused(settings: &[&str], environment: &[(&str, &str)]) -> Result<String> {
    let settings: Vec<String> = settings.iter().map(|&it| it.to_owned()).collect();
    let program = Program::start(&settings, environment)?;
    let status = program.ends().await?;
    let output = program.output();
    assert_eq!(status.code(), Some(2), "{output}");
    Ok(output)
}

#[tokio::test]
async fn a_wrong_value_is_refused_with_the_setting_the_value_and_what_is_allowed() -> Result<()> {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 8] = [
        (
            &[],
            &[("LOG_LEVEL", "loud")],
            "LOG_LEVEL (--log-level): \"loud\" in the environment is not allowed; allowed: error, warn, info, debug, trace",
        ),
        (
            &["--reconcile-interval=5"],
            &[],
            "RECONCILE_INTERVAL (--reconcile-interval): \"5\" on the command line is not allowed",
        ),
        (
            &[],
            &[("RECONCILE_INTERVAL", "1s")],
            "RECONCILE_INTERVAL (--reconcile-interval): \"1s\" in the environment is not allowed; allowed: ",
        ),
        (
            &[],
            &[("ALLOWED_ENDPOINTS", "ftp://x")],
            "ALLOWED_ENDPOINTS (--allowed-endpoints): \"ftp://x\" in the environment is not allowed",
        ),
        (
            &["--leader-elect=false"],
            &[
                ("METRICS_BIND_ADDRESS", "127.0.0.1:1"),
                ("METRICS_PORT", "2"),
            ],
            "METRICS_BIND_ADDRESS is 127.0.0.1:1 but METRICS_PORT is 2",
        ),
        (
            &["--leader-elect=false", "--health-probe-bind-address=0"],
            &[("HEALTH_PROBE_PORT", "8081")],
            "HEALTH_PROBE_BIND_ADDRESS is 0 but HEALTH_PROBE_PORT is 8081",
        ),
        (
            &["--feature-gates=Traces=false,Sweep=true"],
            &[],
            "FEATURE_GATES (--feature-gates): \"Traces=false,Sweep=true\" on the command line is not allowed; allowed: \
             a comma-separated list of DebugState=true|false, Traces=true|false, AdmissionWebhooks=true|false",
        ),
        (&["--no-such-setting"], &[], "--no-such-setting"),
    ];
    for (settings, environment, expected) in cases {
        let output = refused(settings, environment).await?;
        assert!(output.contains(expected), "{expected}\n{output}");
        assert!(output.contains("--help"), "{output}");
    }
    Ok(())
}

#[tokio::test]
async fn help_explains_every_setting() -> Result<()> {
    let program = Program::start(&["--help".to_owned()], &[])?;
    assert_eq!(program.ends().await?.code(), Some(0));
    let help = program.output();
    let command = Config::command();
    let settings: Vec<_> = command.get_arguments().collect();
    assert!(settings.len() >= 20, "{}", settings.len());
    for setting in settings {
        let flag = format!(
            "--{}",
            setting.get_long().expect("every setting has a flag")
        );
        // The entry reaches to the next flag.
        let entry = help.split("\n      --").find(|entry| {
            let name = entry.split([' ', '\n', '[', '=']).next();
            name == flag.strip_prefix("--")
        });
        let entry = entry.unwrap_or_else(|| panic!("{flag} is not in\n{help}"));
        assert!(
            entry.lines().count() > 1 || entry.len() > 60,
            "{flag}: {entry}"
        );
        if let Some(name) = setting.get_env().and_then(|name| name.to_str()) {
            assert!(entry.contains(&format!("[env: {name}]")), "{flag}: {entry}");
        }
    }
    for taken in ["the environment", "CONFIG_DIR"] {
        assert!(help.contains(taken), "{help}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_cluster_it_says_how_to_name_one() -> Result<()> {
    let settings = ["--leader-elect=false".to_owned()];
    let program = Program::start(&settings, &[("KUBECONFIG", "/dev/null")])?;
    assert_eq!(program.ends().await?.code(), Some(1));
    let output = program.output();
    assert!(output.contains("--kubeconfig FILE"), "{output}");
    assert!(output.contains("KUBECONFIG is ignored"), "{output}");
    Ok(())
}
