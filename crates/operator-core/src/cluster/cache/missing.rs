//! Kinds that the API server does not serve, because their definitions are not installed, or not yet.

use std::time::Duration;

use kube::{Client, Resource, runtime::watcher};

use crate::cluster::refusal::{code, explain};

/// How soon a kind is asked for again while it is not certain whether there is one.
pub(super) const SOUGHT_EVERY: Duration = Duration::from_secs(2);
/// How soon once that is certain: who installs some kinds only may leave it so for ever, in many namespaces.
pub(super) const SOUGHT_LATER_EVERY: Duration = Duration::from_secs(10);

/// How many looks in a row must find a kind undefined before it counts as a kind without objects. One of several API
/// servers may be behind the others by as much as they wait before they serve a new kind, which is 5 s.
pub(super) const LOOKS: u32 = 4;

/// What the API server does not serve, as in `s3buckets.aws-infra-operator.runner.codes/v1alpha1`.
pub(super) fn what<K: Resource<DynamicType = ()>>() -> String {
    format!("{}.{}", K::plural(&()), K::api_version(&()))
}

/// Whether a watch failed because the API server does not serve its kind.
pub(super) fn is_unserved(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => code(error) == Some(404),
        watcher::Error::WatchError(status) => status.code == 404,
        watcher::Error::NoResourceVersion => false,
    }
}

/// Whether a kind is not even defined, so that there can be no object of it: no version of its group has it. A kind that
/// is served in another version than ours may have objects, which we cannot see.
///
/// The whole list of groups is asked for: it can only come from an API server, whereas anything on the way to one may
/// answer that it has not found a group.
///
/// A definition none of whose versions is served counts as none, though there may be objects of it. All that whoever may
/// ask nothing else can ask (the groups, their resources, the OpenAPI documents, the answer about the kind itself) is made
/// of served versions alone and is the same in both cases: only the right to read definitions would tell them apart.
///
/// # Errors
/// Why that is not certain.
pub(super) async fn is_undefined<K: Resource<DynamicType = ()>>(
    client: &Client,
) -> Result<(), String> {
    let (group, plural) = (K::group(&()), K::plural(&()));
    if group.is_empty() {
        return Err("Kubernetes itself defines it".to_owned());
    }
    let groups = client.list_api_groups().await;
    let groups = groups.map_err(|error| explain(&error))?.groups;
    let versions = groups.into_iter().filter(|it| it.name == group);
    for version in versions.flat_map(|it| it.versions) {
        let version = version.group_version;
        let served = client.list_api_group_resources(&version).await;
        let served = served.map_err(|error| explain(&error))?;
        if served.resources.iter().any(|it| it.name == plural) {
            return Err(format!("it serves {plural} of {version}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn only_what_is_not_found_is_not_served() {
        let refused = |code| {
            let status = Status::failure("", "").with_code(code).boxed();
            watcher::Error::InitialListFailed(kube::Error::Api(status))
        };
        assert!(is_unserved(&refused(404)));
        assert!(!is_unserved(&refused(403)) && !is_unserved(&refused(503)));
        assert!(!is_unserved(&watcher::Error::NoResourceVersion));
    }
}
