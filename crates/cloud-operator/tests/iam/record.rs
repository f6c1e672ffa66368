//! What is declared and what was asked, in the same words.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cloud_operator::iam::{Resource, Statement};
use harness::{
    aws::permission::{Permission, permissions},
    proxy::Recorded,
};

/// An action, and what it is about.
pub type Used = (String, Resource);

pub fn declared<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> BTreeSet<Used> {
    let of = |it: &Statement| {
        let resource = it.resource;
        let actions = it.actions.iter();
        actions
            .map(move |action| (action.name.to_owned(), resource))
            .collect::<Vec<_>>()
    };
    statements.into_iter().flat_map(of).collect()
}

/// All that the calls took.
pub fn used(requests: &[Recorded]) -> Result<BTreeSet<Used>> {
    let mut used = BTreeSet::new();
    for request in requests {
        for permission in permissions(&request.call)? {
            let resource = resource(&permission);
            let resource = resource.with_context(|| format!("{permission:?}"))?;
            used.insert((permission.action, resource));
        }
    }
    Ok(used)
}

/// The operations that took no permission.
pub fn unpermitted(requests: &[Recorded]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for request in requests {
        if permissions(&request.call)?.is_empty() {
            names.insert(request.call.about.clone());
        }
    }
    Ok(names)
}

/// The calls about a bucket, or what it holds.
pub fn of_bucket(requests: &[Recorded], bucket: &str) -> Vec<Recorded> {
    let named = |path: &str| path.trim_start_matches('/').split('/').next() == Some(bucket);
    let requests = requests.iter().filter(|it| named(&it.call.path));
    requests.cloned().collect()
}

/// How what was declared is not what was used, permission by permission.
pub fn differences(declared: &BTreeSet<Used>, used: &BTreeSet<Used>) -> Vec<String> {
    let missing = used
        .difference(declared)
        .map(|it| format!("missing: {it:?}"));
    let unused = declared.difference(used);
    missing
        .chain(unused.map(|it| format!("needed by nothing: {it:?}")))
        .collect()
}

fn resource(Permission { action, resource }: &Permission) -> Option<Resource> {
    let bucket = resource.strip_prefix("arn:aws:s3:::");
    match (resource.as_str(), bucket) {
        ("*", _) => Some(Resource::Account),
        (_, Some(name)) if name.contains('/') => Some(Resource::Object),
        (_, Some(name)) if !name.is_empty() => Some(Resource::Bucket),
        (role, _) if role.starts_with("arn:aws:iam::") && role.contains(":role/") => {
            Some(match action.starts_with("sts:") {
                true => Resource::AssumedRole,
                false => Resource::ReplicationRole,
            })
        }
        _ => None,
    }
}
