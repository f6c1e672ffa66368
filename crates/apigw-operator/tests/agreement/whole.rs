//! Specs with everything that there is.

use gateway::Kind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::verdicts::{agree, compiled};

fn redis() -> Value {
    json!({
        "sentinel": {
            "masterName": "main", "sentinelAddrs": ["s1:26379", "s2:26379"], "db": 1,
            "passwordVaultPath": "redis/main", "sentinelPasswordVaultPath": "redis/sentinels",
        },
        "poolSize": 4, "connectTimeout": "1s", "readTimeout": "500ms", "writeTimeout": "500ms",
        "keyPrefix": "gw:",
        "tls": {"enabled": true, "certFile": "/c", "keyFile": "/k", "minVersion": "TLS12", "maxVersion": "TLS13"},
        "retry": {"maxRetries": 3, "initialBackoff": "10ms", "maxBackoff": "1s"},
    })
}

fn backend_authentication() -> Value {
    json!({
        "type": "jwt",
        "jwt": {
            "enabled": true, "tokenSource": "oidc",
            "oidc": {
                "issuerUrl": "https://id.test", "clientId": "gw", "clientSecret": "word",
                "clientSecretRef": {"name": "id", "key": "secret"}, "scopes": ["a"], "tokenCacheTTL": "5m",
            },
        },
        "basic": {"enabled": true, "username": "u", "password": "p"},
        "mtls": {"enabled": true, "certFile": "/c", "keyFile": "/k"},
    })
}

/// A valid route with every block, and every duration.
pub fn route() -> Value {
    json!({
        "match": [
            {
                "uri": {"exact": "/a"}, "methods": ["GET", "*"],
                "headers": [{"name": "X-Tenant", "exact": "a"}, {"name": "x-b", "regex": "^b{1,9}$", "present": true}],
                "queryParams": [{"name": "q", "regex": "[a-z]+"}],
            },
            {"uri": {"regex": "^/v[0-9]+/(.*)$"}},
            {"uri": {"prefix": "/p"}},
        ],
        "route": [
            {"destination": {"host": "one", "port": 80}, "weight": 100},
            {"destination": {"host": "two.example", "port": 8080}, "weight": 100},
        ],
        "timeout": "30s",
        "retries": {"attempts": 3, "perTryTimeout": "5s", "retryOn": "5xx,reset"},
        "redirect": {"uri": "/b", "host": "b.test", "code": 308, "port": 8443, "scheme": "https", "stripQuery": true},
        "rewrite": {"uri": "/c", "authority": "c.test"},
        "directResponse": {"status": 200, "body": "ok", "headers": {"X-A": "1"}},
        "headers": {"request": {"set": {"X-A": "1"}, "add": {"X-B": "2"}, "remove": ["X-C"]}},
        "mirror": {"destination": {"host": "copy", "port": 80}, "percentage": 10},
        "fault": {"delay": {"fixedDelay": "1s", "percentage": 1}, "abort": {"httpStatus": 503, "percentage": 1}},
        "rateLimit": {"enabled": true, "requestsPerSecond": 10, "burst": 20, "store": "redis", "redis": redis()},
        "cache": {
            "enabled": true, "ttl": "1m", "type": "redis", "staleWhileRevalidate": "10s", "negativeCacheTTL": "1s",
            "redis": {
                "url": "redis://r:6379", "ttlJitter": 0.5, "connectTimeout": "1s", "readTimeout": "1s",
                "writeTimeout": "1s", "retry": {"initialBackoff": "1s", "maxBackoff": "1s"},
            },
        },
        "tls": {
            "certFile": "/c", "keyFile": "/k", "sniHosts": ["a.test", "*.b.test"],
            "minVersion": "TLS12", "maxVersion": "TLS13",
            "vault": {"enabled": true, "pkiMount": "pki", "role": "gw", "commonName": "a.test"},
            "clientValidation": {"enabled": true, "caFile": "/ca"},
        },
        "authorization": {
            "enabled": true,
            "external": {"enabled": true, "opa": {"url": "http://opa"}, "timeout": "1s"},
            "cache": {"enabled": true, "ttl": "1m", "type": "redis", "redis": redis()},
        },
        "maxSessions": {"enabled": true, "maxConcurrent": 10, "queueSize": 5, "queueTimeout": "2s"},
        "openAPIValidation": {
            "enabled": true, "specURL": "https://docs.test/api.yaml",
            "specConfigMapRef": {"name": "docs", "key": "spec.yaml"}, "failOnError": true,
        },
        "aggregate": {
            "enabled": true,
            "targets": [{
                "name": "t", "destination": {"host": "one", "port": 80}, "timeout": "1s",
                "authentication": backend_authentication(),
            }],
            "spool": {"enabled": true, "backend": "memory", "ttl": "1m"},
        },
    })
}

