//! What AWS would refuse of a plan: looked for before it is performed, by calls that only a plan is worth.

use operator_core::{decide::outcome::Fault, engines::external::Facets};
use serde_json::Value;

use super::{
    desired::Step,
    facets::{BucketObjectLock, BucketReplication, BucketVersioning, Change, Facet},
    invalid,
};
use crate::aws::{Bucket, Failed, Tenant, reasons};

/// The facets that we or AWS would refuse to write, and why. What cannot be read is no reason: it is told when it is
/// needed.
pub(super) async fn refusals(
    tenant: &Tenant,
    bucket: &Bucket,
    steps: &[Step],
) -> Vec<(&'static str, Fault)> {
    let mut refused: Vec<_> = steps.iter().filter_map(refused_by_us).collect();
    refused.dedup_by_key(|(facet, _)| *facet);
    if !steps.iter().any(suspends) {
        return refused;
    }
    let reads = tenant.reads(bucket);
    let mut needing = Facets::new();
    if has(BucketObjectLock::read(&reads).await) {
        needing.insert(BucketObjectLock::NAME.to_owned());
    }
    // It goes before versioning does, if it is to go.
    let stays = !steps.iter().any(ends_replication);
    if stays && has(BucketReplication::read(&reads).await) {
        needing.insert(BucketReplication::NAME.to_owned());
    }
    if !needing.is_empty() {
        refused.push((BucketVersioning::NAME, one_way(&needing)));
    }
    refused
}

fn refused_by_us(step: &Step) -> Option<(&'static str, Fault)> {
    let why = step.refused.clone()?;
    Some((step.facet.name(), invalid(why)))
}

fn has(read: Result<Value, Failed>) -> bool {
    read.is_ok_and(|found| !found.is_null())
}

fn suspends(step: &Step) -> bool {
    let of_it = step.facet.name() == BucketVersioning::NAME;
    of_it
        && match &step.change {
            Change::Set(value) => value["enabled"] == false,
            change => *change == Change::Unset,
        }
}

fn ends_replication(step: &Step) -> bool {
    step.facet.name() == BucketReplication::NAME && step.change == Change::Unset
}

/// As AWS refuses it (Amazon S3 API Reference, PutBucketVersioning, `InvalidBucketState`).
fn one_way(needing: &Facets) -> Fault {
    let needing: Vec<&str> = needing.iter().map(String::as_str).collect();
    let fault = Fault::terminal(
        reasons::ONE_WAY,
        format!(
            "spec.versioning: the bucket has {}, which needs versioning; AWS never turns object lock off",
            needing.join(" and ")
        ),
    );
    fault.with_code("InvalidBucketState")
}
