//! The names of Services for Pods: a hosts file that leads to their endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;

/// Names the Service of a slice.
const SERVICE: &str = "kubernetes.io/service-name";

/// Writes the files of `/etc` that containers have, with no Service yet.
///
/// # Errors
/// When one cannot be written.
pub fn prepare(folder: &Path) -> io::Result<()> {
    for (name, text) in [
        (
            "passwd",
            "root:x:0:0:root:/:/usr/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/usr/sbin/nologin\n",
        ),
        ("group", "root:x:0:\nnonroot:x:65532:\n"),
        ("nsswitch.conf", "hosts: files\n"),
    ] {
        fs::write(folder.join(name), text)?;
    }
    write(folder, &hosts([]))
}

/// Replaces the hosts file, whole.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, hosts: &str) -> io::Result<()> {
    let fresh = folder.join("hosts.new");
    fs::write(&fresh, hosts)?;
    fs::rename(fresh, folder.join("hosts"))
}

/// A hosts file with the Services of these slices: each name with all addresses that are ready.
pub fn hosts<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>) -> String {
    let mut services = BTreeMap::<(String, String), BTreeSet<&str>>::new();
    for slice in slices {
        let Some(service) = slice.labels().get(SERVICE) else {
            continue;
        };
        let name = (service.clone(), slice.namespace().unwrap_or_default());
        let ready = slice.endpoints.iter().filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|it| it.ready) != Some(false)
        });
        let addresses = ready.flat_map(|endpoint| endpoint.addresses.iter().map(String::as_str));
        services.entry(name).or_default().extend(addresses);
    }
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    for ((service, namespace), addresses) in services {
        for address in addresses {
            let name = format!("{service}.{namespace}.svc");
            text.push_str(&format!("{address} {name} {name}.cluster.local\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn slice(service: &str, endpoints: Value) -> EndpointSlice {
        let slice = json!({
            "metadata": { "name": "x", "namespace": "system", "labels": { SERVICE: service } },
            "addressType": "IPv4", "endpoints": endpoints,
        });
        serde_json::from_value(slice).unwrap()
    }

    #[test]
    fn a_service_is_all_its_ready_endpoints() {
        let slices = [
            slice(
                "b",
                json!([{ "addresses": ["10.244.0.4"], "conditions": { "ready": false } }]),
            ),
            slice("a", json!([{ "addresses": ["10.244.0.3"] }])),
            slice(
                "a",
                json!([{ "addresses": ["10.244.0.2"], "conditions": { "ready": true } }]),
            ),
        ];
        let text = hosts(&slices);
        let services: Vec<&str> = text.lines().skip(2).collect();
        let expected = [
            "10.244.0.2 a.system.svc a.system.svc.cluster.local",
            "10.244.0.3 a.system.svc a.system.svc.cluster.local",
        ];
        assert_eq!(services, expected);
    }
}
