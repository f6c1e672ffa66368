//! What an object's `Ready` was, in every version of it.

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use harness::wait::PATIENCE;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, WatchEvent, WatchParams};
use tokio::time::timeout;

use crate::stage::Stage;

/// The versions of one object from a moment on.
pub struct History {
    api: Api<DynamicObject>,
    name: String,
    from: String,
}

impl History {
    /// Begins with the object's present version.
    ///
    /// # Errors
    /// When there is no such object.
    pub async fn begin(stage: &Stage, kind: &str, name: &str) -> Result<Self> {
        let kind = GroupVersionKind::gvk("avapigw.io", "v1alpha1", kind);
        let namespace = stage.namespace();
        let resource = ApiResource::from_gvk(&kind);
        let api = Api::namespaced_with(namespace.client()?, namespace.name(), &resource);
        Ok(Self {
            from: version(&api, name).await?,
            api,
            name: name.to_owned(),
        })
    }

    /// Checks that `Ready` was True in every version since.
    ///
    /// # Errors
    /// When it was not, or the API server has forgotten.
    pub async fn was_ready(&self) -> Result<()> {
        let now = version(&self.api, &self.name).await?;
        if now == self.from {
            return Ok(());
        }
        let params = WatchParams::default().fields(&format!("metadata.name={}", self.name));
        let mut events = Box::pin(self.api.watch(&params, &self.from).await?);
        loop {
            let next = timeout(PATIENCE, events.try_next()).await;
            let next =
                next.with_context(|| format!("version {now} of {} does not come", self.name));
            match next?? {
                Some(WatchEvent::Modified(object)) => {
                    let ready = ready(&object);
                    if ready != Some("True") {
                        bail!("{} said Ready={ready:?} for a time", self.name);
                    }
                    if object.resource_version().as_ref() == Some(&now) {
                        return Ok(());
                    }
                }
                Some(WatchEvent::Bookmark(_)) => {}
                other => bail!("{}: its history has {other:?}", self.name),
            }
        }
    }
}

async fn version(api: &Api<DynamicObject>, name: &str) -> Result<String> {
    let object = api.get(name).await?;
    object
        .resource_version()
        .context("every object has a version")
}

fn ready(object: &DynamicObject) -> Option<&str> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|it| it["type"] == "Ready")?;
    ready["status"].as_str()
}
