//! Lifecycle rules: all of the bucket, by their ids. Removed from the spec there are none.

use aws_sdk_s3::{
    operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    types::{BucketLifecycleConfiguration, TransitionDefaultMinimumObjectSize},
};
use serde_json::{Value, json};

use super::{Facet, Wish, each, keyed, sdk, sorted, unless, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::{Wire, structures, switches, words},
    },
};

pub(super) struct BucketLifecycle;

switches!(ExpirationStatus { Enabled, Disabled });
words!(TransitionStorageClass);
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

type Answer = Result<GetBucketLifecycleConfigurationOutput, Failed>;

/// The configuration, if there is one.
fn found(answer: Answer) -> Result<Option<GetBucketLifecycleConfigurationOutput>, Failed> {
    unless(answer, "NoSuchLifecycleConfiguration")
}

/// From which size on objects move where a rule says nothing of it. No spec speaks of it.
fn least_size(answer: Answer) -> Result<Option<TransitionDefaultMinimumObjectSize>, Failed> {
    Ok(found(answer)?.and_then(|found| found.transition_default_minimum_object_size))
}

/// Replaces the rules and says of the size what it is told.
async fn replace(
    writes: &Writes<'_>,
    rules: &Value,
    least_size: Option<TransitionDefaultMinimumObjectSize>,
) -> Result<(), Failed> {
    let nested = each(rules, |rule| nest(&rule, Some(json!({ "prefix": "" }))));
    let rules = sdk::<BucketLifecycle, _>(&nested)?;
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
    let rules = rules.build().expect("a list is given");
    writes
        .put_bucket_lifecycle_configuration(|call| {
            call.lifecycle_configuration(rules)
                .set_transition_default_minimum_object_size(least_size)
        })
        .await
}

impl Facet for BucketLifecycle {
    const NAME: &'static str = "lifecycleRules";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.lifecycle_rules)
    }

    fn at_rest(_found: &Value) -> Value {
        json!([])
    }

    fn compared(value: &Value) -> Value {
        let lists = ["transitions", "noncurrentVersionTransitions"];
        keyed(value, |rule| sorted(rule, &lists))
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = found(reads.get_bucket_lifecycle_configuration().await)?;
        let rules = found.and_then(|found| found.rules).unwrap_or_default();
        Ok(rules.iter().map(Wire::to_json).map(flatten).collect())
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        replace(writes, value, None).await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        // AWS takes silence for its default, which may move other objects than the bucket's owner has chosen.
        let least_size = least_size(reads.get_bucket_lifecycle_configuration().await)?;
        replace(writes, value, least_size).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_lifecycle(|call| call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{Call, Failure, Refusal};

    #[test]
    fn the_least_size_stays_what_it_is() {
        let varies = TransitionDefaultMinimumObjectSize::VariesByStorageClass;
        let has = GetBucketLifecycleConfigurationOutput::builder()
            .transition_default_minimum_object_size(varies.clone())
            .build();
        assert_eq!(least_size(Ok(has)).unwrap(), Some(varies));
        let refused = |code: &str| {
            let code = Some(code.to_owned());
            let failure = Failure::Refused(Refusal {
                code,
                ..Refusal::default()
            });
            let call = Call::read("s3:GetLifecycleConfiguration");
            least_size(Err(Failed { call, failure }))
        };
        assert!(refused("NoSuchLifecycleConfiguration").is_ok_and(|size| size.is_none()));
        assert!(refused("AccessDenied").is_err(), "unknown is not unset");
    }
}
