use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{json_patch, lifecycle};

/// The example of a kind that has every block, as an object that can be tried.
fn example(file: &str, mut status: Value) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/apigw")
        .join(file);
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut example: Value = serde_saphyr::from_str(&text).unwrap();
    example["metadata"] = json!({ "name": "trial" });
    json_patch(&mut status, &lifecycle());
    json_patch(
        &mut status,
        &json!({
            "appliedGateways": [{
                "name": "edge", "namespace": "gateways", "lastApplied": "2024-01-02T03:04:05Z",
            }],
            "appliedGatewayCount": 1,
            "totalGatewayCount": 2,
        }),
    );
    example["status"] = status;
    example
}

/// The example, and for each change the example with that change.
fn with_changes(example: Value, changes: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let changed = changes.into_iter().map(|change| {
        let mut changed = example.clone();
        json_patch(&mut changed["spec"], &change);
        changed
    });
    let changed: Vec<_> = changed.collect();
    [vec![example], changed].concat()
}

fn sentinel() -> Value {
    json!({
        "masterName": "main",
        "sentinelAddrs": ["sentinel.example:26379"],
        "password": "word",
        "sentinelPassword": "word",
        "db": 1,
        "passwordVaultPath": "secret/data/redis",
        "sentinelPasswordVaultPath": "secret/data/sentinel",
    })
}

/// What a connection to Redis can have besides the address.
fn connection() -> Value {
    json!({
        "poolSize": 10,
        "connectTimeout": "1s",
        "readTimeout": "1s",
        "writeTimeout": "1s",
        "keyPrefix": "keys:",
        "tls": {
            "enabled": true, "caFile": "/ca", "certFile": "/cert", "keyFile": "/key",
            "insecureSkipVerify": true, "minVersion": "TLS12", "maxVersion": "TLS13",
        },
        "retry": { "maxRetries": 1, "initialBackoff": "1s", "maxBackoff": "2s" },
        "passwordVaultPath": "secret/data/redis",
    })
}

fn redis(more: Value) -> Value {
    let mut fields = connection().as_object().cloned().expect("an object");
    fields.extend(more.as_object().cloned().expect("an object"));
    fields.into()
}

fn vault() -> Value {
    json!({
        "enabled": true, "pkiMount": "pki", "role": "gateway", "commonName": "gateway.example",
        "altNames": ["gw.example"], "ttl": "24h",
    })
}

fn oidc() -> Value {
    json!({
        "issuerUrl": "https://login.example", "clientId": "gateway", "clientSecret": "word",
        "clientSecretRef": { "name": "login", "key": "secret" }, "scopes": ["openid"],
    })
}

fn backend_authentication() -> Value {
    let mut oidc = oidc();
    oidc["tokenCacheTTL"] = "5m".into();
    json!({
        "type": "jwt",
        "jwt": {
            "enabled": true, "tokenSource": "static", "staticToken": "word", "vaultPath": "path",
            "oidc": oidc, "headerName": "Authorization", "headerPrefix": "Bearer",
        },
        "basic": {
            "enabled": true, "username": "gateway", "password": "word", "vaultPath": "path",
            "usernameKey": "username", "passwordKey": "password",
        },
        "mtls": {
            "enabled": true, "certFile": "/cert", "keyFile": "/key", "caFile": "/ca", "vault": vault(),
        },
    })
}

fn backend_tls() -> Value {
    json!({
        "enabled": true, "mode": "SIMPLE", "caFile": "/ca", "certFile": "/cert", "keyFile": "/key",
        "serverName": "stock", "insecureSkipVerify": true, "minVersion": "TLS12",
        "maxVersion": "TLS13", "cipherSuites": ["TLS_AES_128_GCM_SHA256"], "alpn": ["h2"],
        "vault": vault(),
    })
}

pub fn routes() -> Vec<Value> {
    let mut provider = oidc();
    provider["name"] = "login".into();
    with_changes(
        example("route-every-block.yaml", json!({})),
        [
            json!({
                "match": [{
                    "uri": { "exact": "/orders" },
                    "headers": [{
                        "name": "X-Tenant", "exact": "a", "prefix": "a", "regex": "a",
                        "present": true, "absent": false,
                    }],
                    "queryParams": [{
                        "name": "page", "exact": "1", "regex": "1", "present": true,
                    }],
                }],
                "rateLimit": { "redis": { "url": null, "sentinel": sentinel() } },
                "cache": { "redis": redis(json!({ "url": "redis://a", "sentinel": null })) },
                "authorization": {
                    "cache": { "redis": { "url": null, "sentinel": sentinel(), "ttlJitter": 1, "hashKeys": true } },
                },
                "transform": {
                    "request": { "injectFields": [{ "field": "a", "value": 1, "source": "b" }] },
                    "response": {
                        "allowFields": null,
                        "denyFields": ["internal"],
                        "arrayOperations": [{
                            "field": "a", "operation": "filter", "value": 1, "condition": "b",
                        }],
                    },
                },
                "authentication": {
                    "jwt": { "secret": "word", "publicKey": "PEM" },
                    "oidc": { "providers": [provider] },
                },
                "openAPIValidation": {
                    "specFile": "/spec.yaml",
                    "specURL": "https://specs.example/orders.yaml",
                    "specConfigMapRef": { "name": "spec", "key": "orders.yaml" },
                },
                "aggregate": {
                    "targets": [{
                        "name": "stock",
                        "destination": { "host": "stock", "port": 8080 },
                        "timeout": "1s",
                        "retries": 1,
                        "tls": backend_tls(),
                        "authentication": backend_authentication(),
                    }],
                    "spool": { "redisRef": { "password": "word" } },
                },
            }),
            json!({
                "match": [{ "uri": { "regex": "^/orders$" } }],
                "rateLimit": { "store": "memory", "redis": null },
                "cache": { "type": "memory", "redis": null },
                "authorization": {
                    "cache": { "redis": redis(json!({ "url": "redis://a" })) },
                },
                "aggregate": {
                    "spool": { "redisRef": { "address": null, "sentinel": sentinel() } },
                },
            }),
            json!({
                "cache": { "redis": { "sentinel": sentinel() } },
                "authorization": { "cache": { "redis": null, "sentinel": sentinel() } },
            }),
            json!({ "authorization": { "cache": { "type": "memory", "redis": null } } }),
        ],
    )
}

pub fn backends() -> Vec<Value> {
    let status = json!({
        "healthyHosts": 2,
        "totalHosts": 2,
        "lastHealthCheck": "2024-01-02T03:04:05Z",
    });
    let url = json!({ "url": "redis://a", "failOpen": true });
    with_changes(
        example("backend-every-block.yaml", status),
        [
            json!({
                "authentication": backend_authentication(),
                "rateLimit": { "store": "redis", "redis": redis(url) },
                "cache": { "sentinel": sentinel() },
                "transform": {
                    "request": { "headers": { "add": { "X-A": "b" }, "remove": ["X-B"] } },
                    "response": { "headers": { "set": { "X-A": "b" }, "add": { "X-A": "b" } } },
                },
            }),
            json!({
                "rateLimit": { "store": "redis", "redis": { "sentinel": sentinel() } },
            }),
        ],
    )
}
