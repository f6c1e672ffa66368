//! The variables, the command and the arguments of a container.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{Container, EnvVarSource};

use super::downward::Told;
use super::expansion::expand;
use super::reserved;
use super::sources::{Data, Kind, Sources};
use crate::images;

/// What a container is started with. Values may be secret: it has no `Debug`.
pub struct Process {
    pub variables: BTreeMap<String, String>,
    /// The program's path in the container, then its arguments.
    pub command: Vec<String>,
}

impl Process {
    /// What the spec of a container means.
    ///
    /// # Errors
    /// The variable that has no value, and why.
    pub fn of(
        container: &Container,
        told: &Told<'_>,
        sources: &Sources,
        api_server: SocketAddr,
    ) -> Result<Self, String> {
        let variables = variables(container, told, sources, api_server)?;
        let expanded = |texts: &Option<Vec<String>>| -> Vec<String> {
            let value = |name: &str| variables.get(name).map(String::as_str);
            let texts = texts.iter().flatten();
            texts.map(|text| expand(text, value)).collect()
        };
        let mut command = expanded(&container.command);
        if command.is_empty() {
            command.push(images::entry(
                container.image.as_deref().unwrap_or_default(),
            ));
        }
        command.extend(expanded(&container.args));
        Ok(Self { variables, command })
    }
}

/// As the kubelet has it: what the cluster says, then `envFrom`, then `env`; the later wins, and refers to the earlier.
fn variables(
    container: &Container,
    told: &Told<'_>,
    sources: &Sources,
    api_server: SocketAddr,
) -> Result<BTreeMap<String, String>, String> {
    // The first two are a container engine's, of the image and of the Pod.
    let mut variables = BTreeMap::from(
        [
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            ),
            ("HOSTNAME", told.field("metadata.name")?),
            ("KUBERNETES_SERVICE_HOST", api_server.ip().to_string()),
            ("KUBERNETES_SERVICE_PORT", api_server.port().to_string()),
            (
                "KUBERNETES_SERVICE_PORT_HTTPS",
                api_server.port().to_string(),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for source in container.env_from.iter().flatten() {
        let config_map = source.config_map_ref.as_ref();
        let config_map = config_map.map(|it| (Kind::ConfigMap, &it.name, it.optional));
        let secret = source.secret_ref.as_ref();
        let secret = secret.map(|it| (Kind::Secret, &it.name, it.optional));
        let Some((kind, name, optional)) = config_map.or(secret) else {
            continue;
        };
        let data = sources.data(kind, name, optional)?;
        for (key, value) in data.into_iter().flatten() {
            let name = format!("{}{key}", source.prefix.as_deref().unwrap_or_default());
            reserved::check(&name)?;
            variables.insert(name, text(kind, key, value)?);
        }
    }
    for variable in container.env.iter().flatten() {
        reserved::check(&variable.name)?;
        let plain = variable.value.as_deref().filter(|text| !text.is_empty());
        let value = match (plain, &variable.value_from) {
            (None, Some(source)) => {
                let value = from(source, told, sources);
                let value = value.map_err(|e| format!("env {}: {e}", variable.name))?;
                match value {
                    Some(value) => value,
                    None => continue,
                }
            }
            (plain, _) => {
                let value = |name: &str| variables.get(name).map(String::as_str);
                expand(plain.unwrap_or_default(), value)
            }
        };
        variables.insert(variable.name.clone(), value);
    }
    Ok(variables)
}

/// `None` where a value may be missing and is.
fn from(
    source: &EnvVarSource,
    told: &Told<'_>,
    sources: &Sources,
) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return told.field(&field.field_path).map(Some);
    }
    let config_map = source.config_map_key_ref.as_ref();
    let config_map = config_map.map(|it| (Kind::ConfigMap, &it.name, &it.key, it.optional));
    let secret = source.secret_key_ref.as_ref();
    let secret = secret.map(|it| (Kind::Secret, &it.name, &it.key, it.optional));
    let Some((kind, name, key, optional)) = config_map.or(secret) else {
        return Err("it has no source".to_owned());
    };
    let value = sources
        .data(kind, name, optional)?
        .and_then(|data: &Data| data.get(key));
    match value {
        Some(value) => text(kind, key, value).map(Some),
        None if optional == Some(true) => Ok(None),
        None => Err(format!("{kind} {name:?} has no key {key:?}")),
    }
}

