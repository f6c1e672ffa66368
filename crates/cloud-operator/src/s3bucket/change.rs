//! The calls that create, mark off and delete a bucket.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use operator_core::{
    cluster::leading::Leading, decide::outcome::Fault, engines::external::Creation,
};

use super::{
    desired::{Desired, Step},
    facets::{BucketObjectLock, BucketOwnership, BucketTags, Facet, tags_to_sdk},
    mark,
    observe::Observed,
};
use crate::aws::{Bucket, Tenant};

/// The region whose name CreateBucket refuses to hear: it is what leaving the constraint out means (Amazon S3
/// API Reference, CreateBucket, `LocationConstraint`). There its answer is the same if the bucket is the account's own
/// already (ibid., `BucketAlreadyOwnedByYou`).
const UNNAMED_REGION: &str = "us-east-1";

/// Creates the bucket with its tags, so that it carries the mark from its first moment, and with its ownership
/// and object lock.
pub(super) async fn create(
    leading: &Leading,
    tenant: &Tenant,
    bucket: &Bucket,
    desired: &Desired,
) -> Result<Creation, Fault> {
    let region = bucket.region.as_ref();
    let constraint = (region != UNNAMED_REGION).then(|| BucketLocationConstraint::from(region));
    let configuration = CreateBucketConfiguration::builder()
        .set_location_constraint(constraint)
        .set_tags(Some(tags_to_sdk(&desired.tags())))
        .build();
    let ownership = desired.get::<BucketOwnership>().map(|value| value.to_sdk());
    let object_lock = desired.get::<BucketObjectLock>().map(|_| true);
    let created = tenant
        .writes(leading, bucket)
        .create_bucket(|call| {
            call.create_bucket_configuration(configuration)
                .set_object_ownership(ownership)
                .set_object_lock_enabled_for_bucket(object_lock)
        })
        .await;
    created?;
    // Elsewhere, whoever has the bucket already is refused (BucketAlreadyOwnedByYou).
    Ok(match region {
        UNNAMED_REGION => Creation::Unproven,
        _ => Creation::New,
    })
}

/// Does one step; one that cannot be done is the user's to mend.
pub(super) async fn perform(
    leading: &Leading,
    tenant: &Tenant,
    bucket: &Bucket,
    step: &Step,
) -> Result<(), Fault> {
    if let Some(why) = &step.refused {
        return Err(super::invalid(why.clone()));
    }
    let (reads, writes) = (tenant.reads(bucket), tenant.writes(leading, bucket));
    let change = step.change.clone();
    Ok(step.facet.perform(&reads, &writes, change).await?)
}

/// Deletes the bucket; one that is gone already is as good as deleted.
pub(super) async fn delete(
    leading: &Leading,
    tenant: &Tenant,
    bucket: &Bucket,
) -> Result<(), Fault> {
    match tenant
        .writes(leading, bucket)
        .delete_bucket(|call| call)
        .await
    {
        Err(failed) if failed.is(&["NoSuchBucket"]) => Ok(()),
        done => Ok(done?),
    }
}

/// Takes the mark's tags off and leaves the others.
pub(super) async fn unmark(
    leading: &Leading,
    tenant: &Tenant,
    bucket: &Bucket,
    observed: &Observed,
) -> Result<(), Fault> {
    let rest = mark::without(&observed.tags());
    let (reads, writes) = (tenant.reads(bucket), tenant.writes(leading, bucket));
    Ok(BucketTags::set(&reads, &writes, &rest).await?)
}
