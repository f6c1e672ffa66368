//! What the operator may do in the cluster: exactly what it does. One truth for chart, tests and documents.
//! What it may do with the Secret of its certificate for HTTPS is said by [`SelfSigned::rules`].
//!
//! [`SelfSigned::rules`]: operator_core::process::certs::SelfSigned::rules

use k8s_openapi::api::rbac::v1::PolicyRule;
use operator_core::{
    cluster::{
        election, events, reviews,
        rules::{LOOK, WORK, named, rule},
        webhook_configuration,
    },
    process::http::reader,
};

/// The API group.
const GROUP: &str = "aws-infra-operator.runner.codes";

/// Rules that hold wherever the watched objects are: cluster-wide, or in each watched namespace.
pub fn watched() -> Vec<PolicyRule> {
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
        events::rule(),
    ]
}

/// Rules that hold in the namespace of the lease.
pub fn election() -> Vec<PolicyRule> {
    vec![election::rule()]
}

/// Rules that hold cluster-wide, whatever is watched: what namespaces say to their objects. The watch asks for
/// metadata alone.
pub fn namespaces() -> Vec<PolicyRule> {
    vec![rule("", &["namespaces"], &["list", "watch"])]
}

/// Rules for the installation's default name, the UID of `kube-system`; not needed where it is configured.
pub fn installation() -> Vec<PolicyRule> {
    vec![named(&["kube-system"], rule("", &["namespaces"], &["get"]))]
}

/// Rules that hold cluster-wide, for asking whose token is shown for metrics; not needed where they are served over
/// plain HTTP, or not at all.
pub fn metrics() -> Vec<PolicyRule> {
    reviews::rules()
}

/// Rules for a ClusterRole `metrics-reader`: what whoever scrapes needs.
pub fn metrics_reader() -> Vec<PolicyRule> {
    vec![reader(&["/metrics"])]
}

/// Rules for a ClusterRole that is aggregated to Kubernetes' own `view`.
pub fn view() -> Vec<PolicyRule> {
    vec![rule(GROUP, &["awsproviders", "s3buckets"], &LOOK)]
}

/// Rules for one that is aggregated to `edit`. Whoever may write an AWSProvider acts with the operator's trust, and
/// so that is not among them.
pub fn edit() -> Vec<PolicyRule> {
    vec![
        rule(GROUP, &["awsproviders"], &LOOK),
        rule(GROUP, &["s3buckets"], &WORK),
    ]
}

/// Rules for one that is aggregated to `admin`.
pub fn admin() -> Vec<PolicyRule> {
    vec![rule(GROUP, &["awsproviders", "s3buckets"], &WORK)]
}

/// Rules that hold cluster-wide where the ValidatingWebhookConfiguration `name` is the setting WEBHOOK_CONFIGURATION.
pub fn admission(name: &str) -> Vec<PolicyRule> {
    webhook_configuration::rules(name)
}
