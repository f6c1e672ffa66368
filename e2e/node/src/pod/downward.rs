//! What a Pod is told of itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;

/// A Pod, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub pod: &'a Pod,
    pub address: IpAddr,
    pub node: IpAddr,
}

impl Told<'_> {
    /// A field by its `fieldPath`.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn field(&self, path: &str) -> Result<String, String> {
        let (metadata, spec) = (&self.pod.metadata, self.pod.spec.as_ref());
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        Ok(match path {
            "metadata.name" => text(metadata.name.as_ref()),
            "metadata.namespace" => text(metadata.namespace.as_ref()),
            "metadata.uid" => text(metadata.uid.as_ref()),
            "metadata.labels" => lines(metadata.labels.as_ref()),
            "metadata.annotations" => lines(metadata.annotations.as_ref()),
            "spec.nodeName" => text(spec.and_then(|spec| spec.node_name.as_ref())),
            "spec.serviceAccountName" => {
                text(spec.and_then(|spec| spec.service_account_name.as_ref()))
            }
            "status.podIP" | "status.podIPs" => self.address.to_string(),
            "status.hostIP" | "status.hostIPs" => self.node.to_string(),
            path => {
                let labels = subscript(path, "metadata.labels");
                let annotations = subscript(path, "metadata.annotations");
                let (map, key) = match (labels, annotations) {
                    (Some(key), _) => (metadata.labels.as_ref(), key),
                    (None, Some(key)) => (metadata.annotations.as_ref(), key),
                    (None, None) => return Err(format!("there is no field {path} to tell a Pod")),
                };
                text(map.and_then(|map| map.get(key)))
            }
        })
    }
}

/// The `KEY` of `NAME['KEY']`.
fn subscript<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let key = path.strip_prefix(name)?;
    key.strip_prefix("['")?.strip_suffix("']")
}

/// `key="value"`, one a line; nothing in a value breaks its line.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map.into_iter().flatten();
    let lines = lines.map(|(key, value)| format!("{key}={value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_told_what_it_asks_for() {
        let pod = serde_json::from_value(json!({
            "metadata": {
                "name": "operator-1", "namespace": "system", "uid": "u",
                "labels": { "app.kubernetes.io/name": "operator", "b": "a \"quote\"\nand a line" },
            },
            "spec": { "containers": [], "nodeName": "node", "serviceAccountName": "operator" },
        }));
        let pod: Pod = pod.unwrap();
        let told = Told {
            pod: &pod,
            address: [10, 244, 0, 2].into(),
            node: [10, 244, 0, 1].into(),
        };
        for (path, expected) in [
            ("metadata.name", "operator-1"),
            ("metadata.namespace", "system"),
            ("metadata.uid", "u"),
            ("metadata.labels['app.kubernetes.io/name']", "operator"),
            ("metadata.labels['missing']", ""),
            (
                "metadata.labels",
                "app.kubernetes.io/name=\"operator\"\nb=\"a \\\"quote\\\"\\nand a line\"",
            ),
            ("spec.nodeName", "node"),
            ("spec.serviceAccountName", "operator"),
            ("status.podIP", "10.244.0.2"),
            ("status.hostIP", "10.244.0.1"),
        ] {
            assert_eq!(told.field(path).as_deref(), Ok(expected), "{path}");
        }
        let refused = told.field("status.phase").unwrap_err();
        assert!(refused.contains("status.phase"), "{refused}");
    }
}
