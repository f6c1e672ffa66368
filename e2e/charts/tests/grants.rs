//! What a chart grants is what stands beside the operator's code, where it belongs.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use charts::matrix::WATCHED;
use charts::{Rendered, helms};
use k8s_openapi::api::rbac::v1::PolicyRule;
use operator_core::process::certs::SelfSigned;
use serde_json::{Value, json};

fn render(chart: &str, values: Value) -> Result<Rendered> {
    helms()?[1].template(chart, "here", &values)
}

fn own_secret(name: &str) -> Vec<PolicyRule> {
    SelfSigned::rules_for(vec![name.to_owned()])
}

/// Whether these roles are all that the operator has, each bound to it: kind, namespace, name and rules.
fn grants(rendered: &Rendered, roles: &[(&str, &str, &str, Vec<PolicyRule>)]) -> Result<()> {
    for (kind, namespace, name, rules) in roles {
        let granted = rendered.rules(kind, namespace, name)?;
        ensure!(granted == *rules, "{kind} {name}: {granted:#?}");
    }
    let wanted: BTreeSet<_> = roles
        .iter()
        .map(|(kind, namespace, name, _)| {
            [
                format!("{kind}Binding"),
                (*namespace).into(),
                (*name).into(),
            ]
        })
        .collect();
    let bindings = rendered
        .kind("RoleBinding")
        .chain(rendered.kind("ClusterRoleBinding"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bound: BTreeSet<_> = bindings
        .map(|it| {
            let metadata = &it["metadata"];
            [&it["kind"], &metadata["namespace"], &metadata["name"]].map(text)
        })
        .collect();
    ensure!(bound == wanted, "{bound:?}");
    Ok(())
}

#[test]
fn cloud_operator_has_its_rules_and_no_others() -> Result<()> {
    use cloud_operator::rbac;
    let cluster = [
        rbac::watched(),
        rbac::metrics(),
        rbac::namespaces(),
        rbac::installation(),
        rbac::admission("cloud-operator.here"),
    ];
    let election = || ("Role", "here", "cloud-operator-election", rbac::election());
    let certificate = || {
        let rules = own_secret("cloud-operator-serving-cert");
        (
            "Role",
            "here",
            "cloud-operator.here-cloud-operator-serving-cert",
            rules,
        )
    };
    let everywhere = render("cloud-operator", json!({}))?;
    let roles = [
        ("ClusterRole", "", "cloud-operator.here", cluster.concat()),
        election(),
        certificate(),
    ];
    grants(&everywhere, &roles)?;

    let limited = render("cloud-operator", json!({ "watchNamespaces": [WATCHED] }))?;
    let cluster = cluster[1..].concat();
    let roles = [
        ("ClusterRole", "", "cloud-operator.here", cluster),
        ("Role", WATCHED, "cloud-operator.here", rbac::watched()),
        election(),
        certificate(),
    ];
    grants(&limited, &roles)?;

    // Whatever is not done takes no right.
    let least = render(
        "cloud-operator",
        json!({
            "watchNamespaces": [WATCHED], "webhook": { "enabled": false }, "metrics": { "secure": false },
            "installationId": "one", "leaderElection": { "enabled": false },
        }),
    )?;
    let roles = [
        ("ClusterRole", "", "cloud-operator.here", rbac::namespaces()),
        ("Role", WATCHED, "cloud-operator.here", rbac::watched()),
    ];
    grants(&least, &roles)?;

    let injected =
        json!({ "certificate": { "mode": "cert-manager", "issuerRef": { "name": "ca" } } });
    let injected = render("cloud-operator", injected)?;
    let cluster = [
        rbac::watched(),
        rbac::metrics(),
        rbac::namespaces(),
        rbac::installation(),
    ];
    let roles = [
        ("ClusterRole", "", "cloud-operator.here", cluster.concat()),
        election(),
    ];
    grants(&injected, &roles)
}

#[test]
fn apigw_operator_has_its_rules_and_no_others() -> Result<()> {
    use apigw_operator::rbac;
    let secrets = json!([{ "name": "client" }, { "namespace": "gateways", "name": "client" }]);
    let values = json!({ "watchNamespaces": [WATCHED], "grpc": { "tls": { "gatewayCertSecrets": secrets } } });
    let rendered = render("apigw-operator", values)?;
    let name = "avapigw-operator";
    let of_secret = |namespace, role, secret: &str| ("Role", namespace, role, own_secret(secret));
    let roles = [
        ("ClusterRole", "", "avapigw-operator.here", rbac::metrics()),
        ("Role", WATCHED, "avapigw-operator.here", rbac::watched()),
        (
            "Role",
            "here",
            "avapigw-operator-election",
            rbac::election(),
        ),
        of_secret(
            "here",
            "avapigw-operator.here-avapigw-operator-grpc-cert",
            &format!("{name}-grpc-cert"),
        ),
        of_secret(
            "here",
            "avapigw-operator.here-avapigw-operator-serving-cert",
            &format!("{name}-serving-cert"),
        ),
        of_secret("here", "avapigw-operator.here-client", "client"),
        of_secret("gateways", "avapigw-operator.here-client", "client"),
    ];
    grants(&rendered, &roles)?;

    let values = json!({ "watchNamespaces": [WATCHED], "metrics": { "enabled": false } });
    let rendered = render("apigw-operator", values)?;
    ensure!(
        rendered.kind("ClusterRoleBinding").next().is_none(),
        "nothing cluster-wide is needed"
    );
    Ok(())
}

#[test]
fn who_scrapes_and_who_uses_has_the_rules_for_that() -> Result<()> {
    use cloud_operator::rbac;
    let readers =
        json!({ "metrics": { "readers": [{ "namespace": "monitoring", "name": "prometheus" }] } });
    let rendered = render("cloud-operator", readers)?;
    let rules = |name: &str| -> Result<Vec<PolicyRule>> {
        let role = rendered.named("ClusterRole", &format!("cloud-operator.here-{name}"))?;
        Ok(serde_json::from_value(role["rules"].clone())?)
    };
    assert_eq!(rules("metrics-reader")?, rbac::metrics_reader());
    let binding = rendered.named("ClusterRoleBinding", "cloud-operator.here-metrics-reader")?;
    let prometheus =
        json!([{ "kind": "ServiceAccount", "namespace": "monitoring", "name": "prometheus" }]);
    assert_eq!(binding["subjects"], prometheus);

    for (level, wanted) in [
        ("view", rbac::view()),
        ("edit", rbac::edit()),
        ("admin", rbac::admin()),
    ] {
        assert_eq!(rules(level)?, wanted);
        let role = rendered.named("ClusterRole", &format!("cloud-operator.here-{level}"))?;
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{level}");
        assert_eq!(role["metadata"]["labels"][label], "true");
    }
    let none = render(
        "cloud-operator",
        json!({ "rbac": { "aggregate": false, "create": false } }),
    )?;
    ensure!(
        none.all()
            .all(|it| !it["kind"].as_str().unwrap_or_default().contains("Role")),
        "no role is asked for"
    );
    // Passwords stand in the specs of gateways' objects.
    let gateways = render("apigw-operator", json!({}))?;
    ensure!(
        gateways
            .named("ClusterRole", "avapigw-operator.here-view")
            .is_err(),
        "view shows no passwords"
    );
    gateways
        .named("ClusterRole", "avapigw-operator.here-edit")
        .map(drop)
}
