//! The objects that are created and edited.

use anyhow::Result;
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::{HasLifecycle, Managed},
};
use futures::{StreamExt, TryStreamExt, stream};
use harness::{Namespace, wait};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::PATIENCE;

/// How many clients create at once.
const CLIENTS: usize = 16;

/// The objects of a stage.
pub struct Objects {
    routes: Api<APIRoute>,
    /// With connections of its own: a watch that ends takes its connection along, and an edit would pay for
    /// another one.
    watched: Api<APIRoute>,
    backends: Api<Backend>,
}

impl Objects {
    pub fn of(namespace: &Namespace) -> Result<Self> {
        Ok(Self {
            routes: namespace.api()?,
            watched: namespace.api()?,
            backends: namespace.api()?,
        })
    }

    pub async fn backend(&self, name: &str) -> Result<()> {
        let spec = json!({ "hosts": [{ "address": "127.0.0.1", "port": 9 }] });
        let backend = object("Backend", name, &spec)?;
        self.backends
            .create(&PostParams::default(), &backend)
            .await?;
        Ok(())
    }

    /// Creates so many routes, from several clients at once.
    pub async fn routes(&self, count: usize) -> Result<()> {
        let create = |number: usize| async move {
            let spec = json!({
                "match": [{ "uri": { "prefix": format!("/route/{number}") }, "methods": ["GET", "POST"] }],
                "route": [{ "destination": { "host": "one", "port": 9 } }],
                "timeout": "30s",
                "retries": { "attempts": 3, "perTryTimeout": "10s" },
                "headers": { "request": { "set": { "x-route": number.to_string() } } },
            });
            let route = object("APIRoute", &name(number), &spec)?;
            self.routes.create(&PostParams::default(), &route).await?;
            anyhow::Ok(())
        };
        let creations = stream::iter(0..count).map(create);
        creations.buffer_unordered(CLIENTS).try_collect().await
    }

    /// Edits a route so that it is another than after any edit before.
    pub async fn edit(&self, number: usize, edit: usize) -> Result<()> {
        let patch = json!({ "spec": { "timeout": format!("{}ms", 1_000 + edit) } });
        let params = PatchParams::default();
        self.routes
            .patch(&name(number), &params, &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    /// Waits until a route is ready as it is.
    pub async fn ready(&self, number: usize) -> Result<()> {
        wait::wait_for(
            &self.watched,
            &name(number),
            "it is ready",
            PATIENCE,
            is_ready,
        )
        .await?;
        Ok(())
    }

    /// Waits until so many routes are ready.
    pub async fn all_ready(&self, count: usize) -> Result<()> {
        wait::until("all routes are ready", PATIENCE, || async {
            let all = self.routes.list(&ListParams::default()).await;
            let ready = all.map_err(|error| error.to_string())?;
            let ready = ready.items.iter().filter(|route| is_ready(route)).count();
            match ready == count {
                true => Ok(()),
                false => Err(format!("{ready} of {count}")),
            }
        })
        .await
    }
}

fn is_ready(route: &APIRoute) -> bool {
    route.status().is_some_and(|status| {
        let lifecycle = status.lifecycle();
        lifecycle.ready && lifecycle.observed_generation == route.metadata.generation
    })
}

fn name(number: usize) -> String {
    format!("route-{number}")
}

fn object<K: Managed>(kind: &str, name: &str, spec: &Value) -> Result<K> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "avapigw.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    }))?)
}
