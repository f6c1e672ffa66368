//! What a status says of a bucket. Pure.

use crd_types::aws::v1alpha1::{FacetState, FacetStatus, S3BucketStatus};
use operator_core::engines::external::Trouble;

use super::desired::Desired;
use crate::aws::{Bucket, Session};

/// The longest message of a facet, in bytes; its schema allows as many characters.
const LONGEST_MESSAGE: usize = 1024;

pub(super) fn report(
    session: &Session,
    bucket: &Bucket,
    desired: &Desired,
    trouble: &Trouble,
    status: &mut S3BucketStatus,
) {
    status.arn = Some(bucket.arn());
    status.region = Some(bucket.region.to_string());
    status.account_id = Some(bucket.account.to_string());
    status.bucket_domain_name = session.bucket_domain(bucket);
    let spoken_of = desired.facets.keys().copied();
    let unset = trouble.diffs.iter().map(|diff| diff.facet).filter(|name| !desired.facets.contains_key(name));
    let mut names: Vec<&'static str> = spoken_of.chain(unset).collect();
    names.sort_unstable();
    names.dedup();
    status.facets = names.into_iter().map(|name| facet(name, trouble)).collect();
}

fn facet(name: &'static str, trouble: &Trouble) -> FacetStatus {
    let differing: Vec<String> =
        trouble.diffs.iter().filter(|diff| diff.facet == name).map(ToString::to_string).collect();
    let (state, message) = match &trouble.failed {
        Some((failed, fault)) if *failed == name => (FacetState::Failed, Some(fault.message.clone())),
        _ if differing.is_empty() => (FacetState::InSync, None),
        _ => (FacetState::Drifted, Some(differing.join("; "))),
    };
    let bounded = |text: String| text[..text.floor_char_boundary(LONGEST_MESSAGE)].to_owned();
    FacetStatus { name: name.to_owned(), state, message: message.map(bounded) }
}
