//! What a chart makes.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};

/// The objects that a chart makes, by what tells them apart: kind, namespace and name.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    objects: BTreeMap<[String; 3], Value>,
}

impl Rendered {
    /// The objects of a stream of documents.
    ///
    /// # Errors
    /// Where one is no YAML, or stands there twice.
    pub fn of(stream: &str) -> Result<Self> {
        let mut objects = BTreeMap::new();
        for document in format!("\n{stream}").split("\n---") {
            let object: Option<Value> = serde_saphyr::from_str(document)
                .with_context(|| format!("no YAML:\n{document}"))?;
            let Some(object) = object.filter(|it| !it.is_null()) else {
                continue;
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &object["metadata"];
            let key = [&object["kind"], &metadata["namespace"], &metadata["name"]].map(text);
            let twice = objects.insert(key.clone(), object).is_some();
            anyhow::ensure!(!twice, "{key:?} is made twice");
        }
        Ok(Self { objects })
    }

    /// All objects.
    pub fn all(&self) -> impl Iterator<Item = &Value> {
        self.objects.values()
    }

    /// Those of a kind.
    pub fn kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.all().filter(move |object| object["kind"] == kind)
    }

    /// The only object of a kind.
    ///
    /// # Errors
    /// When there is none, or more.
    pub fn only(&self, kind: &str) -> Result<&Value> {
        let mut found = self.kind(kind);
        let first = found.next().with_context(|| format!("no {kind}"))?;
        anyhow::ensure!(found.next().is_none(), "more than one {kind}");
        Ok(first)
    }

    /// The object of a kind and a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, kind: &str, name: &str) -> Result<&Value> {
        let mut found = self.kind(kind);
        found
            .find(|object| object["metadata"]["name"] == name)
            .with_context(|| format!("no {kind} {name}"))
    }

    /// The container of the operator.
    ///
    /// # Errors
    /// When there is no Deployment.
    pub fn container(&self) -> Result<&Value> {
        let deployment = self.only("Deployment")?;
        Ok(&deployment["spec"]["template"]["spec"]["containers"][0])
    }

    /// The container's environment, as far as it is given by value.
    ///
    /// # Errors
    /// When there is no Deployment.
    pub fn env(&self) -> Result<BTreeMap<String, String>> {
        let env = self.container()?["env"].as_array().into_iter().flatten();
        let pairs = env.filter_map(|it| Some((it["name"].as_str()?, it["value"].as_str()?)));
        Ok(pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// The rules of a role of this kind, which is bound to the operator's account and to nobody else.
    ///
    /// # Errors
    /// When it is not there, or bound otherwise.
    pub fn rules(&self, kind: &str, namespace: &str, name: &str) -> Result<Vec<PolicyRule>> {
        let find = |kind: &str| {
            let key = [kind, namespace, name].map(str::to_owned);
            self.objects
                .get(&key)
                .with_context(|| format!("no {key:?}"))
        };
        let role = find(kind)?;
        let binding = find(&format!("{kind}Binding"))?;
        let deployment = self.only("Deployment")?;
        let account = json!({
            "kind": "ServiceAccount",
            "namespace": deployment["metadata"]["namespace"],
            "name": deployment["spec"]["template"]["spec"]["serviceAccountName"],
        });
        let subjects = &binding["subjects"];
        anyhow::ensure!(
            *subjects == json!([account]),
            "{kind} {name} is bound to {subjects}"
        );
        let bound = &binding["roleRef"];
        let group = "rbac.authorization.k8s.io";
        anyhow::ensure!(
            *bound == json!({ "apiGroup": group, "kind": kind, "name": name }),
            "the binding of {kind} {name} is one of {bound}"
        );
        Ok(serde_json::from_value(role["rules"].clone())?)
    }

    /// A stream of documents with all objects, those first that others need.
    pub fn stream(&self) -> String {
        let is_early = |object: &&Value| object["kind"] == "CustomResourceDefinition";
        let early = self.all().filter(is_early);
        let late = self.all().filter(|object| !is_early(object));
        early.chain(late).map(|it| format!("---\n{it}\n")).collect()
    }
}
