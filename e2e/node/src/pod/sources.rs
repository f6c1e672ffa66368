//! The ConfigMaps and Secrets that a Pod's spec names, as they are at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, PodSpec, Secret};
use kube::Client;
use kube::api::Api;
use serde_json::Value;

/// The keys and values of one object.
pub type Data = BTreeMap<String, Vec<u8>>;

/// What was found. Values may be secret: it has no `Debug`.
#[derive(Default)]
pub struct Sources {
    pub config_maps: BTreeMap<String, Data>,
    pub secrets: BTreeMap<String, Data>,
}

/// Which of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ConfigMap,
    Secret,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        })
    }
}

impl Sources {
    /// Reads all that a spec names; what does not exist is left out.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn read(client: &Client, namespace: &str, spec: &PodSpec) -> kube::Result<Self> {
        let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let mut found = Self::default();
        let (names_of_config_maps, names_of_secrets) = names(spec);
        for name in names_of_config_maps {
            if let Some(object) = config_maps.get_opt(&name).await? {
                let text = object.data.into_iter().flatten();
                let text = text.map(|(key, value)| (key, value.into_bytes()));
                let binary = object.binary_data.into_iter().flatten();
                let binary = binary.map(|(key, value)| (key, value.0));
                found.config_maps.insert(name, text.chain(binary).collect());
            }
        }
        for name in names_of_secrets {
            if let Some(object) = secrets.get_opt(&name).await? {
                let data = object.data.into_iter().flatten();
                let data = data.map(|(key, value)| (key, value.0));
                found.secrets.insert(name, data.collect());
            }
        }
        Ok(found)
    }

    /// An object's content, `None` where it may be missing and is.
    ///
    /// # Errors
    /// When it is missing and may not be.
    pub fn data(
        &self,
        kind: Kind,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<&Data>, String> {
        let found = match kind {
            Kind::ConfigMap => self.config_maps.get(name),
            Kind::Secret => self.secrets.get(name),
        };
        match found {
            None if optional != Some(true) => Err(format!("{kind} {name:?} does not exist")),
            found => Ok(found),
        }
    }
}

/// The names of ConfigMaps and of Secrets, wherever they stand in what this node reads of a spec.
fn names(spec: &PodSpec) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut config_maps, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    let mut look =
        |value: Option<Value>| collect(&value.unwrap_or_default(), &mut config_maps, &mut secrets);
    for container in &spec.containers {
        look(serde_json::to_value(&container.env).ok());
        look(serde_json::to_value(&container.env_from).ok());
    }
    look(serde_json::to_value(&spec.volumes).ok());
    (config_maps, secrets)
}

fn collect(value: &Value, config_maps: &mut BTreeSet<String>, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect(item, config_maps, secrets)),
        Value::Object(members) => {
            for (member, value) in members {
                let name = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
                match member.as_str() {
                    "configMap" | "configMapRef" | "configMapKeyRef" => {
                        config_maps.extend(name("name"))
                    }
                    // A volume calls it secretName, all others name.
                    "secret" | "secretRef" | "secretKeyRef" => {
                        secrets.extend(name("secretName").or_else(|| name("name")));
                    }
                    _ => collect(value, config_maps, secrets),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_that_names_one_is_looked_at() {
        let spec = serde_json::from_value(json!({
            "containers": [{
                "name": "c",
                "env": [
                    { "name": "A", "valueFrom": { "configMapKeyRef": { "name": "c1", "key": "k" } } },
                    { "name": "B", "valueFrom": { "secretKeyRef": { "name": "s1", "key": "k" } } },
                ],
                "envFrom": [{ "configMapRef": { "name": "c2" } }, { "secretRef": { "name": "s2" } }],
            }],
            "volumes": [
                { "name": "a", "configMap": { "name": "c3" } },
                { "name": "b", "secret": { "secretName": "s3" } },
                { "name": "c", "projected": { "sources": [
                    { "configMap": { "name": "c4" } }, { "secret": { "name": "s4" } },
                ] } },
            ],
        }));
        let (config_maps, secrets) = names(&spec.unwrap());
        assert_eq!(Vec::from_iter(config_maps), ["c1", "c2", "c3", "c4"]);
        assert_eq!(Vec::from_iter(secrets), ["s1", "s2", "s3", "s4"]);
    }

    #[test]
    fn what_is_missing_is_named_unless_it_may_be() {
        let sources = Sources::default();
        let refused = sources.data(Kind::Secret, "keys", None).unwrap_err();
        assert_eq!(refused, "Secret \"keys\" does not exist");
        assert_eq!(sources.data(Kind::Secret, "keys", Some(true)), Ok(None));
    }
}
