//! Rules of RBAC, in few words.

use k8s_openapi::api::rbac::v1::PolicyRule;

/// What whoever looks at objects does.
pub const LOOK: [&str; 3] = ["get", "list", "watch"];

/// What whoever works with objects does.
pub const WORK: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

/// The rule that allows these verbs on these resources of an API group; the core's has no name.
pub fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// The same for the objects of these names alone. RBAC cannot bind `create`, `list` or `watch` so.
pub fn named(names: &[&str], rule: PolicyRule) -> PolicyRule {
    PolicyRule {
        resource_names: Some(owned(names)),
        ..rule
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
