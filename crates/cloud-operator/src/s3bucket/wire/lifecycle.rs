//! The form of lifecycle rules.

use super::tables::{structures, switches, words, wrappers};

switches!(ExpirationStatus { Enabled, Disabled });
words!(TransitionStorageClass);
wrappers! {
    BucketLifecycleConfiguration(checked) { rules => set_rules }
}
structures! {
    LifecycleRule(checked) {
        id => set_id, status = "enabled" => set_status, prefix => set_prefix, filter => set_filter,
        expiration => set_expiration, transitions => set_transitions,
        noncurrent_version_expiration => set_noncurrent_version_expiration,
        noncurrent_version_transitions => set_noncurrent_version_transitions,
        abort_incomplete_multipart_upload => set_abort_incomplete_multipart_upload,
    }
    LifecycleRuleFilter {
        prefix => set_prefix, tag => set_tag, and => set_and,
        object_size_greater_than => set_object_size_greater_than,
        object_size_less_than => set_object_size_less_than,
    }
    LifecycleRuleAndOperator {
        prefix => set_prefix, tags => set_tags,
        object_size_greater_than => set_object_size_greater_than,
        object_size_less_than => set_object_size_less_than,
    }
    LifecycleExpiration {
        days => set_days, date => set_date, expired_object_delete_marker => set_expired_object_delete_marker,
    }
    Transition { days => set_days, date => set_date, storage_class => set_storage_class }
    NoncurrentVersionExpiration {
        noncurrent_days => set_noncurrent_days, newer_noncurrent_versions => set_newer_noncurrent_versions,
    }
    NoncurrentVersionTransition {
        noncurrent_days => set_noncurrent_days, newer_noncurrent_versions => set_newer_noncurrent_versions,
        storage_class => set_storage_class,
    }
    AbortIncompleteMultipartUpload { days_after_initiation => set_days_after_initiation }
}
