//! Which fields of a Pod's spec this node understands. Anything else is refused by name, for a field that is quietly
//! passed over would make a test say more than was tested.

use serde_json::Value;

/// What a field may say.
enum Allowed {
    /// Anything.
    Any,
    /// One of these words.
    Only(&'static [&'static str]),
}

use Allowed::{Any, Only};

/// The fields, each with all that is below it. `[]` stands for each item of a list.
const FIELDS: &[(&str, Allowed)] = &[
    // What others see to: the scheduler, the controllers, whoever pulls an image.
    ("affinity", Any),
    ("imagePullSecrets", Any),
    ("nodeName", Any),
    ("nodeSelector", Any),
    ("preemptionPolicy", Any),
    ("priority", Any),
    ("priorityClassName", Any),
    ("schedulerName", Any),
    ("serviceAccount", Any),
    ("serviceAccountName", Any),
    ("tolerations", Any),
    ("topologySpreadConstraints", Any),
    ("automountServiceAccountToken", Any),
    // Services have no addresses to put into variables, whether they are asked for or not.
    ("enableServiceLinks", Any),
    ("dnsPolicy", Only(&["ClusterFirst", "Default"])),
    ("restartPolicy", Any),
    ("terminationGracePeriodSeconds", Any),
    ("securityContext.fsGroup", Any),
    ("securityContext.fsGroupChangePolicy", Any),
    ("securityContext.runAsGroup", Any),
    ("securityContext.runAsNonRoot", Any),
    ("securityContext.runAsUser", Any),
    (
        "securityContext.seccompProfile.type",
        Only(&["RuntimeDefault"]),
    ),
    ("securityContext.supplementalGroups", Any),
    ("containers[].args", Any),
    ("containers[].command", Any),
    ("containers[].env[].name", Any),
    ("containers[].env[].value", Any),
    ("containers[].env[].valueFrom.configMapKeyRef", Any),
    ("containers[].env[].valueFrom.fieldRef", Any),
    ("containers[].env[].valueFrom.secretKeyRef", Any),
    ("containers[].envFrom[].configMapRef", Any),
    ("containers[].envFrom[].prefix", Any),
    ("containers[].envFrom[].secretRef", Any),
    ("containers[].image", Any),
    ("containers[].imagePullPolicy", Any),
    ("containers[].lifecycle.preStop.sleep.seconds", Any),
    ("containers[].livenessProbe.failureThreshold", Any),
    ("containers[].livenessProbe.httpGet.path", Any),
    ("containers[].livenessProbe.httpGet.port", Any),
    ("containers[].livenessProbe.httpGet.scheme", Only(&["HTTP"])),
    ("containers[].livenessProbe.initialDelaySeconds", Any),
    ("containers[].livenessProbe.periodSeconds", Any),
    ("containers[].livenessProbe.successThreshold", Any),
    ("containers[].livenessProbe.timeoutSeconds", Any),
    ("containers[].name", Any),
    ("containers[].ports[].containerPort", Any),
    ("containers[].ports[].name", Any),
    ("containers[].ports[].protocol", Any),
    ("containers[].readinessProbe.failureThreshold", Any),
    ("containers[].readinessProbe.httpGet.path", Any),
    ("containers[].readinessProbe.httpGet.port", Any),
    (
        "containers[].readinessProbe.httpGet.scheme",
        Only(&["HTTP"]),
    ),
    ("containers[].readinessProbe.initialDelaySeconds", Any),
    ("containers[].readinessProbe.periodSeconds", Any),
    ("containers[].readinessProbe.successThreshold", Any),
    ("containers[].readinessProbe.timeoutSeconds", Any),
    // The scheduler's; nothing here holds a process to its limits.
    ("containers[].resources", Any),
    // No container here may ever gain privileges, so none is to ask for it.
    (
        "containers[].securityContext.allowPrivilegeEscalation",
        Only(&["false"]),
    ),
    ("containers[].securityContext.capabilities.drop", Any),
    ("containers[].securityContext.privileged", Only(&["false"])),
    ("containers[].securityContext.readOnlyRootFilesystem", Any),
    ("containers[].securityContext.runAsGroup", Any),
    ("containers[].securityContext.runAsNonRoot", Any),
    ("containers[].securityContext.runAsUser", Any),
    (
        "containers[].securityContext.seccompProfile.type",
        Only(&["RuntimeDefault"]),
    ),
    ("containers[].startupProbe.failureThreshold", Any),
    ("containers[].startupProbe.httpGet.path", Any),
    ("containers[].startupProbe.httpGet.port", Any),
    ("containers[].startupProbe.httpGet.scheme", Only(&["HTTP"])),
    ("containers[].startupProbe.initialDelaySeconds", Any),
    ("containers[].startupProbe.periodSeconds", Any),
    ("containers[].startupProbe.successThreshold", Any),
    ("containers[].startupProbe.timeoutSeconds", Any),
    // There is no file for last words; with FallbackToLogsOnError the log's end takes their place.
    ("containers[].terminationMessagePath", Any),
    ("containers[].terminationMessagePolicy", Any),
    ("containers[].volumeMounts[].mountPath", Any),
    ("containers[].volumeMounts[].name", Any),
    ("containers[].volumeMounts[].readOnly", Any),
    ("volumes[].configMap", Any),
    ("volumes[].downwardAPI.defaultMode", Any),
    ("volumes[].downwardAPI.items[].fieldRef", Any),
    ("volumes[].downwardAPI.items[].mode", Any),
    ("volumes[].downwardAPI.items[].path", Any),
    // Every folder here is in memory.
    ("volumes[].emptyDir.medium", Any),
    ("volumes[].name", Any),
    ("volumes[].projected.defaultMode", Any),
    ("volumes[].projected.sources[].configMap", Any),
    (
        "volumes[].projected.sources[].downwardAPI.items[].fieldRef",
        Any,
    ),
    (
        "volumes[].projected.sources[].downwardAPI.items[].mode",
        Any,
    ),
    (
        "volumes[].projected.sources[].downwardAPI.items[].path",
        Any,
    ),
    ("volumes[].projected.sources[].secret", Any),
    ("volumes[].projected.sources[].serviceAccountToken", Any),
    ("volumes[].secret", Any),
];

