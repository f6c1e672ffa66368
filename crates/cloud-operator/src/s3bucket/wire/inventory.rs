//! The form of inventories.

use super::tables::{structures, words, wrappers};

words!(
    InventoryFormat,
    InventoryFrequency,
    InventoryIncludedObjectVersions,
    InventoryOptionalField,
);
wrappers! {
    InventoryFilter(checked) { prefix => set_prefix }
    InventorySchedule(checked) { frequency => set_frequency }
    InventoryDestination { s3_bucket_destination => set_s3_bucket_destination }
    InventoryEncryption { ssekms => set_ssekms }
    Ssekms(checked) { key_id => set_key_id }
}
structures! {
    InventoryConfiguration(checked) {
        id => set_id, is_enabled = "enabled" => set_is_enabled, filter = "prefix" => set_filter,
        included_object_versions => set_included_object_versions, schedule = "frequency" => set_schedule,
        optional_fields => set_optional_fields, destination => set_destination,
    }
    InventoryS3BucketDestination(checked) {
        bucket => set_bucket, account_id => set_account_id, format => set_format, prefix => set_prefix,
        encryption = "kmsKeyID" => set_encryption,
    }
}
