//! What a user says of the upkeep of something outside, and what its status says back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeletionPolicy, FieldPath, HasLifecycle, Managed};
use crate::{rules::checks, stored::Stored};

/// What to do about differences that nobody asked for by editing the object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftControl {
    /// Correct: what differs is set back. Report: it is told in the condition Drifted and in status.drift, and
    /// left as it is; Ready is then False. Edits of the object come into force all the same, each with the whole
    /// field of the spec that was edited. Left out: Correct.
    #[serde(default, skip_serializing_if = "DriftPolicy::is_correct")]
    pub policy: DriftPolicy,
    /// What is left alone, as if the spec did not speak of it: by paths below spec, as in policy, tags.cost-center
    /// or lifecycleRules[old]. It is neither compared nor written, not even at creation or after an edit, nor set
    /// back when it leaves the spec. A field within a part keeps what is there as long as spec and outside both have
    /// what it belongs to: what is missing outside is made with that field as the spec has it, and what the spec
    /// lacks goes with it. A path into what has no names within, as a text or a list without ids, stands for the
    /// whole field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub ignore: Vec<Stored<FieldPath>>,
}
checks!(DriftControl { ignore: ".ignore" });

impl DriftControl {
    /// What is left alone; without what admission would refuse today.
    pub fn ignored(&self) -> Vec<FieldPath> {
        let paths = self.ignore.iter().map(Stored::parse);
        paths.filter_map(Result::ok).collect()
    }
}

/// Whether differences that nobody asked for are set back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display,
)]
pub enum DriftPolicy {
    /// They are set back.
    #[default]
    Correct,
    /// They are told and left.
    Report,
}

impl DriftPolicy {
    fn is_correct(&self) -> bool {
        *self == Self::Correct
    }
}

/// Whether the outside is ever written to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display,
)]
pub enum Mode {
    /// The spec is brought into force.
    #[default]
    Manage,
    /// The outside is only looked at.
    Observe,
}

/// What would be done outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Create: there is nothing yet. Adopt: what is there belongs to nobody and would be taken over. TakeBack: it
    /// was kept by an earlier object of this name. Update: it is this object's.
    pub action: PlannedAction,
    /// What would change. A secret is never shown.
    #[serde(flatten)]
    pub changes: Differences,
}

/// What would become of something outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum PlannedAction {
    /// It would be created.
    Create,
    /// It would be taken over.
    Adopt,
    /// It would be taken back.
    TakeBack,
    /// It would be changed.
    Update,
    /// What a later version of the operator said: an object stays readable when that is rolled back.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The field, as a path in the spec.
    #[schemars(length(min = 1, max = 512))]
    pub field: String,
    /// What is there.
    #[schemars(length(max = 300))]
    pub found: String,
    /// What the spec says.
    #[schemars(length(max = 300))]
    pub wanted: String,
}

/// Fields that differ, as many as are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Differences {
    /// The fields.
    #[serde(default)]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub fields: Vec<Difference>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub omitted: i64,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// The part of a status that the engine keeps for what stands for something outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upkeep {
    /// What differs though nobody edited the object, while it is left so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Differences>,
    /// What would be done outside, while the user keeps the operator from doing it: by spec.mode Observe, or by
    /// the annotation adopt with the value dry-run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Where the deletion policy in force was said. Annotation: by this object's annotation. Spec: by its spec.
    /// Namespace: by the annotation of its namespace. Operator: by the operator's settings. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy_source: Option<DeletionPolicySource>,
}

/// Where a deletion policy was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum DeletionPolicySource {
    /// By an annotation of the object.
    Annotation,
    /// By the object's spec.
    Spec,
    /// By an annotation of the object's namespace.
    Namespace,
    /// By the operator's settings.
    Operator,
    /// Nowhere.
    Default,
    /// What a later version of the operator said: an object stays readable when that is rolled back.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// A status that holds the engine's part about something outside.
pub trait HasUpkeep: HasLifecycle {
    /// The engine's part.
    fn upkeep(&self) -> &Upkeep;
    /// The engine's part, to be changed.
    fn upkeep_mut(&mut self) -> &mut Upkeep;
}

/// A custom resource that stands for something outside the cluster.
pub trait Upheld: Managed<Status: HasUpkeep> {
    /// What the user wants to happen at deletion; none where the user said nothing.
    fn deletion_policy(&self) -> Option<DeletionPolicy>;
    /// What the user wants done about drift; none where the user said nothing.
    fn drift(&self) -> Option<&DriftControl>;
    /// Whether the outside is ever written to.
    fn mode(&self) -> Mode;
}
