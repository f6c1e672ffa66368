//! Values that are worth trying: each part turned on and off, and everything at once.

use serde_json::{Value, json};

/// A chart with values, and what is tried by them.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is tried.
    pub name: &'static str,
    /// The chart.
    pub chart: &'static str,
    /// Its values.
    pub values: Value,
}

/// The namespace that a limited operator looks after.
pub const WATCHED: &str = "watched";

/// The charts of operators.
pub const OPERATORS: [&str; 2] = ["cloud-operator", "apigw-operator"];

/// The chart that has all of them.
pub const UMBRELLA: &str = "operator-suite";

/// The charts that are installed.
pub const INSTALLED: [&str; 3] = [OPERATORS[0], OPERATORS[1], UMBRELLA];

/// All cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for chart in OPERATORS {
        let of_all = of_every_operator();
        cases.extend(of_all.map(|(name, values)| Case {
            name,
            chart,
            values,
        }));
    }
    let own = |chart: &'static str| {
        move |(name, values): (&'static str, Value)| Case {
            name,
            chart,
            values,
        }
    };
    cases.extend(of_cloud().map(own("cloud-operator")));
    cases.extend(of_apigw().map(own("apigw-operator")));
    cases.extend(of_the_suite().map(own(UMBRELLA)));
    cases
}

fn of_every_operator() -> [(&'static str, Value); 9] {
    [
        ("nothing said", json!({})),
        (
            "two replicas, spread and guarded",
            json!({
                "replicaCount": 2,
                "podDisruptionBudget": { "enabled": true },
                "networkPolicy": { "enabled": true },
            }),
        ),
        (
            "one replica without election",
            json!({ "leaderElection": { "enabled": false } }),
        ),
        (
            "one namespace only",
            json!({
                "watchNamespaces": [WATCHED],
                "crds": { "install": false },
                "rbac": { "aggregate": false },
            }),
        ),
        (
            "everything watched",
            json!({
                "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
                "prometheusRule": { "enabled": true },
                "dashboard": { "enabled": true },
                "metrics": { "readers": [{ "namespace": "monitoring", "name": "prometheus" }] },
                "networkPolicy": { "enabled": true, "metricsFrom": [{
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } },
                }] },
                "otlp": { "endpoint": "http://collector:4317", "resourceAttributes": { "cluster": "one" } },
            }),
        ),
        (
            "metrics over plain HTTP, scraped",
            json!({
                "metrics": { "secure": false, "port": 9090 }, "serviceMonitor": { "enabled": true },
            }),
        ),
        ("no metrics", json!({ "metrics": { "enabled": false } })),
        (
            "a mounted certificate",
            json!({
                "certificate": { "mode": "existing", "existingSecret": "corporate" },
                "serviceMonitor": { "enabled": true, "tokenSecret": { "name": "prometheus-token" } },
            }),
        ),
        (
            "everything of a Pod",
            json!({
                "global": { "imageRegistry": "registry.example", "imagePullSecrets": [{ "name": "shared" }] },
                "image": { "digest": format!("sha256:{}", "0".repeat(64)) },
                "imagePullSecrets": [{ "name": "own" }],
                "fullnameOverride": "renamed",
                "priorityClassName": "system-cluster-critical",
                "nodeSelector": { "kubernetes.io/os": "linux" },
                "tolerations": [{ "key": "dedicated", "operator": "Exists" }],
                "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "arm", "operator": "DoesNotExist" }] }],
                } } },
                "labels": { "team": "platform" },
                "annotations": { "example.org/owner": "platform" },
                "podLabels": { "tier": "control" },
                "podAnnotations": { "example.org/scan": "yes" },
                "serviceAccount": { "name": "account", "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r" } },
                "service": { "annotations": { "example.org/visible": "no" } },
                "extraArgs": ["--max-concurrent-reconciles=4"],
                "extraEnv": [{ "name": "RUST_BACKTRACE", "value": "1" }],
                "extraEnvFrom": [{ "secretRef": { "name": "proxy", "optional": true } }],
                "extraVolumes": [{ "name": "more", "emptyDir": {} }],
                "extraVolumeMounts": [{ "name": "more", "mountPath": "/more" }],
                "replicaCount": 3,
                "podDisruptionBudget": { "enabled": true, "minAvailable": "50%" },
                "featureGates": { "DebugState": false, "Traces": true },
                "log": { "level": "debug", "format": "json" },
                "apiWrites": { "rate": 0 },
            }),
        ),
    ]
}

