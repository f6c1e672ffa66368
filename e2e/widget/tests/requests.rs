//! What the least operator asks of the API server, request by request: neither more nor less than
//! `tests/budgets/requests.txt` says.
//!
//! Only counts: nothing here depends on how fast anything is. Watches are left out, as they are opened again
//! by the clock.

mod budget;

use std::{future::pending, sync::Arc};

use harness::{
    ApiProxy, ControlPlane, Namespace,
    proxy::{Call, Verb, kubernetes::is_list},
    wait::{PATIENCE, until, wait_for},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, CustomResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    decide::clock::Clock,
    process::{
        config::{Inputs, load},
        operator::Operator,
    },
};
use serde_json::json;
use widget::{
    Widget, WidgetSpec,
    core::{Config, operator},
};

const OBJECTS: usize = 20;
const EDITS: usize = 5;
/// How many widgets [`Stage::requests`] has made when the operator starts again.
const MARKS: usize = 3;

struct Stage {
    proxy: ApiProxy,
    namespace: Namespace,
    widgets: Api<Widget>,
}

impl Stage {
    async fn set() -> Self {
        let cluster = ControlPlane::shared().await.unwrap();
        cluster.install_crds([Widget::crd()]).await.unwrap();
        let namespace = cluster.namespace("budget").await.unwrap();
        Self {
            proxy: ApiProxy::start(&cluster.config()).await.unwrap(),
            widgets: namespace.api().unwrap(),
            namespace,
        }
    }

    /// The operator, for this namespace and through the proxy.
    fn operator(&self) -> Operator {
        let args = [
            "widget-core".to_owned(),
            format!("--watch-namespaces={}", self.namespace.name()),
            "--leader-elect=false".to_owned(),
            "--metrics-bind-address=0".to_owned(),
            "--health-probe-bind-address=0".to_owned(),
        ];
        let inputs = Inputs {
            args: args.map(Into::into).into(),
            env: &|_| None,
            facts: &[],
        };
        let config = load::<Config>(&inputs).unwrap().settings;
        let client = Client::try_from(self.proxy.config()).unwrap();
        operator(config, client, Clock::system())
    }

    async fn create(&self, name: &str) {
        let spec = WidgetSpec {
            text: "as created".to_owned(),
            ..WidgetSpec::default()
        };
        let widget = Widget::new(name, spec);
        let params = PostParams::default();
        self.widgets.create(&params, &widget).await.unwrap();
    }

    async fn ready(&self, name: &str) {
        let is_ready = |widget: &Widget| {
            let lifecycle = widget.status.as_ref().map(|it| &it.lifecycle);
            lifecycle
                .is_some_and(|it| it.ready && it.observed_generation == widget.metadata.generation)
        };
        wait_for(&self.widgets, name, "it is ready", PATIENCE, is_ready)
            .await
            .unwrap();
    }

    /// The requests since the last call. What was asked for before is done, as another widget is ready that
    /// came after it.
    async fn requests(&self, phase: &str) -> Vec<(String, u64)> {
        let mark = format!("mark-{}", phase.replace(' ', "-"));
        self.create(&mark).await;
        self.ready(&mark).await;
        let requests = self.proxy.proxy().requests();
        self.proxy.proxy().clear();
        // A watch that goes on costs nothing; one that begins with a list counts as that.
        let counts = |call: &Call| call.verb != Verb::Watch || is_list(call);
        let counted = requests.iter().filter(|it| counts(&it.call));
        let lines = counted.map(|it| format!("{phase}: {} {}", it.call.method, it.call.about));
        budget::counted(lines)
    }
}

#[tokio::test]
async fn requests_are_those_of_the_budget() {
    let stage = Stage::set().await;
    let names: Vec<String> = (0..OBJECTS)
        .map(|number| format!("widget-{number}"))
        .collect();
    for name in &names {
        stage.create(name).await;
    }
    let mut measured = Vec::new();

    let story = async {
        for name in &names {
            stage.ready(name).await;
        }
        measured.extend(stage.requests("cold start").await);

        for (edit, name) in names.iter().take(EDITS).enumerate() {
            let patch = json!({ "spec": { "text": format!("edit {edit}") } });
            let (patch, params) = (Patch::Merge(patch), PatchParams::default());
            stage.widgets.patch(name, &params, &patch).await.unwrap();
            stage.ready(name).await;
        }
        measured.extend(stage.requests("edits").await);

        let maps: Api<ConfigMap> = stage.namespace.api().unwrap();
        let lost = maps.get(&names[0]).await.unwrap().metadata.uid;
        let params = DeleteParams::default();
        maps.delete(&names[0], &params).await.unwrap();
        let is_back = |map: &ConfigMap| map.metadata.uid != lost;
        wait_for(&maps, &names[0], "it is back", PATIENCE, is_back)
            .await
            .unwrap();
        measured.extend(stage.requests("a child deleted").await);
    };
    tokio::select! {
        ended = stage.operator().run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }

    // All stands already, as another process finds.
    let operator = stage.operator();
    let metrics = Arc::new(operator.metrics.clone());
    let story = async {
        let looked_at_all = || async {
            let text = metrics.expose(None).text;
            let passes = text.lines().filter_map(|line| {
                let labels = line.strip_prefix("controller_runtime_reconcile_total{")?;
                labels.rsplit_once(' ')?.1.parse::<f64>().ok()
            });
            passes.sum::<f64>() >= (OBJECTS + MARKS) as f64
        };
        until("every widget to be looked at", PATIENCE, looked_at_all)
            .await
            .unwrap();
        measured.extend(stage.requests("restart").await);
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
    budget::check("requests", &measured, 0.0);
}
