//! What ACLs grant to others than the owner.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{BucketCannedAcl, Grant};

/// What canned ACLs grant besides all to the owner (Amazon S3 User Guide, "Access control list (ACL) overview").
const CANNED: [(&str, &[&str]); 4] = [
    ("private", &[]),
    ("public-read", &["AllUsers READ"]),
    ("public-read-write", &["AllUsers READ", "AllUsers WRITE"]),
    ("authenticated-read", &["AuthenticatedUsers READ"]),
];

/// What the canned ACL of this name grants; none if there is no such ACL.
pub(super) fn of_canned(name: &str) -> Option<BTreeSet<String>> {
    let grants = CANNED.iter().find(|(canned, _)| *canned == name)?.1;
    Some(grants.iter().map(|&grant| grant.to_owned()).collect())
}

/// The canned ACL that grants this.
pub(super) fn to_canned(value: &BTreeSet<String>) -> BucketCannedAcl {
    let grants = |(_, grants): &&(&str, &[&str])| grants.iter().eq(value);
    let (name, _) = CANNED.iter().find(grants).unwrap_or(&CANNED[0]);
    BucketCannedAcl::from(*name)
}

/// A grant to somebody else than the owner.
pub(super) fn shown(grant: &Grant, owner: &Option<String>) -> Option<String> {
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
