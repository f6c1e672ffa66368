//! The kind that these tests keep.

use crd_types::lifecycle::{HasLifecycle, Lifecycle, Managed};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use operator_core::decide::reason::{
    Shown::{Event, InForce, Refused, Warning},
    reasons,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gadgets.example.com",
    version = "v1",
    kind = "Gadget",
    namespaced,
    status = "GadgetStatus"
)]
pub struct GadgetSpec {
    pub size: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GadgetStatus {
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<i64>,
}

reasons! {
    /// What gadgets say.
    const _ {
        pub WELL = "Well" {
            shown: &[InForce],
            meaning: "all is well",
            remedy: "none",
        }

        pub HOPELESS = "Hopeless" {
            shown: &[Refused],
            meaning: "only an edit can help",
            remedy: "edit it",
        }

        pub SEEN = "Seen" {
            shown: &[Event],
            meaning: "somebody saw it",
            remedy: "none",
        }

        pub BROKEN = "Broken" {
            shown: &[Warning],
            meaning: "it does not work",
            remedy: "mend it",
        }
    }
}

impl HasLifecycle for GadgetStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}

impl Managed for Gadget {
    type Status = GadgetStatus;

    fn status(&self) -> Option<&GadgetStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: GadgetStatus) {
        self.status = Some(status);
    }
}

/// The definition as an earlier version may have left it: the server admits sizes that are no number.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = serde_json::to_value(Gadget::crd()).unwrap();
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["spec"]["properties"]["size"] =
        serde_json::json!({ "x-kubernetes-int-or-string": true });
    serde_json::from_value(definition).unwrap()
}
