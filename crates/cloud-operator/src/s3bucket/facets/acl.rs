//! The ACL of the bucket itself. Removed from the spec it is private.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{BucketCannedAcl, Grant};

use super::{BucketOwnership, Facet, Wish, public_access_block::BucketPublicAccessBlock};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAcl;

/// What canned ACLs grant besides all to the owner (Amazon S3 User Guide, "Access control list (ACL) overview").
const CANNED: [(&str, &[&str]); 4] = [
    ("private", &[]),
    ("public-read", &["AllUsers READ"]),
    ("public-read-write", &["AllUsers READ", "AllUsers WRITE"]),
    ("authenticated-read", &["AuthenticatedUsers READ"]),
];

impl Facet for BucketAcl {
    const NAME: &'static str = "acl";
    const GUARDS: &'static [&'static str] = &[BucketOwnership::NAME, BucketPublicAccessBlock::NAME];
    /// What is granted to others than the owner.
    type Value = BTreeSet<String>;

    fn wanted(wish: &Wish<'_>) -> Option<BTreeSet<String>> {
        let wanted: &str = wish.spec.acl?.into();
        let grants = CANNED.iter().find(|(name, _)| *name == wanted)?.1;
        Some(grants.iter().map(|&grant| grant.to_owned()).collect())
    }

    fn at_rest(_found: &BTreeSet<String>) -> BTreeSet<String> {
        BTreeSet::new()
    }

    async fn read(reads: &Reads<'_>) -> Result<BTreeSet<String>, Failed> {
        let found = reads.get_bucket_acl().await?;
        let owner = found.owner.and_then(|owner| owner.id);
        let grants = found.grants.unwrap_or_default();
        let others = grants.iter().filter_map(|grant| shown(grant, &owner));
        Ok(others.collect())
    }

    async fn write(writes: &Writes<'_>, value: &BTreeSet<String>) -> Result<(), Failed> {
        let grants = |(_, grants): &&(&str, &[&str])| grants.iter().eq(value);
        let (name, _) = CANNED.iter().find(grants).unwrap_or(&CANNED[0]);
        writes
            .put_bucket_acl(|call| call.acl(BucketCannedAcl::from(*name)))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &BTreeSet::new()).await
    }
}

/// A grant to somebody else than the owner.
fn shown(grant: &Grant, owner: &Option<String>) -> Option<String> {
    let grantee = grant.grantee.as_ref()?;
    if grantee.id.is_some() && grantee.id == *owner {
        return None;
    }
    let group = grantee
        .uri
        .as_deref()
        .and_then(|uri| uri.rsplit('/').next());
    let who = [
        group,
        grantee.id.as_deref(),
        grantee.email_address.as_deref(),
    ];
    let who = who.into_iter().flatten().next().unwrap_or("somebody");
    let what = grant.permission.as_ref().map_or("?", |it| it.as_str());
    Some(format!("{who} {what}"))
}