/// A valid backend with every block, and every duration.
pub fn backend() -> Value {
    json!({
        "hosts": [
            {"address": "10.0.0.1", "port": 80, "weight": 1},
            {"address": "svc.ns.svc", "port": 8080, "weight": 1},
        ],
        "healthCheck": {
            "path": "/health", "interval": "10s", "timeout": "2s", "healthyThreshold": 2, "unhealthyThreshold": 3,
            "port": 8080, "useGRPC": true, "grpcService": "health",
        },
        "loadBalancer": {"algorithm": "leastConn"},
        "circuitBreaker": {"enabled": true, "threshold": 5, "timeout": "30s", "halfOpenRequests": 1},
        "tls": {
            "enabled": true, "mode": "MUTUAL", "serverName": "a.test", "minVersion": "TLS12", "maxVersion": "TLS13",
            "vault": {"enabled": true, "pkiMount": "pki", "role": "gw", "commonName": "a.test"},
        },
        "authentication": backend_authentication(),
        "maxSessions": {"enabled": true, "maxConcurrent": 10, "queueSize": 5, "queueTimeout": "2s"},
        "rateLimit": {"enabled": true, "requestsPerSecond": 10, "burst": 20, "store": "redis", "redis": redis()},
        "cache": {"enabled": true, "ttl": "1m", "type": "memory", "staleWhileRevalidate": "1s"},
        "encoding": {"request": {"contentType": "application/json", "compression": "gzip"}},
        "requestLimits": {"maxBodySize": 1024},
        "transform": {"response": {"allowFields": ["a"]}},
    })
}

fn hosts() -> Value {
    json!([{"address": "a", "port": 80}])
}

#[rstest]
#[case::all(route())]
#[case::least(json!({"directResponse": {"status": 204}}))]
#[case::redirect(json!({"redirect": {}}))]
#[case::one_of_any_weight(json!({"route": [{"destination": {"host": "a", "port": 80}, "weight": 7}]}))]
#[case::idle_blocks(json!({
    "redirect": {}, "openAPIValidation": {"specURL": "no"}, "maxSessions": {"maxConcurrent": 0, "queueSize": 9},
    "rateLimit": {"requestsPerSecond": 0, "burst": 0}, "tls": {"vault": {"enabled": false}},
}))]
#[case::old_places(json!({"redirect": {},
    "authorization": {"enabled": false, "cache": {"enabled": true, "type": "redis",
        "sentinel": {"masterName": "m", "sentinelAddrs": ["a:1"]}}},
    "security": {"enabled": true, "headers": {"enabled": true, "strictTransportSecurity": "max-age=1"}}}))]
fn routes_are_sent(#[case] spec: Value) {
    assert_eq!(
        agree(Kind::ApiRoute, &spec),
        Ok(true),
        "{:?}",
        compiled(Kind::ApiRoute, &spec)
    );
}

#[rstest]
#[case::all(backend())]
#[case::least(json!({"hosts": hosts()}))]
#[case::idle_blocks(json!({"hosts": hosts(), "tls": {"mode": "MUTUAL", "vault": {"enabled": true}}}))]
#[case::basic(json!({"hosts": hosts(), "authentication": {"type": "basic",
    "basic": {"enabled": true, "vaultPath": "p"}, "jwt": {"enabled": false, "tokenSource": "oidc"}}}))]
fn backends_are_sent(#[case] spec: Value) {
    assert_eq!(
        agree(Kind::Backend, &spec),
        Ok(true),
        "{:?}",
        compiled(Kind::Backend, &spec)
    );
}

#[test]
fn the_document_is_sent_and_not_its_reference() {
    let sent = compiled(Kind::ApiRoute, &route())
        .expect("readable")
        .expect("valid");
    assert_eq!(sent["openAPIValidation"]["specInline"], "openapi: 3.0.0");
    assert_eq!(sent["openAPIValidation"].get("specConfigMapRef"), None);
}