fn text(kind: Kind, key: &str, value: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(value).map(str::to_owned);
    text.map_err(|_| {
        format!("the value of {key:?} of a {kind} is no text and cannot be a variable")
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    fn process(container: Value) -> Result<Process, String> {
        process_at("10.244.0.1:6443", container)
    }

    /// With the API server at this address.
    fn process_at(api_server: &str, container: Value) -> Result<Process, String> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "operator-1", "namespace": "system" },
        }))
        .unwrap();
        let told = Told {
            pod: &pod,
            address: [10, 244, 0, 2].into(),
            node: [10, 244, 0, 1].into(),
        };
        let data = |pairs: &[(&str, &str)]| -> Data {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
                .collect()
        };
        let sources = Sources {
            config_maps: [(
                "settings".to_owned(),
                data(&[("LEVEL", "info"), ("MODE", "a")]),
            )]
            .into(),
            secrets: [("keys".to_owned(), data(&[("token", "hidden")]))].into(),
        };
        let container = serde_json::from_value(container).unwrap();
        Process::of(&container, &told, &sources, api_server.parse().unwrap())
    }

    #[test]
    fn the_api_servers_host_is_an_address_without_brackets() {
        let container = json!({ "name": "c", "image": "operator" });
        let process = process_at("[fd00:10:244::1]:6443", container);
        let variables = process.map(|process| process.variables).unwrap();
        assert_eq!(variables["KUBERNETES_SERVICE_HOST"], "fd00:10:244::1");
        assert_eq!(variables["KUBERNETES_SERVICE_PORT"], "6443");
    }

    #[test]
    fn later_variables_win_and_refer_to_earlier_ones() {
        let process = process(json!({
            "name": "c", "image": "registry/operator:1",
            "args": ["--level=$(LEVEL)", "--pod=$(POD)", "--not=$(NOT)", "--cost=$$(LEVEL)"],
            "envFrom": [{ "prefix": "P_", "configMapRef": { "name": "settings" } }, { "configMapRef": { "name": "settings" } }],
            "env": [
                { "name": "LEVEL", "value": "debug" },
                { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                { "name": "URL", "value": "https://$(KUBERNETES_SERVICE_HOST)/$(POD)/$(LATER)" },
                { "name": "LATER", "value": "x" },
                { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "token" } } },
                { "name": "NONE", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "none", "optional": true } } },
            ],
        }))
        .map_err(|e| panic!("{e}"))
        .unwrap();
        let value = |name: &str| process.variables.get(name).map(String::as_str);
        for (name, expected) in [
            ("HOSTNAME", Some("operator-1")),
            ("KUBERNETES_SERVICE_PORT", Some("6443")),
            ("P_LEVEL", Some("info")),
            ("LEVEL", Some("debug")),
            ("MODE", Some("a")),
            ("URL", Some("https://10.244.0.1/operator-1/$(LATER)")),
            ("TOKEN", Some("hidden")),
            ("NONE", None),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
        let expected = [
            "/operator",
            "--level=debug",
            "--pod=operator-1",
            "--not=$(NOT)",
            "--cost=$(LEVEL)",
        ];
        assert_eq!(process.command, expected);
    }

    #[test]
    fn a_command_takes_the_place_of_the_images_own() {
        let process = process(
            json!({ "name": "c", "image": "operator", "command": ["/bin/sh", "-c"], "args": ["true"] }),
        );
        let command = process.map(|process| process.command);
        assert_eq!(command.unwrap(), ["/bin/sh", "-c", "true"]);
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        for (variable, expected) in [
            (
                json!({ "configMapKeyRef": { "name": "settings", "key": "no" } }),
                "env A: ConfigMap \"settings\" has no key \"no\"",
            ),
            (
                json!({ "secretKeyRef": { "name": "no", "key": "token" } }),
                "env A: Secret \"no\" does not exist",
            ),
            (
                json!({ "fieldRef": { "fieldPath": "status.phase" } }),
                "env A: there is no field status.phase to tell a Pod",
            ),
        ] {
            let container = json!({ "name": "c", "env": [{ "name": "A", "valueFrom": variable }] });
            assert_eq!(process(container).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn nothing_leads_the_programs_that_make_a_container() {
        for container in [
            json!({ "name": "c", "env": [{ "name": "PATH", "value": "/scratch" }] }),
            json!({ "name": "c", "env": [{ "name": "LD_PRELOAD", "value": "/scratch/a.so" }] }),
            json!({ "name": "c", "envFrom": [{ "prefix": "LD_", "configMapRef": { "name": "settings" } }] }),
        ] {
            let refused = process(container).err().unwrap();
            assert!(refused.contains("would lead the programs"), "{refused}");
        }
    }
}
