//! Who is told of events: nobody else than the spec says. Removed from the spec nobody is.

mod targets;

use aws_sdk_s3::types::NotificationConfiguration;
use serde_json::{Value, json};

use self::targets::changed;
use super::{Facet, Wish, each, keyed, raise, sdk, sink, sorted, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, object},
};

pub(super) struct BucketNotification;

impl Facet for BucketNotification {
    const NAME: &'static str = "notification";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.notification.as_ref().map(wanted_object)
    }

    fn at_rest(_found: &Value) -> Value {
        json!({})
    }

    fn compared(value: &Value) -> Value {
        changed(value, |list| keyed(list, |it| sorted(it, &["events"])))
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.get_bucket_notification_configuration().await?;
        let functions = found.lambda_function_configurations.to_json();
        let found = object([
            ("queues", found.queue_configurations.to_json()),
            ("topics", found.topic_configurations.to_json()),
            ("lambdaFunctions", functions),
            ("eventBridge", found.event_bridge_configuration.to_json()),
        ]);
        Ok(changed(&found, |list| each(list, |it| raise(it, "filter"))))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let sunk = |target| sink(target, "filter", &["prefix", "suffix"]);
        let wanted = changed(value, |list| each(list, sunk));
        let wanted: NotificationConfiguration = sdk::<Self, _>(&wanted)?;
        writes
            .put_bucket_notification_configuration(|call| call.notification_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &json!({})).await
    }
}
