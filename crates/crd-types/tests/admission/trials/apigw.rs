use serde_json::{Value, json};

use super::Trial;

pub fn trials() -> Vec<Trial> {
    [
        matching(),
        stores(),
        encryption(),
        access(),
        backends(),
        bodies(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn matching() -> Vec<Trial> {
    vec![
        Trial::new(
            "give at most one of exact, prefix and regex",
            json!({ "exact": "/a", "prefix": "", "regex": "" }),
            json!({ "exact": "/a", "prefix": "/b", "regex": null }),
        ),
        Trial::new(
            "must be a regular expression of RE2, which has neither look-around nor back-references",
            json!(r"^/(?P<id>\d+|[[:alpha:]]{2,3})?$"),
            json!("(?=a)"),
        ),
        Trial::new(
            "must be GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS, TRACE, CONNECT or *",
            json!("connect"),
            json!("FETCH"),
        ),
        Trial::new(
            "must be a duration such as 30s, 1m30s or 250ms: numbers, each with a unit of ns, us, ms, s, m or h",
            json!("1h2.5m"),
            json!("30 s"),
        ),
    ]
}

fn stores() -> Vec<Trial> {
    let redis = json!({ "url": "redis://a", "sentinel": null });
    vec![
        Trial::new(
            "store redis needs the block redis",
            json!({ "store": "memory", "redis": null }),
            json!({ "store": "redis", "redis": null }),
        ),
        Trial::new(
            "the block redis has a use only with store redis",
            json!({ "store": "redis", "redis": redis }),
            json!({ "store": "memory", "redis": redis }),
        ),
        Trial::new(
            "type redis needs the block redis",
            json!({ "type": "memory", "redis": null }),
            json!({ "type": "redis", "redis": null }),
        ),
        Trial::new(
            "the block redis has a use only with type redis",
            json!({ "type": "redis", "redis": redis }),
            json!({ "type": "memory", "redis": redis }),
        ),
        Trial::new(
            "the block sentinel has a use only with type redis",
            json!({ "type": "redis", "redis": null, "sentinel": sentinel() }),
            json!({ "type": "memory", "redis": null, "sentinel": sentinel() }),
        ),
        Trial::new(
            "redis and sentinel exclude each other: use redis.sentinel",
            json!({ "enabled": false, "sentinel": sentinel() }),
            json!({ "redis": redis, "sentinel": sentinel() }),
        ),
        Trial::new(
            "give exactly one of url and sentinel",
            json!({ "url": "", "sentinel": sentinel() }),
            json!({ "url": "", "sentinel": null }),
        ),
        Trial::new(
            "spool backend redis needs redisRef with exactly one of address and sentinel",
            json!({ "spool": { "backend": "memory", "redisRef": null } }),
            json!({ "spool": { "redisRef": { "address": "a:6379", "sentinel": sentinel() } } }),
        ),
    ]
}

fn sentinel() -> Value {
    json!({ "masterName": "main", "sentinelAddrs": ["a:26379"] })
}

fn encryption() -> Vec<Trial> {
    vec![
        Trial::new(
            "certFile and keyFile go together: give both or neither",
            json!({ "certFile": "", "keyFile": null }),
            json!({ "certFile": "/cert", "keyFile": "" }),
        ),
        Trial::new(
            "minVersion must not be newer than maxVersion",
            json!({ "minVersion": "TLS13", "maxVersion": null }),
            json!({ "minVersion": "TLS13", "maxVersion": "TLS12" }),
        ),
        Trial::new(
            "vault needs pkiMount and role",
            json!({ "vault": { "enabled": false, "role": null } }),
            json!({ "vault": { "enabled": true, "role": "" } }),
        ),
        Trial::new(
            "clientValidation needs caFile",
            json!({ "enabled": false, "caFile": null }),
            json!({ "caFile": "" }),
        ),
        Trial::new(
            "mode MUTUAL needs certFile and keyFile, or vault",
            json!({ "mode": "MUTUAL", "keyFile": null, "vault": { "enabled": true } }),
            json!({ "mode": "MUTUAL", "keyFile": null, "vault": { "enabled": false } }),
        ),
    ]
}

fn access() -> Vec<Trial> {
    let nothing =
        json!({ "jwt": null, "apiKey": null, "mtls": null, "oidc": { "enabled": false } });
    let mut anonymous = nothing.clone();
    anonymous["allowAnonymous"] = true.into();
    vec![
        Trial::new(
            "authentication needs jwt, apiKey, mtls or oidc to be enabled, or allowAnonymous",
            anonymous,
            nothing,
        ),
        Trial::new(
            "jwt needs jwksUrl, secret or publicKey to verify tokens by",
            json!({ "jwt": { "jwksUrl": "", "secret": "word", "publicKey": null } }),
            json!({ "jwt": { "jwksUrl": "", "secret": "", "publicKey": null } }),
        ),
        Trial::new(
            "apiKey needs header or query to find keys in",
            json!({ "apiKey": { "header": "", "query": "key" } }),
            json!({ "apiKey": { "header": "", "query": null } }),
        ),
        Trial::new(
            "oidc needs a provider",
            json!({ "oidc": { "enabled": false, "providers": null } }),
            json!({ "oidc": { "providers": null } }),
        ),
        Trial::new(
            "authorization needs rbac, abac or external to be enabled",
            json!({ "rbac": { "enabled": false }, "abac": null }),
            json!({ "rbac": { "enabled": false }, "abac": null, "external": null }),
        ),
        Trial::new(
            "external needs opa",
            json!({ "external": { "enabled": false, "opa": null } }),
            json!({ "external": { "opa": null } }),
        ),
    ]
}

fn backends() -> Vec<Trial> {
    vec![
        Trial::new(
            "type names the block that must be there: jwt, basic or mtls",
            json!({ "type": "mtls", "jwt": null, "basic": null }),
            json!({ "type": "basic", "basic": null }),
        ),
        Trial::new(
            "jwt needs what tokenSource says: staticToken for static, vaultPath for vault, oidc for oidc",
            json!({ "jwt": { "tokenSource": "oidc", "staticToken": null, "vaultPath": null } }),
            json!({ "jwt": { "tokenSource": "vault", "vaultPath": "" } }),
        ),
        Trial::new(
            "basic needs username and password, or vaultPath",
            json!({ "type": "basic", "basic": { "username": "a", "password": "b", "vaultPath": null } }),
            json!({ "type": "basic", "basic": { "password": null, "vaultPath": null } }),
        ),
        Trial::new(
            "mtls needs certFile and keyFile, or vault with pkiMount and role",
            json!({ "type": "mtls", "mtls": { "certFile": null } }),
            json!({ "type": "mtls", "mtls": { "certFile": null, "vault": { "role": "" } } }),
        ),
    ]
}

fn bodies() -> Vec<Trial> {
    let target = |name: &str| json!({ "name": name, "destination": { "host": "a", "port": 1 } });
    vec![
        Trial::new(
            "allowFields and denyFields exclude each other: give one of them",
            json!({ "allowFields": ["a"], "denyFields": [] }),
            json!({ "allowFields": ["a"], "denyFields": ["b"] }),
        ),
        Trial::new(
            "operation filter needs condition",
            json!({ "operation": "sort", "condition": null }),
            json!({ "operation": "filter", "condition": null }),
        ),
        Trial::new(
            "quorumCount must not be above the number of targets",
            json!({ "failMode": "quorum", "quorumCount": 2, "targets": [target("a"), target("b")] }),
            json!({ "failMode": "quorum", "quorumCount": 3, "targets": [target("a"), target("b")] }),
        ),
        Trial::new(
            "targets must have different names",
            json!({ "targets": [target("a"), target("b")] }),
            json!({ "targets": [target("a"), target("a")] }),
        ),
    ]
}
