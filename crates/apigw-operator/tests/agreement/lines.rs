//! What makes a gateway refuse a snapshot, line by line: left out by the operator, told by its field, and refused by
//! the gateway if it were sent. (Two of one name are the business of claims; files, of the gateways' machines.)

use gateway::Kind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    verdicts::{compiled, taken},
    whole,
};

/// Sets the value at a pointer, or takes it away where it is null.
fn with(mut spec: Value, pointer: &str, value: Value) -> Value {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let parent = spec.pointer_mut(parent).expect("the field is there");
    match parent {
        Value::Object(fields) if value.is_null() => {
            fields.remove(last).expect("the field is there");
        }
        Value::Object(fields) => {
            fields.insert(last.to_owned(), value);
        }
        Value::Array(items) => items[last.parse::<usize>().expect("a place")] = value,
        _ => panic!("{pointer} has fields"),
    }
    spec
}

fn refused(kind: Kind, spec: &Value, field: &str) {
    let raw = taken(kind, spec);
    assert!(raw.is_err(), "a gateway would take {spec}");
    match compiled(kind, spec) {
        Some(Err(invalid)) => assert_eq!(invalid.path, field, "{invalid}"),
        // An enum that it is none of: it is told as unreadable.
        None => assert_eq!(field, "", "it cannot be read"),
        Some(Ok(sent)) => panic!("it is sent: {sent}"),
    }
}

fn plain() -> Value {
    json!({"route": [{"destination": {"host": "a", "port": 80}}]})
}

#[rstest]
// HTTP route
#[case::no_action("/route", json!([]), "spec")]
#[case::no_host("/route/0/destination/host", json!(""), "spec.route[0].destination.host")]
#[case::port("/route/0/destination/port", json!(65_536), "spec.route[0].destination.port")]
#[case::weight("/route/0/weight", json!(101), "spec.route[0].weight")]
#[case::negative_weight("/route/0/weight", json!(-1), "spec.route[0].weight")]
#[case::timeout("/timeout", json!("-1s"), "spec.timeout")]
#[case::no_duration("/timeout", json!("soon"), "spec.timeout")]
#[case::too_long("/timeout", json!("2600000h"), "spec.timeout")]
// HTTP match
#[case::two_of_uri("/match", json!([{"uri": {"exact": "/a", "prefix": "/b"}}]), "spec.match[0].uri")]
#[case::regex("/match", json!([{}, {"uri": {"regex": "(?=a)"}}]), "spec.match[1].uri.regex")]
#[case::repetitions("/match", json!([{"uri": {"regex": "(a{40}){40}"}}]), "spec.match[0].uri.regex")]
#[case::unicode_class("/match", json!([{"uri": {"regex": "\\p{Klingon}"}}]), "spec.match[0].uri.regex")]
#[case::header_regex("/match", json!([{"headers": [{"name": "a", "regex": "("}]}]), "spec.match[0].headers[0].regex")]
#[case::query_regex("/match", json!([{"queryParams": [{"name": "a", "regex": "["}]}]), "spec.match[0].queryParams[0].regex")]
#[case::no_header("/match", json!([{"headers": [{"name": ""}]}]), "spec.match[0].headers[0].name")]
#[case::no_token("/match", json!([{"headers": [{"name": "X Tenant"}]}]), "spec.match[0].headers[0].name")]
#[case::no_token_either("/match", json!([{"headers": [{"name": "X-Tänant"}]}]), "spec.match[0].headers[0].name")]
#[case::no_query("/match", json!([{"queryParams": [{"name": ""}]}]), "spec.match[0].queryParams[0].name")]
#[case::method("/match", json!([{"methods": ["FETCH"]}]), "spec.match[0].methods[0]")]
// redirect / directResponse
#[case::redirect_code("/redirect", json!({"code": 304}), "spec.redirect.code")]
#[case::redirect_scheme("/redirect", json!({"scheme": "ftp"}), "")]
#[case::redirect_port("/redirect", json!({"port": 65_536}), "spec.redirect.port")]
#[case::status("/directResponse", json!({"status": 600}), "spec.directResponse.status")]
// Route TLS
#[case::sni_alone("/tls", json!({"sniHosts": ["a.test"]}), "spec.tls.sniHosts")]
#[case::no_key("/tls", json!({"certFile": "/c"}), "spec.tls.keyFile")]
#[case::no_certificate("/tls", json!({"keyFile": "/k"}), "spec.tls.certFile")]
#[case::vault("/tls", json!({"vault": {"enabled": true, "role": "r", "commonName": "c"}}), "spec.tls.vault")]
#[case::vault_role("/tls", json!({"vault": {"enabled": true, "pkiMount": "p", "commonName": "c"}}), "spec.tls.vault")]
#[case::vault_name("/tls", json!({"vault": {"enabled": true, "pkiMount": "p", "role": "r"}}), "spec.tls.vault.commonName")]
#[case::clients("/tls", json!({"clientValidation": {"enabled": true}}), "spec.tls.clientValidation.caFile")]
#[case::sni_syntax("/tls", json!({"certFile": "/c", "keyFile": "/k", "sniHosts": ["a", "a_b"]}), "spec.tls.sniHosts[1]")]
#[case::tls_version("/tls", json!({"minVersion": "TLS11"}), "")]
#[case::tls_order("/tls", json!({"minVersion": "TLS13", "maxVersion": "TLS12"}), "spec.tls.minVersion")]
// OpenAPI
#[case::no_document("/openAPIValidation", json!({"enabled": true}), "spec.openAPIValidation")]
#[case::two_documents("/openAPIValidation", json!({"enabled": true, "specFile": "/a", "specURL": "http://a"}), "spec.openAPIValidation.specURL")]
#[case::no_url("/openAPIValidation", json!({"enabled": true, "specURL": "docs.test/a"}), "spec.openAPIValidation.specURL")]
#[case::no_port("/openAPIValidation", json!({"enabled": true, "specURL": "http://a:b/"}), "spec.openAPIValidation.specURL")]
#[case::no_config_map("/openAPIValidation", json!({"enabled": true, "specConfigMapRef": {"name": "gone"}}), "spec.openAPIValidation.specConfigMapRef")]
fn of_routes(#[case] pointer: &str, #[case] value: Value, #[case] field: &str) {
    refused(Kind::ApiRoute, &with(plain(), pointer, value), field);
}