/// Whether this node can do all that the spec of a Pod asks for, read as the API server gives it: a field that is newer
/// than our types is refused, too.
///
/// # Errors
/// The first field that it cannot, by its path, and what is allowed there.
pub fn check(spec: &Value) -> Result<(), String> {
    let containers = spec["containers"].as_array().map_or(0, Vec::len);
    if containers != 1 {
        return Err(format!(
            "spec.containers has {containers} items; this node runs Pods of one container"
        ));
    }
    walk(spec, "", "spec")
}

/// `field` is a path as in the table, `path` the same with the numbers of items.
fn walk(value: &Value, field: &str, path: &str) -> Result<(), String> {
    match rule(field) {
        Some(Any) => return Ok(()),
        Some(Only(words)) => {
            let word = word(value);
            return match words.contains(&word.as_str()) {
                true => Ok(()),
                false => Err(format!(
                    "{path} is {word}; this node supports {}",
                    words.join(" and ")
                )),
            };
        }
        None => {}
    }
    let leads_on = |(known, _): &(&str, Allowed)| {
        let rest = known.strip_prefix(field);
        field.is_empty() || rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    match value {
        Value::Object(members) if FIELDS.iter().any(leads_on) => {
            members.iter().try_for_each(|(name, value)| {
                let field = match field {
                    "" => name.clone(),
                    _ => format!("{field}.{name}"),
                };
                walk(value, &field, &format!("{path}.{name}"))
            })
        }
        Value::Array(items) if FIELDS.iter().any(leads_on) => {
            let field = format!("{field}[]");
            let mut numbered = items.iter().enumerate();
            numbered.try_for_each(|(at, item)| walk(item, &field, &format!("{path}[{at}]")))
        }
        _ => Err(format!("{path} is not supported by this node")),
    }
}

fn rule(field: &str) -> Option<&'static Allowed> {
    let found = FIELDS.iter().find(|(known, _)| *known == field);
    found.map(|(_, allowed)| allowed)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(more: Value) -> Result<(), String> {
        let mut spec = json!({
            "containers": [{
                "name": "operator", "image": "operator",
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                    "readOnlyRootFilesystem": true, "seccompProfile": { "type": "RuntimeDefault" },
                },
                "readinessProbe": { "httpGet": { "path": "/readyz", "port": "probes", "scheme": "HTTP" } },
                "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
            }],
            "dnsPolicy": "ClusterFirst",
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
        });
        merge(&mut spec, more);
        check(&spec)
    }

    fn merge(into: &mut Value, from: Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (name, value) in from {
                    match value {
                        Value::Null => drop(into.remove(&name)),
                        value => merge(into.entry(name).or_insert(Value::Null), value),
                    }
                }
            }
            (Value::Array(into), Value::Array(from)) if into.len() == from.len() => {
                into.iter_mut()
                    .zip(from)
                    .for_each(|(into, from)| merge(into, from));
            }
            (into, from) => *into = from,
        }
    }

    #[test]
    fn what_charts_use_is_supported() {
        assert_eq!(with(json!({})), Ok(()));
    }

    #[test]
    fn anything_else_is_refused_by_its_path() {
        for (more, path) in [
            (json!({ "hostNetwork": true }), "spec.hostNetwork is not"),
            (
                json!({ "dnsPolicy": "None" }),
                "spec.dnsPolicy is None; this node supports ClusterFirst and Default",
            ),
            (
                json!({ "initContainers": [{ "name": "a" }] }),
                "spec.initContainers is not",
            ),
            (
                json!({ "containers": [{ "tty": true }] }),
                "spec.containers[0].tty is not",
            ),
            (
                json!({ "containers": [{ "readinessProbe": { "httpGet": { "scheme": "HTTPS" } } }] }),
                "spec.containers[0].readinessProbe.httpGet.scheme is HTTPS",
            ),
            (
                json!({ "containers": [{ "livenessProbe": { "exec": { "command": ["true"] } } }] }),
                "spec.containers[0].livenessProbe.exec is not",
            ),
            (
                json!({ "containers": [{ "securityContext": { "allowPrivilegeEscalation": true } }] }),
                "spec.containers[0].securityContext.allowPrivilegeEscalation is true",
            ),
            (
                json!({ "containers": [{ "volumeMounts": [{ "subPath": "a" }] }] }),
                "spec.containers[0].volumeMounts[0].subPath is not",
            ),
            (
                json!({ "volumes": [{ "emptyDir": null, "hostPath": { "path": "/" } }] }),
                "spec.volumes[0].hostPath is not",
            ),
            (json!({ "ofTomorrow": {} }), "spec.ofTomorrow is not"),
            (json!({ "containers": [] }), "spec.containers has 0 items"),
        ] {
            let refused = with(more.clone()).unwrap_err();
            assert!(refused.starts_with(path), "{more}: {refused}");
        }
    }
}
