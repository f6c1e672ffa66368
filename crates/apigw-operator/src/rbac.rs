//! What the operator may do in the cluster: exactly what it does. One truth for chart, tests and documents.
//! What it may do with its own certificates' Secrets is said by [`SelfSigned::rules`].
//!
//! [`SelfSigned::rules`]: operator_core::process::certs::SelfSigned::rules

use k8s_openapi::api::rbac::v1::PolicyRule;
use operator_core::{
    cluster::{
        election, events, reviews,
        rules::{WORK, rule},
    },
    process::http::reader,
};

/// The API group.
const GROUP: &str = "avapigw.io";

/// Rules that hold wherever the watched objects are: cluster-wide, or in each watched namespace.
pub fn watched() -> Vec<PolicyRule> {
    vec![
        rule(
            GROUP,
            &["apiroutes", "backends"],
            &["list", "watch", "patch"],
        ),
        rule(GROUP, &["apiroutes/status", "backends/status"], &["patch"]),
        // Names alone: whether a route's destination is there.
        rule("", &["services"], &["list", "watch"]),
        // Values are read by `get`, of referenced ConfigMaps only; the watch asks for metadata alone.
        rule("", &["configmaps"], &["get", "list", "watch"]),
        events::rule(),
    ]
}

/// Rules that hold in the namespace of the lease.
pub fn election() -> Vec<PolicyRule> {
    vec![election::rule()]
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

/// Rules for a ClusterRole that is aggregated to Kubernetes' own `view`: none, as specs may hold passwords as plain text,
/// and `view` shows none.
pub fn view() -> Vec<PolicyRule> {
    Vec::new()
}

/// Rules for one that is aggregated to `edit`.
pub fn edit() -> Vec<PolicyRule> {
    admin()
}

/// Rules for one that is aggregated to `admin`.
pub fn admin() -> Vec<PolicyRule> {
    vec![rule(GROUP, &["apiroutes", "backends"], &WORK)]
}