#[rstest]
// Rate limit
#[case::rate("/rateLimit/requestsPerSecond", json!(0), "spec.rateLimit.requestsPerSecond")]
#[case::burst("/rateLimit/burst", json!(0), "spec.rateLimit.burst")]
#[case::store("/rateLimit/store", json!("disk"), "")]
#[case::redis_without_store("/rateLimit/store", json!("memory"), "spec.rateLimit.redis")]
#[case::store_without_redis("/rateLimit/redis", Value::Null, "spec.rateLimit.redis")]
#[case::neither("/rateLimit/redis/sentinel", Value::Null, "spec.rateLimit.redis")]
#[case::both("/rateLimit/redis/url", json!("redis://r"), "spec.rateLimit.redis")]
#[case::no_master("/rateLimit/redis/sentinel/masterName", json!(""), "spec.rateLimit.redis.sentinel.masterName")]
#[case::no_sentinels("/rateLimit/redis/sentinel/sentinelAddrs", json!([]), "spec.rateLimit.redis.sentinel.sentinelAddrs")]
// maxSessions
#[case::at_once("/maxSessions/maxConcurrent", json!(0), "spec.maxSessions.maxConcurrent")]
#[case::queue("/maxSessions/queueSize", json!(-1), "spec.maxSessions.queueSize")]
#[case::no_wait(
    "/maxSessions/queueTimeout",
    Value::Null,
    "spec.maxSessions.queueTimeout"
)]
#[case::no_time_to_wait("/maxSessions/queueTimeout", json!("0.1ns"), "spec.maxSessions.queueTimeout")]
fn of_routes_and_backends(#[case] pointer: &str, #[case] value: Value, #[case] field: &str) {
    for (kind, spec) in [
        (Kind::ApiRoute, whole::route()),
        (Kind::Backend, whole::backend()),
    ] {
        refused(kind, &with(spec, pointer, value.clone()), field);
    }
}

