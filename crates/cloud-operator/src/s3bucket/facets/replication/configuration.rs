//! Where objects are copied to, as the spec says it and as the SDK has it.

use aws_sdk_s3::types::{ReplicationConfiguration, ReplicationRule};
use serde_json::{Value, json};

use super::BucketReplication;
use crate::{
    aws::Failed,
    s3bucket::{
        facets::{each, raise, sdk, sink},
        filter::{flatten, nest},
        wire::{Wire, object},
    },
};

/// What AWS keeps one level deeper.
const SELECTION: [&str; 2] = ["sseKmsEncryptedObjects", "replicaModifications"];

/// As the spec says it.
pub(super) fn of_sdk(found: &ReplicationConfiguration) -> Value {
    let rules = found.rules.iter().map(Wire::to_json).map(flatten);
    let rules = rules.map(|rule| raise(rule, "sourceSelectionCriteria"));
    object([
        ("roleARN", found.role.to_json()),
        ("rules", rules.collect()),
    ])
}

/// As the SDK wants it.
pub(super) fn to_sdk(value: &Value) -> Result<ReplicationConfiguration, Failed> {
    let wanted = ReplicationConfiguration::builder()
        .role(value["roleARN"].as_str().unwrap_or_default())
        .set_rules(Some(rules_to_sdk(&value["rules"])?));
    Ok(wanted.build().expect("role and rules are given"))
}

fn rules_to_sdk(rules: &Value) -> Result<Vec<ReplicationRule>, Failed> {
    let everything = json!({ "prefix": "" });
    let rules = each(rules, |rule| {
        let rule = nest(&rule, Some(everything.clone()));
        sink(rule, "sourceSelectionCriteria", &SELECTION)
    });
    let mut rules: Vec<ReplicationRule> = sdk::<BucketReplication, _>(&rules)?;
    let destinations = rules
        .iter_mut()
        .filter_map(|rule| rule.destination.as_mut());
    for destination in destinations {
        // Only of a promised time can AWS tell that it was missed; without one it refuses the threshold.
        let promised = destination.replication_time.as_ref();
        let promised = promised.and_then(|promised| promised.time.clone());
        if let Some(metrics) = &mut destination.metrics {
            metrics.event_threshold = promised;
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::MetricsStatus;

    use super::*;

    /// The minutes of the threshold in the metrics of a rule with this destination; none without metrics.
    fn threshold(mut destination: Value) -> Option<Option<i32>> {
        destination["bucket"] = "arn:aws:s3:::b".into();
        let rules =
            json!([{ "id": "a", "enabled": true, "priority": 1, "destination": destination }]);
        let rules = rules_to_sdk(&rules).unwrap();
        let metrics = rules[0].destination.as_ref()?.metrics.as_ref()?;
        assert_eq!(metrics.status, MetricsStatus::Enabled);
        let threshold = metrics.event_threshold.as_ref();
        Some(threshold.and_then(|threshold| threshold.minutes))
    }

    #[test]
    fn metrics_have_a_threshold_only_with_a_promised_time() {
        let promised = json!({ "metrics": true, "replicationTimeControl": true });
        assert_eq!(threshold(promised), Some(Some(15)));
        assert_eq!(threshold(json!({ "metrics": true })), Some(None));
        assert_eq!(threshold(json!({})), None);
    }
}
