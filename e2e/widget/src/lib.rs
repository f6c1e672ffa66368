//! A kind whose every object becomes one config map: the least that an operator does, to be measured.
//!
//! The same job is done by [`core`] and by the programs `widget-kube` and `e2e/widget-go`: a widget's config
//! map is applied by the server where it does not stand as it should, and the widget's status says so.

pub mod core;

use std::collections::BTreeMap;

use crd_types::lifecycle::{HasLifecycle, Lifecycle, Managed};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{CustomResource, ResourceExt};
use operator_core::decide::reason::{Shown, reasons};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a user asks for.
#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "widgets.example.com",
    version = "v1",
    kind = "Widget",
    namespaced,
    status = "WidgetStatus"
)]
pub struct WidgetSpec {
    /// Goes to the config map.
    pub text: String,
    /// Goes to the config map, too.
    #[serde(default)]
    pub size: i64,
    /// Nothing is done but to fail.
    #[serde(default)]
    pub fails: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WidgetStatus {
    /// As every kind has it.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

impl HasLifecycle for WidgetStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}

impl Managed for Widget {
    type Status = WidgetStatus;

    fn status(&self) -> Option<&WidgetStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: WidgetStatus) {
        self.status = Some(status);
    }
}

reasons! {
    /// What a widget may say.
    pub const REASONS {
        pub APPLIED = "Applied" {
            shown: &[Shown::InForce],
            meaning: "the config map is as the spec says",
            remedy: "none",
        }

        pub FAILING = "Failing" {
            shown: &[Shown::Failing],
            meaning: "the spec asks for a failure",
            remedy: "ask for none",
        }
    }
}

/// Message of a widget's `Ready=True`.
pub const AS_ASKED: &str = "the config map is as the spec says";
/// Message of a widget that fails.
pub const ASKED_TO_FAIL: &str = "the spec asks for a failure";

/// What a widget's config map says. A `revision` stands for a version of the program: another one changes
/// every config map.
pub fn config_map(widget: &Widget, revision: &str) -> ConfigMap {
    let data = [
        ("text", widget.spec.text.clone()),
        ("size", widget.spec.size.to_string()),
        ("revision", revision.to_owned()),
    ];
    let mut child = ConfigMap {
        data: Some(BTreeMap::from(
            data.map(|(key, value)| (key.to_owned(), value)),
        )),
        ..ConfigMap::default()
    };
    child.metadata.name = Some(widget.name_any());
    child
}
