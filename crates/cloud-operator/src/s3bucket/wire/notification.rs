//! The form of who is told of events.

use aws_sdk_s3::types::{FilterRule, NotificationConfigurationFilter, S3KeyFilter};
use serde_json::Value;

use super::{
    Wire,
    tables::{presences, structures, words},
};

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
