//! The program behind a proxy, and before a store with an authority of its own.

use std::fs;

use anyhow::Result;
use crd_types::aws::v1alpha1::AWSProvider;
use harness::{Egress, TlsFront};
use serde_json::json;

use crate::{
    create,
    scene::{Scene, program::Program, ready_message},
};

/// The scene's AWS behind TLS, and a file with the authority to believe.
async fn front(scene: &Scene) -> Result<(TlsFront, tempfile::NamedTempFile)> {
    let url = scene.aws.url();
    let address = url.trim_start_matches("http://").parse()?;
    let front = TlsFront::of(address, &[]).await?;
    let bundle = tempfile::NamedTempFile::new()?;
    fs::write(bundle.path(), front.authority())?;
    Ok((front, bundle))
}

#[tokio::test]
async fn the_environments_proxy_and_bundle_are_used_and_its_password_never_shown() -> Result<()> {
    let scene = Scene::new("behind-proxy").await?;
    let (front, bundle) = front(&scene).await?;
    let egress = Egress::to(front.address()).await?;
    let proxy = format!("http://operator:canary-password@{}", egress.address());
    let (bundle, url) = (bundle.path().display().to_string(), front.url());
    let environment = [
        ("HTTPS_PROXY", &*proxy),
        ("CA_BUNDLE", &*bundle),
        ("LOG_LEVEL", "trace"),
    ];
    // The API server is reached directly, whatever the environment says of the outside.
    let allowed = format!("--allowed-endpoints={url}");
    let served = scene.program(&scene.cluster.config(), &[&allowed], &environment)?;
    scene.keys("keys", "AKIABEHINDPROXY").await?;
    let spec = json!({ "endpoint": url, "credentialsSecret": { "name": "keys" } });
    create(&scene, "account", spec).await?;
    scene.ready::<AWSProvider>("account").await?;

    let ways = egress.ways();
    assert!(!ways.is_empty());
    for way in ways {
        assert_eq!(way.target, front.address().to_string());
        assert!(way.authorization.is_some(), "with the password");
    }
    let output = served.program.output();
    assert!(
        output.contains("TRACE") || output.contains("trace"),
        "all is logged"
    );
    for secret in ["canary", "b3BlcmF0b3I6Y2FuYXJ5"] {
        assert!(!output.contains(secret), "{secret} is in the log");
    }
    Ok(())
}

#[tokio::test]
async fn without_the_bundle_the_provider_says_which_setting_is_missing() -> Result<()> {
    let scene = Scene::new("own-authority").await?;
    let (front, bundle) = front(&scene).await?;
    let allowed = format!("--allowed-endpoints={}", front.url());
    let operator = scene.operator_with(&[&allowed])?;
    scene.keys("keys", "AKIAAUTHORITY").await?;
    let spec = json!({ "endpoint": front.url(), "credentialsSecret": { "name": "keys" } });
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    for part in ["certificate", "CA_BUNDLE"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    operator.stop().await?;

    let bundle = format!("--ca-bundle={}", bundle.path().display());
    let operator = scene.operator_with(&[&allowed, &bundle])?;
    scene.ready::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn settings_of_the_way_out_that_cannot_be_used_are_named() -> Result<()> {
    let scene = Scene::new("wrong-way").await?;
    let bundle = tempfile::NamedTempFile::new()?;
    fs::write(bundle.path(), "no certificate")?;
    let file = bundle.path().display().to_string();
    let cases: [(&str, &str, &[&str]); 2] = [
        (
            "CA_BUNDLE",
            &file,
            &["CA_BUNDLE (--ca-bundle)", &file, "holds no certificate"],
        ),
        (
            "HTTPS_PROXY",
            "socks5://user:canary@proxy.example",
            &["HTTPS_PROXY (--https-proxy)", "http(s)://"],
        ),
    ];
    for (name, value, said) in cases {
        let kubeconfig = tempfile::NamedTempFile::new()?;
        scene
            .api
            .write_kubeconfig(&scene.cluster.config(), kubeconfig.path())?;
        let mut settings = scene.settings();
        settings.push(format!("--kubeconfig={}", kubeconfig.path().display()));
        let program = Program::start(&settings, &[(name, value)])?;
        assert_eq!(program.ends().await?.code(), Some(1));
        let output = program.output();
        for part in said {
            assert!(output.contains(part), "{part} in {output}");
        }
        assert!(!output.contains("canary"), "{output}");
    }
    Ok(())
}
