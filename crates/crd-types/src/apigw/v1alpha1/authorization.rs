use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    authorization_cache::AuthorizationCache, duration::GoDuration, header_values::HeaderValues,
    maps::list_map,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
};

/// What a client may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Authorization {
    /// Whether requests are authorized.
    #[serde(default)]
    pub enabled: bool,

    /// What happens to a request that no policy speaks of: allow or deny.
    #[serde(default = "deny")]
    pub default_policy: PolicyEffect,

    /// Paths that need no authorization.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 4096)))]
    pub skip_paths: Vec<String>,

    /// Policies by the roles of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rbac: Option<Rbac>,

    /// Policies by what is known of the client and the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abac: Option<Abac>,

    /// A server that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalAuthorization>,

    /// Decisions that are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<AuthorizationCache>,
}

impl Ruled for Authorization {
    const RULES: &'static [Rule<Self>] = &[
        Rule::new(
            "!self.enabled || (has(self.rbac) && self.rbac.enabled) || (has(self.abac) && self.abac.enabled) || (has(self.external) && self.external.enabled)",
            "authorization needs rbac, abac or external to be enabled",
            |requests| {
                let ways = [
                    requests.rbac.as_ref().is_some_and(|rbac| rbac.enabled),
                    requests.abac.as_ref().is_some_and(|abac| abac.enabled),
                    requests
                        .external
                        .as_ref()
                        .is_some_and(|external| external.enabled),
                ];
                !requests.enabled || ways.contains(&true)
            },
        ),
        Rule::of_field(
            ".external",
            "!self.enabled || !has(self.external) || !self.external.enabled || has(self.external.opa)",
            "external needs opa",
            |requests| {
                let decided = |external: &ExternalAuthorization| external.opa.is_some();
                let external = requests.external.as_ref();
                !requests.enabled
                    || external.is_none_or(|external| !external.enabled || decided(external))
            },
        ),
    ];
}

checks!(ruled Authorization { external: ".external", cache: ".cache" });

fn deny() -> PolicyEffect {
    PolicyEffect::Deny
}

fn allow() -> PolicyEffect {
    PolicyEffect::Allow
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyEffect {
    /// The request passes.
    #[serde(rename = "allow")]
    Allow,
    /// The request is refused.
    #[serde(rename = "deny")]
    Deny,
}

/// Policies by the roles of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rbac {
    /// Whether these policies are in force.
    #[serde(default)]
    pub enabled: bool,

    /// The policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Vec<RbacPolicy>,

    /// For a role, the roles that it includes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "list_map")]
    pub role_hierarchy: BTreeMap<String, Vec<String>>,
}

/// What clients of certain roles may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RbacPolicy {
    /// Name of the policy.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Roles that it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub roles: Vec<String>,

    /// Paths that it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub resources: Vec<String>,

    /// Methods that it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    pub actions: Vec<String>,

    /// What it says: allow or deny.
    #[serde(default = "allow")]
    pub effect: PolicyEffect,

    /// A policy of higher priority is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub priority: Option<i64>,
}

/// Policies by what is known of a client and a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Abac {
    /// Whether these policies are in force.
    #[serde(default)]
    pub enabled: bool,

    /// The policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Vec<AbacPolicy>,
}

/// What is allowed or denied where an expression holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbacPolicy {
    /// Name of the policy.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Expression in CEL over subject, request, resource, action, environment and now, with the functions
    /// ip_in_range and has_role.
    #[schemars(length(min = 1, max = 16_384))]
    pub expression: String,

    /// Paths that it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub resources: Vec<String>,

    /// Methods that it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    pub actions: Vec<String>,

    /// What it says: allow or deny.
    #[serde(default = "allow")]
    pub effect: PolicyEffect,

    /// A policy of higher priority is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub priority: Option<i64>,
}

/// A server that decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAuthorization {
    /// Whether the server is asked.
    #[serde(default)]
    pub enabled: bool,

    /// An Open Policy Agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opa: Option<Opa>,

    /// How long it may take to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Stored<GoDuration>>,

    /// True: requests pass while it does not answer. Otherwise they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_open: Option<bool>,
}

checks!(ExternalAuthorization {
    timeout: ".timeout"
});

/// An Open Policy Agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opa {
    /// Address of the agent.
    #[schemars(length(min = 1, max = 4096))]
    pub url: String,

    /// Policy that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub policy: Option<String>,

    /// Headers of the request to the agent.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub headers: HeaderValues,
}
