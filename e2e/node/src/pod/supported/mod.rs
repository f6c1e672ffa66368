//! Which fields of a Pod's spec this node understands. Anything else is refused by name, for a field that is quietly
//! passed over would make a test say more than was tested.

mod fields;
mod mount_path;

use serde_json::Value;

use self::fields::FIELDS;

/// What a field may say.
enum Allowed {
    /// Anything.
    Any,
    /// One of these words.
    Only(&'static [&'static str]),
    /// What this lets pass; else it says what is allowed.
    If(fn(&Value) -> Result<(), String>),
}

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
    if let Some(allowed) = rule(field) {
        return allowed.check(value).map_err(|allowed| {
            let word = word(value);
            format!("{path} is {word}; this node supports {allowed}")
        });
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

impl Allowed {
    /// What is allowed instead, unless it is this value.
    fn check(&self, value: &Value) -> Result<(), String> {
        match self {
            Self::Any => Ok(()),
            Self::Only(words) if words.contains(&word(value).as_str()) => Ok(()),
            Self::Only(words) => Err(words.join(" and ")),
            Self::If(check) => check(value),
        }
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

    /// What is said of the spec of a chart's Pod in which this is the value at this place.
    fn with(place: &str, value: Value) -> Result<(), String> {
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
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532 },
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
        });
        let (parent, member) = place.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[member] = value;
        check(&spec)
    }

    #[test]
    fn what_charts_use_is_supported() {
        assert_eq!(with("/dnsPolicy", json!("ClusterFirst")), Ok(()));
    }

    #[test]
    fn anything_else_is_refused_by_its_path() {
        for (place, value, refused) in [
            ("/hostNetwork", json!(true), "spec.hostNetwork is not"),
            (
                "/dnsPolicy",
                json!("None"),
                "spec.dnsPolicy is None; this node supports ClusterFirst and Default",
            ),
            (
                "/initContainers",
                json!([{ "name": "a" }]),
                "spec.initContainers is not",
            ),
            (
                "/containers/0/tty",
                json!(true),
                "spec.containers[0].tty is not",
            ),
            (
                "/containers/0/readinessProbe/httpGet/scheme",
                json!("HTTPS"),
                "spec.containers[0].readinessProbe.httpGet.scheme is HTTPS",
            ),
            (
                "/containers/0/livenessProbe",
                json!({ "exec": { "command": ["true"] } }),
                "spec.containers[0].livenessProbe.exec is not",
            ),
            (
                "/containers/0/securityContext/allowPrivilegeEscalation",
                json!(true),
                "spec.containers[0].securityContext.allowPrivilegeEscalation is true",
            ),
            (
                "/containers/0/securityContext/runAsUser",
                json!(0),
                "spec.containers[0].securityContext.runAsUser is 0; this node supports users other",
            ),
            (
                "/securityContext/runAsUser",
                json!(0),
                "spec.securityContext.runAsUser is 0; this node supports users other",
            ),
            (
                "/containers/0/volumeMounts",
                json!([{ "name": "tmp", "mountPath": "/tmp", "subPath": "a" }]),
                "spec.containers[0].volumeMounts[0].subPath is not",
            ),
            (
                "/containers/0/volumeMounts",
                json!([{ "name": "tmp", "mountPath": "/usr/share/x" }]),
                "spec.containers[0].volumeMounts[0].mountPath is /usr/share/x; this node supports absolute paths",
            ),
            (
                "/volumes",
                json!([{ "name": "tmp", "hostPath": { "path": "/" } }]),
                "spec.volumes[0].hostPath is not",
            ),
            ("/ofTomorrow", json!({}), "spec.ofTomorrow is not"),
            ("/containers", json!([]), "spec.containers has 0 items"),
        ] {
            let found = with(place, value).unwrap_err();
            assert!(found.starts_with(refused), "{place}: {found}");
        }
    }
}
