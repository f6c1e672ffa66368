//! A namespace of a real API server that knows every kind.

use harness::{ControlPlane, Namespace};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind, TypeMeta},
};
use serde_json::Value;

/// A namespace of a test's own, in which every kind of this crate can be made.
pub struct Server {
    client: Client,
    namespace: Namespace,
}

impl Server {
    pub async fn start() -> Self {
        let cluster = ControlPlane::shared().await.unwrap();
        cluster.install_crds(crd_types::crds()).await.unwrap();
        Self {
            client: cluster.client().unwrap(),
            namespace: cluster.namespace("admission").await.unwrap(),
        }
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What the API server would store for this as a new object, or why it refuses it. Nothing is stored.
    pub async fn admit(&self, object: &Value) -> Result<Value, String> {
        let mut object = object.clone();
        object.as_object_mut().unwrap().remove("status");
        object["metadata"]["name"] = "new".into();
        self.patch(&object, &params().dry_run(), None).await
    }

    /// The same for this as a change of a stored object.
    pub async fn admit_change(&self, object: &Value) -> Result<Value, String> {
        self.patch(object, &params().dry_run(), None).await
    }

    /// What the API server would store for this object's status, or why it refuses it. The object itself has
    /// to be there; nothing is stored.
    pub async fn admit_status(&self, object: &Value) -> Result<Value, String> {
        self.patch(object, &params().dry_run(), Some("status"))
            .await
    }

    /// Stores this object; a status goes nowhere.
    pub async fn store(&self, object: &Value) -> Value {
        self.try_store(object).await.unwrap()
    }

    /// The same, or why the API server refuses it.
    pub async fn try_store(&self, object: &Value) -> Result<Value, String> {
        self.patch(object, &params(), None).await
    }

    async fn patch(
        &self,
        object: &Value,
        params: &PatchParams,
        subresource: Option<&str>,
    ) -> Result<Value, String> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let patch = Patch::Apply(object);
        let api = self.api(object);
        let answer = match subresource {
            Some(subresource) => {
                api.patch_subresource(subresource, name, params, &patch)
                    .await
            }
            None => api.patch(name, params, &patch).await,
        };
        match answer {
            Ok(stored) => Ok(serde_json::to_value(&stored).unwrap()),
            Err(kube::Error::Api(status)) => Err(status.message),
            Err(error) => panic!("no answer to {object}: {error}"),
        }
    }

    fn api(&self, object: &Value) -> Api<DynamicObject> {
        let types: TypeMeta = serde_json::from_value(object.clone()).unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
        Api::namespaced_with(self.client.clone(), self.namespace.name(), &resource)
    }
}

fn params() -> PatchParams {
    PatchParams::apply("admission-test").validation_strict()
}
