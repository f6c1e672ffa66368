//! What figures are taken on: a control plane of its own for each contender in each round, with all widgets
//! there before it starts.

use std::path::PathBuf;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use harness::{ApiProxy, ControlPlane, Namespace, scratch::Scratch};
use kube::{
    Api, CustomResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use operator_core::decide::clock::Clock;
use serde_json::json;
use widget::{Widget, WidgetSpec};

use super::seen::Seen;

/// How many clients create at once.
const CLIENTS: usize = 16;

pub struct Stage {
    pub clock: Clock,
    pub objects: usize,
    pub seen: Seen,
    pub widgets: Api<Widget>,
    pub proxy: ApiProxy,
    pub namespace: Namespace,
    pub control_plane: ControlPlane,
    pub scratch: Scratch,
}

impl Stage {
    pub async fn set(objects: usize) -> Result<Self> {
        let control_plane = ControlPlane::start().await?;
        control_plane.install_crds([Widget::crd()]).await?;
        let namespace = control_plane.namespace("bench").await?;
        let proxy = ApiProxy::start(&control_plane.config()).await?;
        let scratch = Scratch::new("bench")?;
        proxy.write_kubeconfig(&control_plane.config(), &scratch.path().join("kubeconfig"))?;
        let widgets: Api<Widget> = namespace.api()?;
        let create = |number: usize| {
            let widgets = widgets.clone();
            async move {
                let spec = WidgetSpec {
                    text: "as created".to_owned(),
                    size: i64::try_from(number)?,
                    fails: false,
                };
                let widget = Widget::new(&name(number), spec);
                widgets.create(&PostParams::default(), &widget).await?;
                anyhow::Ok(())
            }
        };
        let creations = stream::iter(0..objects).map(create);
        creations
            .buffer_unordered(CLIENTS)
            .try_collect::<()>()
            .await?;
        let clock = Clock::system();
        let seen = Seen::start(&namespace, &clock)?;
        seen.until("all widgets to be seen", |it| it.unjudged() == objects)
            .await?;
        Ok(Self {
            clock,
            objects,
            seen,
            widgets,
            proxy,
            namespace,
            control_plane,
            scratch,
        })
    }

    /// Leads to the API server through the recording proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.scratch.path().join("kubeconfig")
    }

    /// Edits a widget, and expects its config map to follow.
    pub async fn edit(&self, number: usize, text: &str) -> Result<()> {
        let name = name(number);
        self.seen.expect(&name, text, self.clock.now());
        self.patch(&name, json!({ "spec": { "text": text } })).await
    }

    /// Makes a widget fail from now on.
    pub async fn spoil(&self, number: usize) -> Result<()> {
        self.patch(&name(number), json!({ "spec": { "fails": true } }))
            .await
    }

    async fn patch(&self, name: &str, patch: serde_json::Value) -> Result<()> {
        let params = PatchParams::default();
        self.widgets
            .patch(name, &params, &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}

/// The name of a widget.
pub fn name(number: usize) -> String {
    format!("widget-{number}")
}
