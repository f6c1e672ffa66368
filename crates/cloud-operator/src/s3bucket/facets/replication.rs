//! Where objects are copied to: all rules of the bucket, by their ids. Removed from the spec it is nowhere.

use aws_sdk_s3::types::{
    MetricsStatus, OwnerOverride, ReplicationConfiguration, ReplicationRule, ReplicationTimeStatus,
    ReplicationTimeValue,
};
use serde_json::{Value, json};

use super::{Facet, Wish, each, keyed, raise, sdk, sink, unless, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::{Wire, object, presences, structures, switches, words, wrappers},
    },
};

pub(in crate::s3bucket) struct BucketReplication;

/// What AWS keeps one level deeper.
const SELECTION: [&str; 2] = ["sseKmsEncryptedObjects", "replicaModifications"];

words!(StorageClass);
switches!(
    ReplicationRuleStatus { Enabled, Disabled },
    DeleteMarkerReplicationStatus { Enabled, Disabled },
    SseKmsEncryptedObjectsStatus { Enabled, Disabled },
    ReplicaModificationsStatus { Enabled, Disabled },
);
wrappers! {
    DeleteMarkerReplication { status => set_status }
    SseKmsEncryptedObjects(checked) { status => set_status }
    ReplicaModifications(checked) { status => set_status }
    EncryptionConfiguration { replica_kms_key_id => set_replica_kms_key_id }
}
// AWS knows no other time than 15 minutes.
presences! {
    AccessControlTranslation, |_| true, Self::builder().owner(OwnerOverride::Destination).build();
    ReplicationTime, |it| it.status == ReplicationTimeStatus::Enabled,
        Self::builder().status(ReplicationTimeStatus::Enabled).time(quarter()).build();
    Metrics, |it| it.status == MetricsStatus::Enabled,
        Self::builder().status(MetricsStatus::Enabled).build();
}
structures! {
    ReplicationRule(checked) {
        id => set_id, status = "enabled" => set_status, priority => set_priority, prefix => set_prefix,
        filter => set_filter, destination => set_destination,
        source_selection_criteria => set_source_selection_criteria,
        delete_marker_replication => set_delete_marker_replication,
    }
    ReplicationRuleFilter { prefix => set_prefix, tag => set_tag, and => set_and }
    ReplicationRuleAndOperator { prefix => set_prefix, tags => set_tags }
    SourceSelectionCriteria {
        sse_kms_encrypted_objects => set_sse_kms_encrypted_objects,
        replica_modifications => set_replica_modifications,
    }
    Destination(checked) {
        bucket => set_bucket, storage_class => set_storage_class, account = "accountID" => set_account,
        access_control_translation = "ownerOverride" => set_access_control_translation,
        encryption_configuration = "replicaKmsKeyID" => set_encryption_configuration,
        replication_time = "replicationTimeControl" => set_replication_time, metrics => set_metrics,
    }
}

fn quarter() -> ReplicationTimeValue {
    ReplicationTimeValue::builder().minutes(15).build()
}

/// The rules as the SDK wants them.
fn to_sdk(rules: &Value) -> Result<Vec<ReplicationRule>, Failed> {
    let everything = json!({ "prefix": "" });
    let rules = each(rules, |rule| {
        let rule = nest(&rule, Some(everything.clone()));
        sink(rule, "sourceSelectionCriteria", &SELECTION)
    });
    let mut rules: Vec<ReplicationRule> = sdk::<BucketReplication, _>(&rules)?;
    // Only of a promised time can AWS tell that it was missed; without one it refuses the threshold.
    let promised = rules
        .iter_mut()
        .filter_map(|rule| rule.destination.as_mut())
        .filter(|destination| destination.replication_time.is_some());
    for metrics in promised.filter_map(|destination| destination.metrics.as_mut()) {
        metrics.event_threshold = Some(quarter());
    }
    Ok(rules)
}

impl Facet for BucketReplication {
    const NAME: &'static str = "replication";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.replication.as_ref().map(wanted_object)
    }

    fn at_rest(_found: &Value) -> Value {
        Value::Null
    }

    fn compared(value: &Value) -> Value {
        match value {
            Value::Null => Value::Null,
            _ => {
                json!({ "roleARN": value["roleARN"], "rules": keyed(&value["rules"], Clone::clone) })
            }
        }
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = unless(
            reads.get_bucket_replication().await,
            "ReplicationConfigurationNotFoundError",
        )?;
        let found = found.and_then(|found| found.replication_configuration);
        Ok(found.map_or(Value::Null, |found| {
            let rules = found
                .rules
                .iter()
                .map(Wire::to_json)
                .map(flatten)
                .map(|rule| raise(rule, "sourceSelectionCriteria"));
            object([
                ("roleARN", found.role.to_json()),
                ("rules", rules.collect()),
            ])
        }))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let wanted = ReplicationConfiguration::builder()
            .role(value["roleARN"].as_str().unwrap_or_default())
            .set_rules(Some(to_sdk(&value["rules"])?));
        let wanted = wanted.build().expect("role and rules are given");
        writes
            .put_bucket_replication(|call| call.replication_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_replication(|call| call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minutes of the threshold in the metrics of a rule with this destination; none without metrics.
    fn threshold(mut destination: Value) -> Option<Option<i32>> {
        destination["bucket"] = "arn:aws:s3:::b".into();
        let rules =
            json!([{ "id": "a", "enabled": true, "priority": 1, "destination": destination }]);
        let rules = to_sdk(&rules).unwrap();
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
