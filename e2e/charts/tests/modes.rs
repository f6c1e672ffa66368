//! What one value says of several objects, they say alike.

use anyhow::{Context, Result, ensure};
use charts::matrix::OPERATORS;
use charts::{Rendered, helms};
use rstest::rstest;
use serde_json::{Value, json};

fn render(chart: &str, values: &Value) -> Result<Rendered> {
    helms()?[1].template(chart, "here", values)
}

/// The Secret of a volume, if there is such a volume.
fn mounted<'a>(rendered: &'a Rendered, volume: &str) -> Result<Option<&'a str>> {
    let pod = &rendered.only("Deployment")?["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().context("volumes")?;
    let found = volumes.iter().find(|it| it["name"] == volume);
    Ok(found.and_then(|it| it["secret"]["secretName"].as_str()))
}

#[test]
fn each_keeper_of_a_certificate_has_a_secret_of_its_own() -> Result<()> {
    let issuer = json!({ "mode": "cert-manager", "issuerRef": { "name": "ca" } });
    let values = |mode: &Value| {
        json!({
            "certificate": mode, "grpc": { "tls": mode }, "serviceMonitor": { "enabled": true },
        })
    };
    let own = render("apigw-operator", &values(&json!({ "mode": "selfsigned" })))?;
    let issued = render("apigw-operator", &values(&issuer))?;
    let env = own.env()?;
    for (part, variable) in [
        ("serving", "SERVING_CERT_SECRET_NAME"),
        ("grpc", "CERT_SECRET_NAME"),
    ] {
        let volume = format!("{part}-cert");
        let kept = env.get(variable).context("a Secret")?;
        ensure!(mounted(&own, &volume)?.is_none(), "{volume} is read");
        let wanted = mounted(&issued, &volume)?.context("a Secret")?;
        let certificate = issued.named("Certificate", wanted)?;
        assert_eq!(certificate["spec"]["secretName"], wanted);
        ensure!(kept != wanted, "{kept} would have two keepers");
    }
    let believed = |rendered: &Rendered| -> Result<Value> {
        let endpoint = &rendered.only("ServiceMonitor")?["spec"]["endpoints"][0];
        Ok(endpoint["tlsConfig"]["ca"]["secret"]["name"].clone())
    };
    assert_eq!(believed(&own)?, json!(env["SERVING_CERT_SECRET_NAME"]));
    assert_eq!(believed(&issued)?, json!(mounted(&issued, "serving-cert")?));
    Ok(())
}

#[test]
fn a_mounted_certificate_for_gateways_has_two_names() -> Result<()> {
    let by = |mode: &str| {
        let tls = json!({ "mode": mode, "existingSecret": "corporate" });
        render("apigw-operator", &json!({ "grpc": { "tls": tls } }))
    };
    let existing = by("existing")?;
    assert_eq!(mounted(&existing, "grpc-cert")?, Some("corporate"));
    ensure!(existing == by("file")?, "they differ");
    Ok(())
}

#[test]
fn cert_manager_has_webhooks_believed_by_the_certificate_that_it_issues() -> Result<()> {
    let issued = json!({ "mode": "cert-manager", "issuerRef": { "name": "ca" } });
    let injected = |certificate: &Value| -> Result<Value> {
        let rendered = render("cloud-operator", &json!({ "certificate": certificate }))?;
        let webhooks = rendered.only("ValidatingWebhookConfiguration")?;
        let annotations = &webhooks["metadata"]["annotations"];
        Ok(annotations["cert-manager.io/inject-ca-from"].clone())
    };
    let rendered = render("cloud-operator", &json!({ "certificate": issued }))?;
    let certificate = &rendered.only("Certificate")?["metadata"];
    assert_eq!(certificate["namespace"], "here");
    let name = certificate["name"].as_str().context("a name")?;
    assert_eq!(injected(&issued)?, format!("here/{name}"));
    // Otherwise the operator that leads writes it.
    assert_eq!(injected(&json!({}))?, Value::Null);
    Ok(())
}

