//! Who is told, in lists by what they are.

use serde_json::Value;

use crate::s3bucket::wire::object;

const LISTS: [&str; 3] = ["queues", "topics", "lambdaFunctions"];

/// The value with every list changed.
pub(super) fn changed(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    let [queues, topics, functions] = LISTS.map(|name| (name, change(&value[name])));
    let event_bridge = ("eventBridge", value["eventBridge"].clone());
    object([queues, topics, functions, event_bridge])
}
