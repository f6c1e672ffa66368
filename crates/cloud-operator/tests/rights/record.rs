//! Rules and what was asked, in the same words.

use std::collections::BTreeSet;

use harness::proxy::{Outcome, Recorded, kubernetes::Attributes};
use http::{HeaderMap, StatusCode, header::ACCEPT};
use k8s_openapi::api::rbac::v1::PolicyRule;

/// One permission: a verb on a resource or on a subresource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub group: String,
    /// As RBAC writes it: `s3buckets/status`.
    pub resource: String,
    pub verb: String,
}

/// Every permission that rules give.
pub fn granted(rules: &[PolicyRule]) -> BTreeSet<Permission> {
    rules.iter().flat_map(permissions).collect()
}

fn permissions(rule: &PolicyRule) -> Vec<Permission> {
    let mut permissions = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            permissions.extend(rule.verbs.iter().map(|verb| Permission {
                group: group.clone(),
                resource: resource.clone(),
                verb: verb.clone(),
            }));
        }
    }
    permissions
}

/// The rules without one permission.
pub fn without(rules: &[PolicyRule], missing: &Permission) -> Vec<PolicyRule> {
    let single = |permission: Permission, rule: &PolicyRule| PolicyRule {
        api_groups: Some(vec![permission.group]),
        resources: Some(vec![permission.resource]),
        verbs: vec![permission.verb],
        resource_names: rule.resource_names.clone(),
        ..PolicyRule::default()
    };
    let singles = rules.iter().flat_map(|rule| {
        let left = permissions(rule).into_iter().filter(|it| it != missing);
        left.map(move |permission| single(permission, rule))
    });
    singles.collect()
}

/// Every permission that was made use of.
pub fn used(requests: &[Recorded]) -> BTreeSet<Permission> {
    let asked = requests.iter().filter_map(|it| Attributes::of(&it.call));
    asked.map(permission).collect()
}

/// The requests that were refused for want of a permission.
pub fn forbidden(requests: &[Recorded]) -> Vec<&Recorded> {
    let refused = Outcome::Answered(StatusCode::FORBIDDEN);
    requests.iter().filter(|it| it.outcome == refused).collect()
}

/// The requests about Secrets: name or nothing, verb, and whether only metadata could be answered.
pub fn about_secrets(requests: &[Recorded]) -> Vec<(String, &'static str, bool)> {
    let asked = requests
        .iter()
        .filter_map(|it| Some((Attributes::of(&it.call)?, metadata_only(&it.call.headers))));
    asked
        .filter(|(of, _)| of.group.is_empty() && of.resource == "secrets")
        .map(|(of, metadata)| (format!("{}/{}", of.namespace, of.name), of.verb, metadata))
        .collect()
}

/// Whether every form of answer that the client accepts leaves the contents out.
fn metadata_only(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted
            .split(',')
            .all(|form| form.contains("as=PartialObjectMetadata"))
    })
}

fn permission(of: Attributes) -> Permission {
    let resource = match of.subresource.as_str() {
        "" => of.resource,
        subresource => format!("{}/{subresource}", of.resource),
    };
    Permission {
        group: of.group,
        resource,
        verb: of.verb.to_owned(),
    }
}
