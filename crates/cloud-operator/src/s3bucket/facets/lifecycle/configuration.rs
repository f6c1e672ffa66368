//! A lifecycle as AWS keeps it: the rules, and a size that no spec speaks of.

use aws_sdk_s3::{
    operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    types::{BucketLifecycleConfiguration, TransitionDefaultMinimumObjectSize},
};
use serde_json::{Value, json};

use super::BucketLifecycle;
use crate::{
    aws::{Failed, Writes},
    s3bucket::{
        facets::{each, sdk, unless},
        filter::nest,
    },
};

type Answer = Result<GetBucketLifecycleConfigurationOutput, Failed>;

/// The configuration, if there is one.
pub(super) fn found(
    answer: Answer,
) -> Result<Option<GetBucketLifecycleConfigurationOutput>, Failed> {
    unless(answer, "NoSuchLifecycleConfiguration")
}

/// From which size on objects move where a rule says nothing of it.
pub(super) fn least_size(
    answer: Answer,
) -> Result<Option<TransitionDefaultMinimumObjectSize>, Failed> {
    Ok(found(answer)?.and_then(|found| found.transition_default_minimum_object_size))
}

/// Replaces the rules and says of the size what it is told.
pub(super) async fn replace(
    writes: &Writes<'_>,
    rules: &Value,
    least_size: Option<TransitionDefaultMinimumObjectSize>,
) -> Result<(), Failed> {
    let nested = each(rules, |rule| nest(&rule, Some(json!({ "prefix": "" }))));
    let rules: BucketLifecycleConfiguration = sdk::<BucketLifecycle, _>(&nested)?;
    writes
        .put_bucket_lifecycle_configuration(|call| {
            call.lifecycle_configuration(rules)
                .set_transition_default_minimum_object_size(least_size)
        })
        .await
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
