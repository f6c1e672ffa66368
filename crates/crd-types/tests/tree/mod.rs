//! A CRD's schema as a list of nodes.

use std::fmt;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// One node of a schema and where it stands.
pub struct Node {
    pub path: Path,
    pub schema: Value,
}

/// The way from an object's root: `spec.corsRules[].allowedMethods[]`, `spec.tags{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item,
    Entry,
}

impl Path {
    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The field that this is, or that this is an item or entry of.
    pub fn field(&self) -> &str {
        let field = self.0.iter().rev().find_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Item | Step::Entry => None,
        });
        field.unwrap_or_default()
    }

    /// A JSON pointer to this node's value in `object`: the first item of every list, the first entry of
    /// every map. None if the object has no such value.
    pub fn pointer_in(&self, object: &Value) -> Option<String> {
        let mut pointer = String::new();
        for step in &self.0 {
            let key = match step {
                Step::Field(name) => name.clone(),
                Step::Item => "0".to_owned(),
                Step::Entry => object
                    .pointer(&pointer)?
                    .as_object()?
                    .keys()
                    .next()?
                    .clone(),
            };
            pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        }
        object.pointer(&pointer).map(|_| pointer.clone())
    }

    /// How the API server writes it in messages about the first item of every list, as far as that does not
    /// depend on the object.
    pub fn in_messages(&self) -> String {
        let text = self.to_string();
        let known = text.split('{').next().unwrap_or_default();
        known.replace("[]", "[0]")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(index, step)| match step {
                Step::Field(name) if index == 0 => f.write_str(name),
                Step::Field(name) => write!(f, ".{name}"),
                Step::Item => f.write_str("[]"),
                Step::Entry => f.write_str("{}"),
            })
    }
}

/// Every node below the root of the schema of a CRD's only version.
pub fn nodes(crd: &CustomResourceDefinition) -> Vec<Node> {
    let [version] = crd.spec.versions.as_slice() else {
        panic!("one version")
    };
    let schema = version
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .expect("a schema");
    let mut nodes = Vec::new();
    collect(
        &Path::default(),
        &serde_json::to_value(schema).unwrap(),
        &mut nodes,
    );
    nodes
}

fn collect(path: &Path, schema: &Value, nodes: &mut Vec<Node>) {
    if *path != Path::default() {
        nodes.push(Node {
            path: path.clone(),
            schema: schema.clone(),
        });
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect(&path.then(Step::Field(name.clone())), field, nodes);
    }
    if schema["items"].is_object() {
        collect(&path.then(Step::Item), &schema["items"], nodes);
    }
    if schema["additionalProperties"].is_object() {
        collect(
            &path.then(Step::Entry),
            &schema["additionalProperties"],
            nodes,
        );
    }
}
