//! The widgets' operator on kube's `Controller`, as its documentation has one written.
//!
//! It elects no leader: kube has no election.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Parser;
use crd_types::lifecycle::Condition;
use futures::StreamExt;
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{
        Controller, WatchStreamExt,
        controller::{self, Action},
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use operator_core::decide::{clock::Clock, reason::Reason};
use serde_json::json;
use widget::{APPLIED, AS_ASKED, ASKED_TO_FAIL, FAILING, Widget, config_map};

const NAME: &str = "widget-kube";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// After a failure; kube's `Controller` keeps no count of an object's failures.
const RETRY: Duration = Duration::from_secs(5);

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Settings {
    /// The cluster.
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// How many widgets are worked on at once.
    #[arg(long, default_value_t = 16)]
    workers: u16,
    /// Goes to every config map.
    #[arg(long, default_value = "1")]
    revision: String,
}

struct Site {
    client: Client,
    children: Store<ConfigMap>,
    revision: String,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("{}", ASKED_TO_FAIL)]
    Asked,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let kubeconfig = Kubeconfig::read_from(&settings.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;

    let (children, writer) = reflector::store();
    let watched = watcher(
        Api::<ConfigMap>::all(client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .modify(|child| child.managed_fields_mut().clear())
    .reflect(writer);
    tokio::spawn(watched.for_each(|_| async {}));
    children.wait_until_ready().await?;

    let site = Site {
        client: client.clone(),
        children,
        revision: settings.revision,
        clock: Clock::system(),
    };
    Controller::new(
        Api::<Widget>::all(client.clone()),
        watcher::Config::default(),
    )
    .owns(Api::<ConfigMap>::all(client), watcher::Config::default())
    .with_config(controller::Config::default().concurrency(settings.workers))
    .shutdown_on_signal()
    .run(reconcile, |_, _, _| Action::requeue(RETRY), Arc::new(site))
    .for_each(|_| async {})
    .await;
    Ok(())
}

async fn reconcile(widget: Arc<Widget>, site: Arc<Site>) -> Result<Action, Failure> {
    if widget.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if widget.spec.fails {
        site.report(&widget, false, (FAILING, ASKED_TO_FAIL))
            .await?;
        return Err(Failure::Asked);
    }
    site.apply(&widget).await?;
    site.report(&widget, true, (APPLIED, AS_ASKED)).await?;
    Ok(Action::await_change())
}

impl Site {
    async fn apply(&self, widget: &Widget) -> kube::Result<()> {
        let namespace = widget.namespace().unwrap_or_default();
        let mut child = config_map(widget, &self.revision);
        child.labels_mut().insert(MANAGED_BY.into(), NAME.into());
        child.metadata.owner_references = widget.controller_owner_ref(&()).map(|it| vec![it]);
        let known = ObjectRef::new(&child.name_any()).within(&namespace);
        if self
            .children
            .get(&known)
            .is_some_and(|it| stands(&it, &child))
        {
            return Ok(());
        }
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &namespace);
        let params = PatchParams::apply(NAME);
        api.patch(&child.name_any(), &params, &Patch::Apply(&child))
            .await?;
        Ok(())
    }

    async fn report(
        &self,
        widget: &Widget,
        ready: bool,
        (reason, message): (Reason, &str),
    ) -> kube::Result<()> {
        let generation = widget.metadata.generation;
        let mut status = widget.status.clone().unwrap_or_default();
        let lifecycle = &mut status.lifecycle;
        let before = lifecycle.clone();
        let mut conditions = vec![("Ready", ready)];
        conditions.extend((!ready).then_some(("Reconciling", true)));
        let conditions = conditions.into_iter().map(|(kind, holds)| {
            let status = if holds { "True" } else { "False" };
            let stood = before.condition(kind).filter(|it| it.status == status);
            let since = stood.map(|it| it.last_transition_time.clone());
            Condition {
                type_: kind.into(),
                status: status.into(),
                reason: reason.as_str().into(),
                message: message.into(),
                observed_generation: generation,
                last_transition_time: since.unwrap_or_else(|| Time(self.clock.wall())),
            }
        });
        lifecycle.ready = ready;
        lifecycle.observed_generation = generation;
        lifecycle.conditions = conditions.collect();
        if *lifecycle == before {
            return Ok(());
        }
        let namespace = widget.namespace().unwrap_or_default();
        let api: Api<Widget> = Api::namespaced(self.client.clone(), &namespace);
        let patch = Patch::Merge(json!({ "status": status }));
        let params = PatchParams {
            field_manager: Some(NAME.to_owned()),
            ..PatchParams::default()
        };
        api.patch_status(&widget.name_any(), &params, &patch)
            .await?;
        Ok(())
    }
}

/// Whether the config map says what it should.
fn stands(live: &ConfigMap, wanted: &ConfigMap) -> bool {
    let owner = |it: &ConfigMap| it.owner_references().first().map(|it| it.uid.clone());
    live.data == wanted.data
        && live.labels().get(MANAGED_BY) == wanted.labels().get(MANAGED_BY)
        && owner(live) == owner(wanted)
}
