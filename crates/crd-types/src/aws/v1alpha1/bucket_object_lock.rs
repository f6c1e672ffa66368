use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{Rule, Ruled, checks, with_rules};

/// Object lock is on: versions can be kept from being deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ObjectLock {
    /// True. A bucket without object lock has no objectLock here.
    pub enabled: bool,
    /// For how long new objects are locked that do not say it themselves; left out: not at all. Removed after
    /// having been set: new objects are no longer locked, those that are stay so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_retention: Option<DefaultRetention>,
}

impl Ruled for ObjectLock {
    const RULES: &'static [Rule<Self>] = &[Rule::of_field(
        ".enabled",
        "self.enabled",
        "enabled is true: leave objectLock out for a bucket without",
        |lock| lock.enabled,
    )];
}

checks!(ruled ObjectLock { default_retention: ".defaultRetention" });

/// For how long new objects are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct DefaultRetention {
    /// GOVERNANCE: who has the permission may unlock. COMPLIANCE: nobody may, not even the account's owner.
    pub mode: RetentionMode,
    /// Days after creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub days: Option<i32>,
    /// Years after creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub years: Option<i32>,
}

impl Ruled for DefaultRetention {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "has(self.days) != has(self.years)",
        "give one of days and years",
        |retention| retention.days.is_some() != retention.years.is_some(),
    )];
}

checks!(ruled DefaultRetention {});

/// Who may unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RetentionMode {
    /// Who has the permission.
    Governance,
    /// Nobody.
    Compliance,
}
