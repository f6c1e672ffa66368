//! Who is told of events: nobody else than the spec says. Removed from the spec nobody is.

use aws_sdk_s3::types::{
    FilterRule, NotificationConfiguration, NotificationConfigurationFilter, S3KeyFilter,
};
use serde_json::{Value, json};

use super::{Facet, Wish, each, keyed, raise, sdk, sink, sorted, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, object, presences, structures, words},
};

pub(super) struct BucketNotification;

const TARGETS: [&str; 3] = ["queues", "topics", "lambdaFunctions"];

words!(Event, FilterRuleName);
presences! {
    EventBridgeConfiguration, |_| true, Ok::<_, ()>(Self::builder().build());
}
structures! {
    QueueConfiguration(checked) {
        id => set_id, queue_arn = "arn" => set_queue_arn, events => set_events, filter => set_filter,
    }
    TopicConfiguration(checked) {
        id => set_id, topic_arn = "arn" => set_topic_arn, events => set_events, filter => set_filter,
    }
    LambdaFunctionConfiguration(checked) {
        id => set_id, lambda_function_arn = "arn" => set_lambda_function_arn, events => set_events,
        filter => set_filter,
    }
    NotificationConfiguration {
        queue_configurations = "queues" => set_queue_configurations,
        topic_configurations = "topics" => set_topic_configurations,
        lambda_function_configurations = "lambdaFunctions" => set_lambda_function_configurations,
        event_bridge_configuration = "eventBridge" => set_event_bridge_configuration,
    }
}

/// Rules by their names: `{"prefix": "a", "suffix": "b"}`.
impl Wire for NotificationConfigurationFilter {
    fn to_json(&self) -> Value {
        let rules = self.key.as_ref().map(S3KeyFilter::filter_rules);
        let rules = rules.into_iter().flatten().filter_map(|rule| {
            let name = rule.name.as_ref()?.as_str().to_ascii_lowercase();
            let value = rule.value.as_deref().filter(|value| !value.is_empty())?;
            Some((name, value.into()))
        });
        Value::Object(rules.collect())
    }
    fn of_json(json: &Value) -> Option<Self> {
        let rule = |(name, value): (&String, &Value)| {
            let name = name.as_str().into();
            Some(
                FilterRule::builder()
                    .name(name)
                    .value(value.as_str()?)
                    .build(),
            )
        };
        let rules = json.as_object()?.iter().filter_map(rule).collect();
        let rules = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
        Some(Self::builder().key(rules).build())
    }
}

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
        let targets = TARGETS.map(|name| (name, keyed(&value[name], |it| sorted(it, &["events"]))));
        let [queues, topics, functions] = targets;
        object([
            queues,
            topics,
            functions,
            ("eventBridge", value["eventBridge"].clone()),
        ])
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.get_bucket_notification_configuration().await?;
        let targets = |list: Value| each(&list, |target| raise(target, "filter"));
        Ok(object([
            ("queues", targets(found.queue_configurations.to_json())),
            ("topics", targets(found.topic_configurations.to_json())),
            (
                "lambdaFunctions",
                targets(found.lambda_function_configurations.to_json()),
            ),
            ("eventBridge", found.event_bridge_configuration.to_json()),
        ]))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let mut wanted = value.clone();
        for name in TARGETS {
            wanted[name] = each(&value[name], |target| {
                sink(target, "filter", &["prefix", "suffix"])
            });
        }
        let wanted: NotificationConfiguration = sdk::<Self, _>(&wanted)?;
        writes
            .put_bucket_notification_configuration(|call| call.notification_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &json!({})).await
    }
}
