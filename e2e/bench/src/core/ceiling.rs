//! How fast the API server takes the same requests from a client that thinks nothing.

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, WatchParams},
};
use serde_json::json;
use tokio::task::JoinSet;
use widget::{APPLIED, AS_ASKED, Widget, config_map};

use super::{
    WORKERS,
    figures::{Figures, Measuring},
    stage::Stage,
};

/// Sends what it takes to make every widget ready, with a watch of each kind open.
pub async fn replay(stage: &Stage) -> Result<Figures> {
    let client = Client::try_from(stage.proxy.config())?;
    let namespace = stage.namespace.name();
    let widgets: Api<Widget> = Api::namespaced(client.clone(), namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    // Beforehand: a client that starts has no list to wait for.
    let all = stage.widgets.list(&ListParams::default()).await?;
    let version = all.metadata.resource_version.clone().unwrap_or_default();

    let measuring = Measuring::begin(stage);
    let mut watches = JoinSet::new();
    let (watched, from) = (widgets.clone(), version.clone());
    watches.spawn(async move {
        let events = watched.watch_metadata(&WatchParams::default(), &from).await;
        if let Ok(events) = events {
            events.boxed().for_each(|_| async {}).await;
        }
    });
    let watched = maps.clone();
    watches.spawn(async move {
        let events = watched
            .watch_metadata(&WatchParams::default(), &version)
            .await;
        if let Ok(events) = events {
            events.boxed().for_each(|_| async {}).await;
        }
    });
    let (widgets, maps) = (&widgets, &maps);
    stream::iter(all.items)
        .map(|widget| make_ready(stage, widgets, maps, widget))
        .buffer_unordered(usize::from(WORKERS))
        .try_collect::<()>()
        .await?;
    measuring.end(&[])
}

async fn make_ready(
    stage: &Stage,
    widgets: &Api<Widget>,
    maps: &Api<ConfigMap>,
    widget: Widget,
) -> Result<()> {
    let name = widget.name_any();
    let mut child = config_map(&widget, "1");
    child.metadata.owner_references = widget.controller_owner_ref(&()).map(|it| vec![it]);
    maps.patch_metadata(&name, &PatchParams::apply("ceiling"), &Patch::Apply(&child))
        .await?;
    let generation = widget.metadata.generation;
    let status = json!({ "status": {
        "ready": true,
        "observedGeneration": generation,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": APPLIED.as_str(), "message": AS_ASKED,
            "observedGeneration": generation, "lastTransitionTime": stage.clock.wall().strftime("%FT%TZ").to_string(),
        }],
    } });
    let params = PatchParams::default();
    widgets
        .patch_status(&name, &params, &Patch::Merge(status))
        .await?;
    Ok(())
}
