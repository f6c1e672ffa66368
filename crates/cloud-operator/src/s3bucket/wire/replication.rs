//! The form of where objects are copied to.

use aws_sdk_s3::types::{
    MetricsStatus, OwnerOverride, ReplicationTimeStatus, ReplicationTimeValue,
};

use super::tables::{presences, structures, switches, words, wrappers};

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
