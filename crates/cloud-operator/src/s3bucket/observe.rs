//! Looking at a bucket: is it there, whose is it, and what does it have?

use futures::{FutureExt, StreamExt, stream};
use operator_core::{
    decide::outcome::Fault,
    engines::external::{Claim, Facets, Ownership, Presence, is_of_one_facet},
};

use super::{
    facets::{BucketTags, Facet, TABLE, TagMap, Values, of_json, to_json},
    mark::{Marking, of_tags},
};
use crate::aws::{Bucket, Failed, Reads, Tenant, reasons::WRONG_REGION};

/// How many facets of a bucket are read at a time, so that one bucket does not use up what AWS grants its account.
const READS_AT_ONCE: usize = 4;

/// What a bucket has: a value for each facet that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub(super) facets: Values,
    /// The facets that AWS refused to show.
    pub(super) unread: Vec<(&'static str, Fault)>,
}

impl Observed {
    /// All tags but AWS's own.
    pub(super) fn tags(&self) -> TagMap {
        self.facets
            .get(BucketTags::NAME)
            .map(of_json::<BucketTags>)
            .unwrap_or_default()
    }
}

/// Looks at `bucket` in the name of `claim`; reads its tags and the facets in `wanted`.
pub(super) async fn observe(
    tenant: &Tenant,
    bucket: &Bucket,
    claim: &Claim,
    wanted: &Facets,
) -> Result<Presence<Observed>, Fault> {
    let reads = tenant.reads(bucket);
    let is_missing = match reads.head_bucket().await {
        Ok(_) => false,
        Err(failed) => match failed.refusal().map(|refusal| refusal.status) {
            Some(404) => true,
            Some(300..=499) => return out_of_reach(&reads, bucket, failed).await,
            _ => return Err(failed.into()),
        },
    };
    let tags = match BucketTags::read(&reads).await {
        // An answer to HeadBucket has no body, so 404 may be the word of whatever stands before the store: what it means
        // is only told with a code.
        Err(failed) if is_missing && failed.is(&["NoSuchBucket"]) => return Ok(Presence::Gone),
        tags => tags?,
    };
    match of_tags(&tags) {
        Marking::Broken => Ok(Presence::Foreign {
            owner: None,
            seen: "some tags of an ownership mark are missing, so its owner cannot be told"
                .to_owned(),
        }),
        Marking::None => Ok(Presence::Unmarked(read(&reads, tags, wanted).await?)),
        Marking::Whole(found) => match claim.judge(&found) {
            Ownership::Ours => Ok(Presence::Ours(read(&reads, tags, wanted).await?)),
            Ownership::OursEarlier => Ok(Presence::OursEarlier {
                observed: read(&reads, tags, wanted).await?,
                mark: found,
            }),
            Ownership::Foreign => Ok(Presence::Foreign {
                owner: Some(found),
                seen: "the ownership mark in its tags".to_owned(),
            }),
        },
    }
}

/// Looks at the tags, which tell that the bucket is there and whose it is, and at one facet: two calls at most.
pub(super) async fn glance(
    tenant: &Tenant,
    bucket: &Bucket,
    claim: &Claim,
    facet: &str,
) -> Result<Option<Observed>, Fault> {
    let reads = tenant.reads(bucket);
    let tags = BucketTags::read(&reads).await?;
    match of_tags(&tags) {
        Marking::Whole(found) if claim.judge(&found) == Ownership::Ours => {
            let facets = Facets::from([facet.to_owned()]);
            read(&reads, tags, &facets).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// HeadBucket answers without a body, and alike to a bucket of another account and to one of our own that we
/// may not see. Our own list of buckets tells them apart; where a bucket is, a header may tell as well.
async fn out_of_reach(
    reads: &Reads<'_>,
    bucket: &Bucket,
    failed: Failed,
) -> Result<Presence<Observed>, Fault> {
    let here: &str = bucket.region.as_ref();
    let is_elsewhere = |region: &String| !region.is_empty() && region != here;
    let named = failed.refusal().and_then(|it| it.bucket_region.clone());
    match (reads.region_among_own().await, named.filter(is_elsewhere)) {
        (Ok(None), _) => Ok(Presence::Foreign {
            owner: None,
            seen: "it is not among the buckets of this account, so another AWS account owns it"
                .to_owned(),
        }),
        (Ok(Some(region)), _) if is_elsewhere(&region) => Err(wrong_region(bucket, &region)),
        (Err(listing), _) if !listing.is(&["AccessDenied"]) => Err(listing.into()),
        // HeadBucket says so with a status that refused credentials may have, too.
        (_, Some(region)) => Err(wrong_region(bucket, &region)),
        (Ok(Some(_)), None) => Err(failed.into()),
        (Err(_), None) => {
            let mut fault = Fault::from(failed);
            fault.message.push_str(
                "; or another AWS account owns it: with s3:ListAllMyBuckets it could be told",
            );
            Err(fault)
        }
    }
}

fn wrong_region(bucket: &Bucket, region: &str) -> Fault {
    let text = format!(
        "{bucket} is in the region {region}; use a provider of that region, or another bucketName"
    );
    Fault::terminal(WRONG_REGION, text)
}

/// Reads tags and facets. One that AWS refuses to show says nothing about the others.
async fn read(reads: &Reads<'_>, tags: TagMap, wanted: &Facets) -> Result<Observed, Fault> {
    let others = TABLE
        .iter()
        .filter(|facet| facet.name() != BucketTags::NAME && wanted.contains(facet.name()));
    let read = others.map(|facet| facet.read(reads).map(|value| (facet.name(), value)));
    let read: Vec<_> = read.collect();
    let mut read = stream::iter(read).buffered(READS_AT_ONCE);
    let (mut facets, mut unread) = (Values::new(), Vec::new());
    while let Some((name, value)) = read.next().await {
        match value.map_err(Fault::from) {
            Ok(value) => {
                facets.insert(name, value);
            }
            Err(fault) if is_of_one_facet(&fault) => unread.push((name, fault)),
            Err(fault) => return Err(fault),
        }
    }
    facets.insert(BucketTags::NAME, to_json::<BucketTags>(&tags));
    Ok(Observed { facets, unread })
}
