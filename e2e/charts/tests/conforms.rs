//! What charts make and examples show, as kubeconform takes it: every kind known, and every field of it.

use std::fs;

use anyhow::{Context, Result, ensure};
use charts::matrix::cases;
use charts::{Kubeconform, Rendered, helms, others, root};
use harness::ControlPlane;
use serde_json::json;

#[tokio::test]
async fn kubeconform_finds_nothing_wrong_and_would() -> Result<()> {
    let own = ControlPlane::start().await?;
    let mut definitions = others::definitions()?;
    definitions.extend(crd_types::crds());
    let kubeconform = Kubeconform::new(&own, &definitions)?;
    own.stop().await;

    let [_, helm] = helms()?;
    let made = cases().into_iter().map(|case| {
        let rendered = helm.template(case.chart, "here", &case.values)?;
        Ok((format!("{} with {}", case.chart, case.name), rendered))
    });
    kubeconform.check(&made.collect::<Result<Vec<_>>>()?)?;
    kubeconform.check(&examples()?)?;

    let values = json!({ "affinity": { "nodeAfinity": {} } });
    let of_kubernetes = helm.template("cloud-operator", "here", &values)?;
    let monitor = json!({ "enabled": true, "relabelings": [{ "targetLable": "pod" }] });
    let of_others = helm.template(
        "cloud-operator",
        "here",
        &json!({ "serviceMonitor": monitor }),
    )?;
    let bucket = json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket", "metadata": { "name": "data" },
        "spec": { "providerRef": { "name": "account" }, "bucktName": "users-data" },
    });
    let stranger = json!({
        "apiVersion": "example.org/v1", "kind": "Stranger", "metadata": { "name": "unknown" },
    });
    for (wrong, words) in [
        (of_kubernetes, "nodeAfinity"),
        (of_others, "targetLable"),
        (Rendered::of(&bucket.to_string())?, "bucktName"),
        (Rendered::of(&stranger.to_string())?, "Stranger"),
    ] {
        let found = kubeconform.check(&[("wrong".to_owned(), wrong)]);
        let said = format!("{:#}", found.err().context(words)?);
        ensure!(said.contains(words), "{words} is not in: {said}");
    }
    Ok(())
}

/// What the project shows to users.
fn examples() -> Result<Vec<(String, Rendered)>> {
    let mut found = Vec::new();
    for folder in ["aws", "apigw"] {
        for entry in fs::read_dir(root().join("examples").join(folder))? {
            let file = entry?.path();
            let name = file.file_stem().context("a name")?.to_string_lossy();
            let rendered = Rendered::of(&fs::read_to_string(&file)?)
                .with_context(|| format!("{}", file.display()))?;
            found.push((format!("{folder} {name}"), rendered));
        }
    }
    Ok(found)
}
