//! The Deployment by which an operator is installed.

use cloud_operator::NAME;
use serde_json::{Value, json};

use crate::stage::OPERATOR;

/// Short enough for a test, long enough for a busy machine to renew.
const LEASE_SETTINGS: [&str; 3] = [
    "--leader-election-lease-duration=20s",
    "--leader-election-renew-deadline=15s",
    "--leader-election-retry-period=1s",
];

/// What differs between installations.
pub struct Wish {
    replicas: u32,
    arguments: Vec<String>,
}

impl Wish {
    /// So many replicas, with no arguments but those of every installation.
    pub fn of(replicas: u32) -> Self {
        Self {
            replicas,
            arguments: Vec::new(),
        }
    }

    /// The same with one more argument.
    pub fn with(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// As a chart has it, in less words.
pub fn deployment(namespace: &str, wish: &Wish) -> Value {
    let probe = |path: &str| {
        json!({
            "httpGet": { "path": path, "port": "probes" },
            "periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 120,
        })
    };
    let arguments = LEASE_SETTINGS.iter().map(|it| (*it).to_owned());
    let arguments: Vec<String> = arguments.chain(wish.arguments.iter().cloned()).collect();
    let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": NAME, "namespace": namespace },
        "spec": {
            "replicas": wish.replicas,
            "selector": { "matchLabels": { "app": NAME } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
            "template": {
                "metadata": { "labels": { "app": NAME } },
                "spec": {
                    "serviceAccountName": NAME,
                    "enableServiceLinks": false,
                    "terminationGracePeriodSeconds": 60,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": "operator", "image": OPERATOR, "args": arguments,
                        "env": [
                            { "name": "CONFIG_DIR", "value": "/etc/operator/settings" },
                            { "name": "POD_NAME", "valueFrom": field("metadata.name") },
                            { "name": "POD_NAMESPACE", "valueFrom": field("metadata.namespace") },
                        ],
                        "ports": [
                            { "name": "metrics", "containerPort": 8080 },
                            { "name": "probes", "containerPort": 8081 },
                            { "name": "webhooks", "containerPort": 9443 },
                        ],
                        "livenessProbe": probe("/healthz"), "readinessProbe": probe("/readyz"),
                        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } },
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                            "readOnlyRootFilesystem": true,
                        },
                        "volumeMounts": [
                            { "name": "settings", "mountPath": "/etc/operator/settings", "readOnly": true },
                        ],
                    }],
                    "volumes": [{ "name": "settings", "configMap": { "name": NAME } }],
                },
            },
        },
    })
}
