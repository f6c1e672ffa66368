//! What Helm tells whoever installs a chart.

use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{KUBERNETES, Links, chart, copy, helms};
use rstest::rstest;
use serde_json::{Value, json};

/// An object that says what the notes say: those of a release that is not installed Helm keeps to itself.
const SHOWN: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  notes: {{ include "operator-library.notes" . | quote }}
"#;

fn notes(values: &Value) -> Result<String> {
    let [_, helm] = helms()?;
    let folder = tempfile::tempdir()?;
    copy(&chart("cloud-operator"), folder.path(), Links::Followed)?;
    fs::write(folder.path().join("templates/shown.yaml"), SHOWN)?;
    let rendered = helm.template_of(folder.path(), KUBERNETES, "here", values)?;
    let shown = &rendered.named("ConfigMap", "notes")?["data"]["notes"];
    Ok(shown.as_str().context("a text")?.to_owned())
}

#[rstest]
#[case(json!({ "image": { "tag": "0.0.9" } }), "cloud-operator:0.0.9")]
#[case(json!({ "image": { "digest": format!("sha256:{}", "0".repeat(64)) } }), "cloud-operator@sha256:0000")]
#[case(json!({ "global": { "imageRegistry": "registry.example" } }), "registry.example/cloud-operator:")]
fn notes_name_the_image_that_runs(#[case] values: Value, #[case] image: &str) -> Result<()> {
    let notes = notes(&values)?;
    ensure!(notes.contains(image), "{notes}");
    Ok(())
}

#[rstest]
#[case(json!({ "serviceMonitor": { "enabled": true } }), true)]
#[case(json!({ "serviceMonitor": { "enabled": true }, "metrics": { "secure": false } }), false)]
#[case(json!({ "serviceMonitor": { "enabled": true }, "metrics": { "readers": [{ "namespace": "a", "name": "b" }] } }), false)]
#[case(json!({}), false)]
fn notes_warn_of_scrapes_that_nobody_may_make(
    #[case] values: Value,
    #[case] warns: bool,
) -> Result<()> {
    let notes = notes(&values)?;
    ensure!(
        notes.contains("metrics.readers is empty") == warns,
        "{notes}"
    );
    Ok(())
}
