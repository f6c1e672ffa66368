//! What the operator may do in the cluster: exactly what it does. One truth for chart, tests and documents.

use k8s_openapi::api::rbac::v1::PolicyRule;

/// Rules that hold wherever the watched objects are: cluster-wide, or in each watched namespace.
pub fn watched() -> Vec<PolicyRule> {
    const GROUP: &str = "aws-infra-operator.runner.codes";
    vec![
        rule(
            GROUP,
            &["awsproviders", "s3buckets"],
            &["list", "watch", "patch"],
        ),
        rule(
            GROUP,
            &["awsproviders/status", "s3buckets/status"],
            &["patch"],
        ),
        // Values are read by `get`, of referenced Secrets only; the watch asks for metadata alone.
        rule("", &["secrets"], &["get", "list", "watch"]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ]
}

/// Rules that hold in the namespace of the lease.
pub fn election() -> Vec<PolicyRule> {
    vec![rule(
        "coordination.k8s.io",
        &["leases"],
        &["get", "create", "update"],
    )]
}

/// Rules that hold cluster-wide, whatever is watched: what namespaces say to their objects. The watch asks for
/// metadata alone.
pub fn namespaces() -> Vec<PolicyRule> {
    vec![rule("", &["namespaces"], &["list", "watch"])]
}

/// Rules for the installation's default name, the UID of `kube-system`; not needed where it is configured.
pub fn installation() -> Vec<PolicyRule> {
    let mut namespaces = rule("", &["namespaces"], &["get"]);
    namespaces.resource_names = Some(vec!["kube-system".to_owned()]);
    vec![namespaces]
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}
