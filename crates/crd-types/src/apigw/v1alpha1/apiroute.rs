use bon::Builder;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    aggregate::Aggregate,
    answers::{DirectResponse, Redirect, Rewrite},
    apiroute_status::APIRouteStatus,
    authentication::Authentication,
    authorization::Authorization,
    cache::Cache,
    cors::Cors,
    duration::GoDuration,
    encoding::Encoding,
    fault::Fault,
    forwarding::{Mirror, RetryPolicy, RouteDestination},
    headers::HeaderManipulation,
    limits::{MaxSessions, RequestLimits},
    matching::RouteMatch,
    openapi_validation::OpenApiValidation,
    rate_limit::RateLimit,
    route_tls::RouteTls,
    security::Security,
    transform::Transform,
};
use crate::{
    lifecycle::Managed,
    rules::{Check, InvalidField, checks},
    schema::conform,
    stored::Stored,
};

/// Which HTTP requests gateways take, and what they do with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, JsonSchema, Builder)]
#[kube(
    group = "avapigw.io",
    version = "v1alpha1",
    kind = "APIRoute",
    plural = "apiroutes",
    shortname = "ar",
    category = "avapigw",
    namespaced,
    status = "APIRouteStatus",
    derive = "PartialEq",
    doc = "An APIRoute says which HTTP requests gateways take and what they do with them. It is Ready when every connected gateway has it.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform)]
pub struct APIRouteSpec {
    /// Requests that the route is about. The gateway looks for the most specific path: exact before long
    /// prefix before short prefix before regex; methods, headers and parameters count besides. Blocks are
    /// merged rather than tried one by one: any path of any block, the methods of the last block, the headers
    /// of all. Where blocks differ in more than their path, write a route for each. None: every request.
    #[serde(rename = "match", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    #[builder(default)]
    pub matches: Vec<RouteMatch>,

    /// Where requests go. Weights are proportions, whatever their sum. A route needs this, redirect or
    /// directResponse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    #[builder(default)]
    pub route: Vec<RouteDestination>,

    /// How long a request may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Stored<GoDuration>>,

    /// When a failed request is tried again. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Box<RetryPolicy>>,

    /// The client is sent to another address, and nothing is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Box<Redirect>>,

    /// What is changed in a request before it is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Box<Rewrite>>,

    /// The gateway answers by itself, and nothing is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_response: Option<Box<DirectResponse>>,

    /// Changes to headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Box<HeaderManipulation>>,

    /// A copy of the requests for somebody else. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Box<Mirror>>,

    /// Faults that are put in on purpose. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Box<Fault>>,

    /// How many requests are let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Box<RateLimit>>,

    /// How bodies are changed on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Box<Transform>>,

    /// Answers that are kept and given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Box<Cache>>,

    /// Formats of bodies, between which the gateway translates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Box<Encoding>>,

    /// What browsers may do from pages of other origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Box<Cors>>,

    /// Headers by which browsers guard users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Box<Security>>,

    /// Certificate of the route, and of its clients. Accepted, but without effect on the gateway. The gateway
    /// checks it nonetheless. Certificates of its listeners are in its own configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<RouteTls>>,

    /// Who a client must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Box<Authentication>>,

    /// What a client may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Box<Authorization>>,

    /// How many requests are worked on at once. Accepted, but without effect on the gateway. The gateway
    /// checks it nonetheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<Box<MaxSessions>>,

    /// How large a request may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_limits: Option<Box<RequestLimits>>,

    /// Requests are held against an OpenAPI document.
    #[serde(
        rename = "openAPIValidation",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub openapi_validation: Option<Box<OpenApiValidation>>,

    /// One request that is sent to several destinations, whose answers become one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Box<Aggregate>>,
}

checks!(APIRouteSpec {
    matches: ".match",
    timeout: ".timeout",
    retries: ".retries",
    fault: ".fault",
    rate_limit: ".rateLimit",
    transform: ".transform",
    cache: ".cache",
    cors: ".cors",
    tls: ".tls",
    authentication: ".authentication",
    authorization: ".authorization",
    max_sessions: ".maxSessions",
    aggregate: ".aggregate"
});

impl APIRouteSpec {
    /// Checks the rules that admission checks; the sizes of lists, maps and numbers are admission's alone.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self) -> Result<(), InvalidField> {
        Check::check(self, "spec")
    }
}

impl Managed for APIRoute {
    type Status = APIRouteStatus;

    fn status(&self) -> Option<&APIRouteStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: APIRouteStatus) {
        self.status = Some(status);
    }
}
