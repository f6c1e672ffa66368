use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{Rule, Ruled, checks, with_rules};

/// What happens to objects as they age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct LifecycleRule {
    /// Name of the rule, unique within the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// Whether the rule acts.
    pub enabled: bool,
    /// The rule is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// When objects are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<LifecycleExpiration>,
    /// When objects move to other storage classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub transitions: Vec<LifecycleTransition>,
}

impl Ruled for LifecycleRule {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "has(self.expiration) || (has(self.transitions) && self.transitions.size() > 0)",
        "a rule needs expiration or transitions",
        |rule| rule.expiration.is_some() || !rule.transitions.is_empty(),
    )];
}

checks!(ruled LifecycleRule {});

/// When objects are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleExpiration {
    /// Days after creation.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub days: i32,
}

/// When objects move to another storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleTransition {
    /// Days after creation.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub days: i32,
    /// The storage class: GLACIER, DEEP_ARCHIVE, INTELLIGENT_TIERING, STANDARD_IA or ONEZONE_IA.
    pub storage_class: StorageClass,
}

/// A storage class that objects can move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// S3 Glacier Flexible Retrieval.
    Glacier,
    /// S3 Glacier Deep Archive.
    DeepArchive,
    /// S3 Intelligent-Tiering.
    IntelligentTiering,
    /// S3 Standard-Infrequent Access.
    StandardIa,
    /// S3 One Zone-Infrequent Access.
    #[serde(rename = "ONEZONE_IA")]
    OneZoneIa,
}
