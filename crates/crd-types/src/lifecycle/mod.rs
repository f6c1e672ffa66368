//! What every kind has in common whose status an engine keeps.

mod condition;
mod field_path;
mod upkeep;
mod word;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, core::NamespaceResourceScope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::{
    condition::Condition,
    field_path::FieldPath,
    upkeep::{
        DeletionPolicySource, Difference, Differences, DriftControl, DriftPolicy, HasUpkeep, Mode,
        Plan, PlannedAction, Upheld, Upkeep,
    },
    word::Word,
};
use crate::schema::bounded_conditions;

/// What happens to the outside resource when its object is deleted.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
)]
pub enum DeletionPolicy {
    /// The outside resource is deleted too.
    #[default]
    Delete,
    /// The outside resource stays, with its ownership mark: the same object, created again, takes it back.
    Retain,
    /// The outside resource stays and its ownership mark is taken off, as far as that can be done at once.
    Orphan,
}

/// The part of a status that the engine keeps, the same for every kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// True while the spec of the generation in observedGeneration is in force.
    #[serde(default)]
    pub ready: bool,
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, and beside it Reconciling while work goes on and Stalled when only an edit can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]),
        transform = bounded_conditions
    )]
    pub conditions: Vec<Condition>,
    /// When a pass last changed something, here or outside. It does not move while nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,
    /// Value of the annotation reconcile-requested-at that was last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// The deletion policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl Lifecycle {
    /// The condition of this type, if it is there.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == *kind)
    }

    /// Notes that something was changed at `now`.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_sync_time = Some(Time(now));
    }
}

/// A status that holds the engine's part.
pub trait HasLifecycle {
    /// The engine's part.
    fn lifecycle(&self) -> &Lifecycle;
    /// The engine's part, to be changed.
    fn lifecycle_mut(&mut self) -> &mut Lifecycle;
}

/// A custom resource whose status the engines keep.
pub trait Managed:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The status of the kind.
    type Status: HasLifecycle
        + Clone
        + Default
        + PartialEq
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static;

    /// The status as stored; none before the first pass.
    fn status(&self) -> Option<&Self::Status>;

    /// Gives it this status.
    fn set_status(&mut self, status: Self::Status);
}