#[rstest]
#[case(json!({ "webhook": { "enabled": false } }))]
#[case(json!({ "featureGates": { "AdmissionWebhooks": false } }))]
fn webhooks_that_are_not_served_are_not_asked(#[case] values: Value) -> Result<()> {
    let about_webhooks = |rendered: &Rendered| {
        // Definitions speak of webhooks, too.
        let objects = rendered
            .all()
            .filter(|it| it["kind"] != "CustomResourceDefinition");
        let texts = objects.map(ToString::to_string);
        let parts = ["webhook", "WEBHOOK"];
        texts
            .filter(|text| parts.iter().any(|part| text.contains(part)))
            .count()
    };
    ensure!(about_webhooks(&render("cloud-operator", &json!({}))?) >= 4);
    assert_eq!(about_webhooks(&render("cloud-operator", &values)?), 0);
    Ok(())
}

#[rstest]
#[case(json!({}), json!([]), json!([null]))]
#[case(json!({}), json!([{ "podSelector": {} }]), json!([[{ "podSelector": {} }]]))]
#[case(json!({ "secure": false }), json!([]), json!([]))]
#[case(json!({ "secure": false }), json!([{ "podSelector": {} }]), json!([[{ "podSelector": {} }]]))]
#[case(json!({ "enabled": false }), json!([{ "podSelector": {} }]), json!([]))]
fn metrics_are_open_to_scrapers_and_to_everybody_only_over_https(
    #[case] metrics: Value,
    #[case] scrapers: Value,
    #[case] from: Value,
) -> Result<()> {
    let policy = json!({ "enabled": true, "metricsFrom": scrapers });
    let values = json!({ "metrics": metrics, "networkPolicy": policy });
    for chart in OPERATORS {
        let rendered = render(chart, &values)?;
        let rules = &rendered.only("NetworkPolicy")?["spec"]["ingress"];
        let about_metrics = |rule: &&Value| rule["ports"].to_string().contains("metrics");
        let opened = rules.as_array().context("rules")?.iter();
        let opened = opened.filter(about_metrics).map(|rule| &rule["from"]);
        assert_eq!(json!(opened.collect::<Vec<_>>()), from, "{chart}");
    }
    Ok(())
}

#[test]
fn labels_of_users_stand_beside_those_that_select() -> Result<()> {
    let theirs = json!({ "app.kubernetes.io/name": "theirs", "team": "platform" });
    let values = json!({
        "labels": theirs, "podLabels": { "team": "pods", "app.kubernetes.io/instance": "theirs" },
        "serviceMonitor": { "enabled": true, "labels": theirs },
    });
    let rendered = render("cloud-operator", &values)?;
    for object in rendered.all() {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/name"], "cloud-operator");
        assert_eq!(labels["team"], "platform");
    }
    let deployment = &rendered.only("Deployment")?["spec"];
    let pod = &deployment["template"]["metadata"]["labels"];
    assert_eq!(pod["team"], "pods");
    let selected = deployment["selector"]["matchLabels"].as_object();
    for (name, value) in selected.context("labels")? {
        assert_eq!(pod[name], *value);
    }
    Ok(())
}

/// What users of the older operator select by.
#[test]
fn all_of_the_gateways_operator_is_labelled_by_its_name() -> Result<()> {
    let rendered = helms()?[1].template("apigw-operator", "here", &json!({}))?;
    let labelled = ["Deployment", "Service", "ServiceAccount", "ConfigMap"];
    for kind in labelled {
        let labels = &rendered.only(kind)?["metadata"]["labels"];
        assert_eq!(
            labels["app.kubernetes.io/name"], "avapigw-operator",
            "{kind}"
        );
    }
    let deployment = rendered.only("Deployment")?;
    let pods = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(pods["app.kubernetes.io/name"], "avapigw-operator");
    Ok(())
}
