//! Definitions go forward with the charts, and not back: users' fields outlive a rollback.

mod stage;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::matrix::OPERATORS;
use charts::{Helm, KUBERNETES, Rendered, chart, helms};
use harness::ControlPlane;
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::Api;
use serde_json::{Value, json};
use stage::{GROUP, Stage, VERSION, later, padded};

#[test]
fn each_definition_says_its_version_and_is_held_by_policies() -> Result<()> {
    let [_, helm] = helms()?;
    for name in OPERATORS {
        let on = |kubernetes: &str, values: &Value| {
            helm.template_of(&chart(name), kubernetes, "here", values)
        };
        let rendered = on(KUBERNETES, &json!({}))?;
        let definition = rendered
            .kind("CustomResourceDefinition")
            .next()
            .context("a definition")?;
        let group = definition["spec"]["group"].as_str().context("a group")?;
        for definition in rendered.kind("CustomResourceDefinition") {
            assert_eq!(definition["spec"]["group"], group);
            assert_eq!(definition["metadata"]["annotations"][VERSION], padded());
        }
        for policy in policies(&rendered) {
            assert_eq!(policy["metadata"]["name"], format!("definitions.{group}"));
            let kept = &policy["metadata"]["annotations"]["helm.sh/resource-policy"];
            assert_eq!(kept, "keep", "as long as the definitions are");
            if let Some(conditions) = policy["spec"].get("matchConditions") {
                let about = format!("object.spec.group == \"{group}\"");
                assert_eq!(conditions[0]["expression"], about);
            } else {
                assert_eq!(policy["spec"]["policyName"], policy["metadata"]["name"]);
            }
        }
        assert_eq!(policies(&rendered).count(), 4);
        // Before that the API server knows no other policy.
        assert_eq!(policies(&on("1.35.9", &json!({}))?).count(), 2);
        let elsewhere = on(KUBERNETES, &json!({ "crds": { "install": false } }))?;
        assert_eq!(policies(&elsewhere).count(), 0);
    }
    Ok(())
}

/// Policies and their bindings.
fn policies(rendered: &Rendered) -> impl Iterator<Item = &Value> {
    rendered.all().filter(|object| {
        object["kind"]
            .as_str()
            .is_some_and(|kind| kind.contains("AdmissionPolicy"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_by_helm_3_takes_no_fields_from_users() -> Result<()> {
    a_rollback_takes_no_fields_from_users(&helms()?[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_by_helm_4_takes_no_fields_from_users() -> Result<()> {
    a_rollback_takes_no_fields_from_users(&helms()?[1]).await
}

async fn a_rollback_takes_no_fields_from_users(helm: &Helm) -> Result<()> {
    let own = ControlPlane::start().await?;
    let later = later()?;
    let stage = Stage::new(&own)?;
    let install = |chart: &Path| helm.upgrade(own.kubeconfig(), chart, "here", &json!({}), &[]);
    let roll_back = || helm.on(own.kubeconfig(), "here", &["rollback", "installed", "1"]);
    let present = format!("cloud-operator-{}", env!("CARGO_PKG_VERSION"));

    install(&chart("cloud-operator"))?;
    stage.puts_back().await?;
    install(later.path())?;
    assert_eq!(stage.operator().await?, "cloud-operator-99.0.0");
    stage.has_field().await?;

    roll_back()?;
    assert_eq!(stage.operator().await?, present);
    ensure!(stage.knows_field().await?, "the later definition is gone");
    ensure!(stage.touched().await?, "the user's field is gone");
    // What goes forward is taken.
    install(later.path())?;
    assert_eq!(stage.operator().await?, "cloud-operator-99.0.0");

    // Where nothing is put back, what is earlier is refused, and told why.
    stage.remove("MutatingAdmissionPolicy").await?;
    stage.refuses("objects would lose the fields").await?;
    // And without that a rollback does take the field.
    stage.remove("ValidatingAdmissionPolicy").await?;
    stage.lets_pass().await?;
    roll_back()?;
    ensure!(
        !stage.knows_field().await?,
        "what else kept the definition?"
    );
    let lost = || async { stage.touched().await.is_ok_and(|has_it| !has_it) };
    until("the user's field to be lost", PATIENCE, lost).await?;

    // What holds definitions stays as long as they do.
    helm.on(own.kubeconfig(), "here", &["uninstall", "installed"])?;
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(own.client()?);
    policies.get(&format!("definitions.{GROUP}")).await?;
    ensure!(!stage.knows_field().await?, "the definition is there");
    own.stop().await;
    Ok(())
}
