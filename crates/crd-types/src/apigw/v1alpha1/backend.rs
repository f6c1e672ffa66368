use bon::Builder;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    backend_auth::BackendAuth,
    backend_cache::BackendCache,
    backend_health::{CircuitBreaker, HealthCheck},
    backend_status::BackendStatus,
    backend_tls::BackendTls,
    backend_transform::BackendTransform,
    encoding::BackendEncoding,
    hosts::{BackendHost, LoadBalancer},
    limits::{MaxSessions, RequestLimits},
    rate_limit::RateLimit,
};
use crate::{
    lifecycle::Managed,
    rules::{Check, InvalidField, Ruled, checks, with_rules},
    schema::conform,
};

/// Which hosts serve HTTP requests, and how they are reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, JsonSchema, Builder)]
#[kube(
    group = "avapigw.io",
    version = "v1alpha1",
    kind = "Backend",
    plural = "backends",
    shortname = "be",
    category = "avapigw",
    namespaced,
    status = "BackendStatus",
    derive = "PartialEq",
    doc = "A Backend names hosts that serve HTTP requests. Routes name it, or the address and port of one of its hosts, as their destination. Its name must be the only one of its kind among all namespaces.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Healthy","type":"string","jsonPath":".status.conditions[?(@.type=='Healthy')].status"}"#,
    printcolumn = r#"{"name":"Hosts","type":"integer","jsonPath":".status.healthyHosts"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform)]
pub struct BackendSpec {
    /// The hosts. Weights are proportions, whatever their sum.
    #[schemars(length(min = 1, max = 1024), extend("x-kubernetes-list-type" = "atomic"))]
    pub hosts: Vec<BackendHost>,

    /// How gateways find out which hosts are healthy. Left out: all count as healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,

    /// How requests are shared out among the hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,

    /// Rest for a backend that fails. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,

    /// Encryption of connections to the hosts. Left out: plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = with_rules::<BackendTls>)]
    pub tls: Option<Box<BackendTls>>,

    /// How the gateway shows the hosts who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = with_rules::<BackendAuth>)]
    pub authentication: Option<Box<BackendAuth>>,

    /// How many requests are worked on at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<MaxSessions>,

    /// How many requests are let through. The gateway counts in memory, whatever store says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Box<RateLimit>>,

    /// Reserved for caching. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Box<BackendCache>>,

    /// Formats of bodies. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<BackendEncoding>,

    /// How large a request may be. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_limits: Option<RequestLimits>,

    /// Changes to messages. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Box<BackendTransform>>,
}

checks!(BackendSpec {
    health_check: ".healthCheck",
    circuit_breaker: ".circuitBreaker",
    authentication: ".authentication",
    max_sessions: ".maxSessions",
    rate_limit: ".rateLimit",
    cache: ".cache"
});

impl BackendSpec {
    /// Checks the rules that admission checks; the sizes of lists, maps and numbers are admission's alone.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self) -> Result<(), InvalidField> {
        // The same blocks within an aggregate's target have no such rules.
        if let Some(tls) = &self.tls {
            tls.check_rules("spec.tls")?;
        }
        if let Some(authentication) = &self.authentication {
            authentication.check_rules("spec.authentication")?;
        }
        Check::check(self, "spec")
    }
}

impl Managed for Backend {
    type Status = BackendStatus;

    fn status(&self) -> Option<&BackendStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: BackendStatus) {
        self.status = Some(status);
    }
}
