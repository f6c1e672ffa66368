//! A kind whose definition changes under its objects.

use std::sync::atomic::{AtomicU32, Ordering};

use harness::{
    Cluster, ControlPlane, Namespace,
    wait::{PATIENCE, until},
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};

const FINALIZER: &str = "example.org/held";
/// A field of every definition that only the present one takes this value of.
const MARKER: &str = "installed";

/// A kind under a group of a test's own, so that changing its definition disturbs nobody.
pub struct Kind {
    cluster: Cluster,
    // What goes with the cluster is not taken down before.
    _namespace: Namespace,
    resource: ApiResource,
    objects: Api<DynamicObject>,
    installed: AtomicU32,
}

/// What the API server says of a request.
pub type Answer = Result<Value, String>;

impl Kind {
    /// A kind with the names of this definition, which is not installed yet.
    pub async fn like(definition: &CustomResourceDefinition) -> Self {
        let cluster = ControlPlane::shared().await.unwrap().clone();
        let namespace = cluster.namespace("upgrades").await.unwrap();
        let group = format!("{}.upgrades.example", namespace.name());
        let names = &definition.spec.names;
        let resource = ApiResource {
            version: "v1alpha1".into(),
            api_version: format!("{group}/v1alpha1"),
            kind: names.kind.clone(),
            plural: names.plural.clone(),
            group,
        };
        let client = cluster.client().unwrap();
        Self {
            objects: Api::namespaced_with(client, namespace.name(), &resource),
            cluster,
            _namespace: namespace,
            resource,
            installed: AtomicU32::new(0),
        }
    }

    /// Puts a definition in force, in the place of the one before. `spec` is one that every definition takes.
    pub async fn install(&self, definition: &CustomResourceDefinition, spec: &Value) {
        let marker = self.installed.fetch_add(1, Ordering::SeqCst).to_string();
        let mut definition = serde_json::to_value(definition).unwrap();
        let group = &self.resource.group;
        definition["metadata"]["name"] = format!("{}.{group}", self.resource.plural).into();
        definition["spec"]["group"] = group.as_str().into();
        let names = definition["spec"]["names"].as_object_mut().unwrap();
        names.remove("shortNames");
        names.remove("categories");
        let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"][MARKER] = json!({ "type": "string", "enum": [marker] });
        let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
        self.cluster.install_crds([definition]).await.unwrap();

        let mut probe = self.object("probe", spec);
        probe.data[MARKER] = marker.into();
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let in_force = || async {
            let answer = self.objects.create(&dry, &probe).await;
            answer.map(drop).map_err(|error| error.to_string())
        };
        until("the definition to be in force", PATIENCE, in_force)
            .await
            .unwrap();
    }

    fn object(&self, name: &str, spec: &Value) -> DynamicObject {
        let mut object = json!({
            "apiVersion": self.resource.api_version, "kind": self.resource.kind,
            "metadata": { "name": name, "finalizers": [FINALIZER] },
        });
        if !spec.is_null() {
            object["spec"] = spec.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    /// Stores an object with this spec, if it is not null, and this status.
    pub async fn store(&self, name: &str, spec: &Value, status: &Value) -> Answer {
        let object = self.object(name, spec);
        let stored = self.objects.create(&PostParams::default(), &object).await;
        answer(stored)?;
        match status {
            Value::Null => self.read(name).await,
            status => self.write_status(name, status).await,
        }
    }

    pub async fn read(&self, name: &str) -> Answer {
        answer(self.objects.get(name).await)
    }

    /// Merges a patch into the object, as `kubectl patch` or an operator does.
    pub async fn patch(&self, name: &str, patch: &Value) -> Answer {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        answer(self.objects.patch(name, &params, &patch).await)
    }

    pub async fn label(&self, name: &str) -> Answer {
        let label = json!({ "metadata": { "labels": { "seen": "yes" } } });
        self.patch(name, &label).await
    }

    pub async fn write_status(&self, name: &str, status: &Value) -> Answer {
        let (params, patch) = (PatchParams::default(), json!({ "status": status }));
        let patch = Patch::Merge(&patch);
        answer(self.objects.patch_status(name, &params, &patch).await)
    }

    /// Deletes the object as a user does, then lets it go as an operator does.
    pub async fn delete(&self, name: &str) -> Result<(), String> {
        let deleted = self.objects.delete(name, &DeleteParams::default()).await;
        deleted.map_err(|error| error.to_string())?;
        let released = json!({ "metadata": { "finalizers": null } });
        self.patch(name, &released).await?;
        match self.objects.get_opt(name).await {
            Ok(None) => Ok(()),
            other => Err(format!("it is still there: {other:?}")),
        }
    }

    /// Takes the definition away.
    pub async fn uninstall(self) {
        let name = format!("{}.{}", self.resource.plural, self.resource.group);
        let definitions: Api<CustomResourceDefinition> = Api::all(self.cluster.client().unwrap());
        let params = DeleteParams::default();
        definitions.delete(&name, &params).await.unwrap();
    }
}

fn answer(answer: kube::Result<DynamicObject>) -> Answer {
    match answer {
        Ok(object) => Ok(serde_json::to_value(&object).unwrap()),
        Err(kube::Error::Api(status)) => Err(status.message),
        Err(error) => panic!("no answer: {error}"),
    }
}