#[rstest]
// Cache
#[case::ttl("/cache/ttl", json!("-1s"), "spec.cache.ttl")]
#[case::cache_store("/cache/type", json!("disk"), "")]
#[case::cache_without_store("/cache/type", json!("memory"), "spec.cache.redis")]
#[case::cache_without_redis("/cache/redis", Value::Null, "spec.cache.redis")]
#[case::no_address("/cache/redis/url", json!(""), "spec.cache.redis")]
#[case::jitter("/cache/redis/ttlJitter", json!(1.01), "spec.cache.redis.ttlJitter")]
fn of_caches(#[case] pointer: &str, #[case] value: Value, #[case] field: &str) {
    refused(Kind::ApiRoute, &with(whole::route(), pointer, value), field);
}

#[rstest]
// Backend kinds
#[case::no_hosts("/hosts", json!([]), "spec.hosts")]
#[case::no_address("/hosts/1/address", json!(""), "spec.hosts[1].address")]
#[case::port("/hosts/1/port", json!(0), "spec.hosts[1].port")]
#[case::weight("/hosts/1/weight", json!(-1), "spec.hosts[1].weight")]
#[case::no_path("/healthCheck/path", json!(""), "spec.healthCheck.path")]
#[case::algorithm("/loadBalancer/algorithm", json!("best"), "")]
#[case::interval("/healthCheck/interval", json!("-1s"), "spec.healthCheck.interval")]
#[case::threshold("/healthCheck/healthyThreshold", json!(-1), "spec.healthCheck.healthyThreshold")]
#[case::other_threshold("/healthCheck/unhealthyThreshold", json!(-1), "spec.healthCheck.unhealthyThreshold")]
// Backend TLS
#[case::mode("/tls/mode", json!("NONE"), "")]
#[case::mutual("/tls/vault", Value::Null, "spec.tls.mode")]
#[case::vault_mount("/tls/vault/pkiMount", json!(""), "spec.tls.vault")]
#[case::vault_role("/tls/vault/role", Value::Null, "spec.tls.vault")]
#[case::vault_name("/tls/vault/commonName", Value::Null, "spec.tls.vault.commonName")]
#[case::version("/tls/maxVersion", json!("TLS1"), "")]
#[case::order("/tls", json!({"enabled": true, "minVersion": "TLS13", "maxVersion": "TLS12"}), "spec.tls.minVersion")]
// Backend construction
#[case::not_enabled("/authentication/jwt/enabled", json!(false), "spec.authentication.jwt.enabled")]
#[case::no_block("/authentication/jwt", Value::Null, "spec.authentication.type")]
#[case::no_secret(
    "/authentication/jwt/oidc/clientSecret",
    Value::Null,
    "spec.authentication.jwt.oidc.clientSecret"
)]
#[case::no_issuer("/authentication/jwt/oidc/issuerUrl", json!(""), "spec.authentication.jwt.oidc.issuerUrl")]
#[case::no_client("/authentication/jwt/oidc/clientId", json!(""), "spec.authentication.jwt.oidc.clientId")]
#[case::no_token("/authentication/jwt/tokenSource", json!("static"), "spec.authentication.jwt")]
#[case::basic("/authentication", json!({"type": "basic", "basic": {"username": "u", "password": "p"}}), "spec.authentication.basic.enabled")]
#[case::no_password("/authentication", json!({"type": "basic", "basic": {"enabled": true, "username": "u"}}), "spec.authentication.basic")]
#[case::mtls("/authentication", json!({"type": "mtls", "mtls": {"certFile": "c", "keyFile": "k"}}), "spec.authentication.mtls.enabled")]
#[case::no_pair("/authentication", json!({"type": "mtls", "mtls": {"enabled": true, "keyFile": "k"}}), "spec.authentication.mtls")]
fn of_backends(#[case] pointer: &str, #[case] value: Value, #[case] field: &str) {
    refused(
        Kind::Backend,
        &with(whole::backend(), pointer, value),
        field,
    );
}

#[test]
fn no_secret_is_told() {
    let spec = with(
        whole::backend(),
        "/authentication/jwt/oidc/clientId",
        json!(""),
    );
    let told = compiled(Kind::Backend, &spec)
        .expect("readable")
        .expect_err("invalid");
    assert!(!told.to_string().contains("word"), "{told}");
    let url = json!({"enabled": true, "specURL": "http://user:needle@"});
    let spec = with(plain(), "/openAPIValidation", url);
    let told = compiled(Kind::ApiRoute, &spec)
        .expect("readable")
        .expect_err("invalid");
    assert!(!told.to_string().contains("needle"), "{told}");
}
