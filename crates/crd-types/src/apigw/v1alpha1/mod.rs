//! Version `v1alpha1`: [`APIRoute`] and [`Backend`].
//!
//! Field for field the shape that the gateway reads: the operator forwards the JSON of a spec.

mod aggregate;
mod answers;
mod any_json;
mod apiroute;
mod apiroute_status;
mod applied_gateways;
mod authentication;
mod authorization;
mod authorization_cache;
mod backend;
mod backend_auth;
mod backend_cache;
mod backend_health;
mod backend_status;
mod backend_tls;
mod backend_transform;
mod cache;
mod confidential;
mod cors;
mod duration;
mod encoding;
mod fault;
mod forwarding;
mod header_values;
mod headers;
mod hosts;
mod limits;
mod maps;
mod matching;
mod method;
mod openapi_validation;
mod pattern;
mod rate_limit;
mod ratio;
mod re2;
mod re2_classes;
mod redis;
mod route_tls;
mod secret_key;
mod security;
mod store;
mod tls;
mod transform;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use self::{
    aggregate::{Aggregate, AggregateMerge, AggregateTarget, FailMode, Spool, SpoolRedis},
    answers::{DirectResponse, Redirect, RedirectCode, RedirectScheme, Rewrite},
    apiroute::{APIRoute, APIRouteSpec},
    apiroute_status::APIRouteStatus,
    applied_gateways::{AppliedGateway, AppliedGateways},
    authentication::{
        ApiKeyAuthentication, Authentication, CertificateIdentity, ClaimMapping, JwtAlgorithm,
        JwtAuthentication, KeyHash, MtlsAuthentication, OidcAuthentication, OidcProvider,
    },
    authorization::{
        Abac, AbacPolicy, Authorization, ExternalAuthorization, Opa, PolicyEffect, Rbac, RbacPolicy,
    },
    authorization_cache::AuthorizationCache,
    backend::{Backend, BackendSpec},
    backend_auth::{
        BackendAuth, BackendAuthType, BackendBasic, BackendJwt, BackendMtls, BackendOidc,
        TokenSource,
    },
    backend_cache::BackendCache,
    backend_health::{CircuitBreaker, HealthCheck},
    backend_status::BackendStatus,
    backend_tls::{BackendTls, BackendTlsMode},
    backend_transform::{BackendRequestTransform, BackendResponseTransform, BackendTransform},
    cache::{Cache, CacheKey},
    confidential::Confidential,
    cors::Cors,
    duration::GoDuration,
    encoding::{BackendBodyEncoding, BackendEncoding, BodyEncoding, Compression, Encoding},
    fault::{Fault, FaultAbort, FaultDelay},
    forwarding::{Destination, Mirror, RetryPolicy, RouteDestination},
    header_values::HeaderValues,
    headers::{HeaderManipulation, HeaderOperation},
    hosts::{BackendHost, LoadBalancer, LoadBalancing},
    limits::{MaxSessions, RequestLimits},
    matching::{HeaderMatch, QueryParamMatch, RouteMatch, StringMatch},
    method::Method,
    openapi_validation::{ConfigMapKey, OpenApiValidation},
    pattern::Pattern,
    rate_limit::{RateLimit, RateLimitRedis},
    redis::{RedisCache, RedisConnection, RedisRetry, RedisSentinel, RedisTls},
    route_tls::{ClientValidation, RouteTls},
    secret_key::SecretKey,
    security::{Csp, Hsts, Security, SecurityHeaders},
    store::Store,
    tls::{TlsVersion, VaultTls},
    transform::{
        ArrayOperation, ArrayOperationKind, DynamicHeader, FieldGroup, InjectedField,
        MergeStrategy, RequestTransform, ResponseTransform, Transform,
    },
};

/// API group of every kind here.
pub const GROUP: &str = "avapigw.io";
/// API version of every kind here.
pub const VERSION: &str = "v1alpha1";

/// The definitions of every kind here, as they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![APIRoute::crd(), Backend::crd()]
}
