use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arn::Arn;
use crate::{rules::checks, stored::Stored};

/// Who is told of what happens in the bucket. AWS refuses a target that is not there or does not let S3 in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Whether all events go to Amazon EventBridge.
    #[serde(default)]
    pub event_bridge: bool,
    /// Queues of SQS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub queues: Vec<NotificationTarget>,
    /// Topics of SNS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub topics: Vec<NotificationTarget>,
    /// Functions of Lambda.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub lambda_functions: Vec<NotificationTarget>,
}

checks!(Notification {
    queues: ".queues",
    topics: ".topics",
    lambda_functions: ".lambdaFunctions"
});

/// One that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationTarget {
    /// Name of this entry, unique within the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// ARN of the queue, topic or function.
    pub arn: Stored<Arn>,
    /// The events: s3:ObjectCreated:*, s3:ObjectRemoved:Delete …
    #[schemars(length(min = 1, max = 40), inner(length(min = 1, max = 128)))]
    pub events: Vec<String>,
    /// Only of objects whose key begins with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// Only of objects whose key ends with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub suffix: Option<String>,
}

checks!(NotificationTarget { arn: ".arn" });
