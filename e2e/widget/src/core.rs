//! The operator on `operator-core`.

use std::{future::Future, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Client, ResourceExt};
use operator_core::{
    cluster::children::Children,
    decide::{
        clock::Clock,
        outcome::{Fault, Outcome, PassResult},
        queue::Class,
    },
    engines::controller::{Pass, Reconciler},
    process::{
        build::build,
        config::Common,
        operator::{Operator, OperatorError},
    },
};

use crate::{APPLIED, AS_ASKED, ASKED_TO_FAIL, FAILING, Widget, config_map};

/// The operator's name: its field manager.
pub const NAME: &str = "widget-core";
/// The Lease of its replicas.
pub const LEASE: &str = "widget-core.widgets.example.com";

/// The operator's settings.
#[derive(Clone, Debug, clap::Parser)]
pub struct Config {
    /// What every operator has.
    #[command(flatten)]
    pub common: Common,
    /// Goes to every config map.
    #[arg(long, env = "REVISION", default_value = "1")]
    pub revision: String,
}

/// The operator, put together.
pub fn operator(config: Config, client: Client, clock: Clock) -> Operator {
    let mut operator = Operator::new(NAME, build!(), LEASE, config.common, client, clock);
    let widgets = operator.cache("widget");
    let children = operator.children::<ConfigMap>("configmap");
    let reconciler = Widgets {
        children: children.clone(),
        revision: config.revision,
    };
    let controller = operator.controller(&widgets, reconciler);
    children.on_change::<Widget>(move |widget| controller.trigger(widget, Class::Reference));
    operator
}

/// Runs the operator until `stop`.
///
/// # Errors
/// As [`Operator::run`].
pub async fn run(
    config: Config,
    client: Client,
    clock: Clock,
    stop: impl Future<Output = ()>,
) -> Result<(), OperatorError> {
    operator(config, client, clock).run(stop).await
}

struct Widgets {
    children: Arc<Children<ConfigMap>>,
    revision: String,
}

impl Reconciler for Widgets {
    type Kind = Widget;

    /// Nothing outside is shared: no widget stands in another's way.
    fn lane(widget: &Widget) -> Arc<str> {
        widget.name_any().into()
    }

    fn announces() -> bool {
        false
    }

    async fn reconcile(&self, pass: &mut Pass<Widget>) -> PassResult {
        let widget = pass.object();
        if widget.metadata.deletion_timestamp.is_some() {
            return Ok(Outcome::Released);
        }
        if widget.spec.fails {
            return Err(Fault::transient(FAILING, ASKED_TO_FAIL));
        }
        let child = config_map(&widget, &self.revision);
        self.children.apply(pass.leading(), &*widget, child).await?;
        Ok(Outcome::Done {
            reason: APPLIED,
            message: AS_ASKED.to_owned(),
        })
    }
}