fn of_cloud() -> [(&'static str, Value); 5] {
    [
        (
            "webhooks turned off by their gate",
            json!({ "featureGates": { "AdmissionWebhooks": false }, "networkPolicy": { "enabled": true } }),
        ),
        (
            "no webhooks",
            json!({ "webhook": { "enabled": false }, "installationId": "one" }),
        ),
        (
            "nothing over HTTPS",
            json!({ "webhook": { "enabled": false }, "metrics": { "secure": false } }),
        ),
        (
            "a certificate of cert-manager",
            json!({
                "certificate": { "mode": "cert-manager", "issuerRef": { "name": "ca", "kind": "ClusterIssuer" } },
                "watchNamespaces": [WATCHED],
            }),
        ),
        (
            "everything of AWS",
            json!({
                "webIdentity": { "enabled": true, "roleArn": "arn:aws:iam::1:role/r", "sessionName": "s" },
                "caBundle": { "configMapName": "authorities" },
                "proxy": { "https": "http://proxy:3128", "http": "http://proxy:3128", "none": ["10.0.0.0/8", "local"] },
                "aws": {
                    "allowedRoles": ["arn:aws:iam::*:role/tenants/{namespace}/*"], "enforceExternalIds": true,
                    "ambientCredentialsNamespaces": ["platform"], "instanceCredentials": false,
                    "webIdentityTokenFolders": ["/tokens"], "allowedEndpoints": ["https://localhost:4566"],
                    "allowHttpEndpoints": true, "callRate": 2000, "callBurst": 7,
                },
                "earlierInstallations": ["a", "b"], "defaultDeletionPolicy": "Retain",
                "driftInterval": "30m", "sweepInterval": "2h",
            }),
        ),
    ]
}

fn of_apigw() -> [(&'static str, Value); 3] {
    [
        (
            "a certificate of cert-manager",
            json!({
                "certificate": { "mode": "cert-manager", "issuerRef": { "name": "ca" } },
                "grpc": { "tls": { "mode": "cert-manager", "issuerRef": { "name": "ca" }, "extraDnsNames": ["gateways.example.org"] } },
            }),
        ),
        (
            "a mounted certificate for gateways",
            json!({
                "grpc": { "port": 19444, "requireClientCert": false, "tls": { "mode": "existing", "existingSecret": "corporate" } },
            }),
        ),
        (
            "certificates for gateways",
            json!({
                "grpc": { "tls": { "gatewayCertSecrets": [{ "name": "client" }, { "namespace": WATCHED, "name": "client" }] } },
                "networkPolicy": { "enabled": true, "ingress": [{
                    "from": [{ "namespaceSelector": { "matchLabels": { "name": "avapigw-gateways" } } }],
                    "ports": [{ "protocol": "TCP", "port": 9444 }],
                }] },
            }),
        ),
    ]
}

fn of_the_suite() -> [(&'static str, Value); 3] {
    [
        ("nothing turned on", json!({})),
        (
            "one operator",
            json!({
                "cloud-operator": { "enabled": true, "replicaCount": 2 },
                "global": { "imageRegistry": "registry.example", "somebodyElses": { "value": 1 } },
            }),
        ),
        (
            "all operators",
            json!({
                "cloud-operator": { "enabled": true }, "apigw-operator": { "enabled": true },
            }),
        ),
    ]
}
