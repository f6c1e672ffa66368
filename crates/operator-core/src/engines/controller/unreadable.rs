//! Objects that this version cannot read: told on the object itself, once for each thing to tell.

use std::collections::HashMap;

use crd_types::lifecycle::{Lifecycle, Managed};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use parking_lot::Mutex;

use super::Site;
use crate::{
    cluster::{
        cache::Unreadable as Found,
        conditions,
        events::{Happening, Severity},
        leading::Leading,
        reasons,
        write::{Target, WriteError},
    },
    decide::{key::ObjectKey, outcome::Fault},
};

/// What could not be read and has not been told yet, or was told already.
#[derive(Default)]
pub(super) struct Unreadable {
    objects: Mutex<HashMap<ObjectKey, Note>>,
}

struct Note {
    found: Found,
    told: bool,
}

impl Unreadable {
    /// Takes note; true if there is something new to tell. Our own status write must not count as new.
    pub(super) fn note(&self, key: &ObjectKey, found: &Found) -> bool {
        let mut objects = self.objects.lock();
        let known = objects.get(key).is_some_and(|note| note.found == *found);
        if !known {
            objects.insert(
                key.clone(),
                Note {
                    found: found.clone(),
                    told: false,
                },
            );
        }
        !known
    }

    /// The object can be read again, or is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.objects.lock().remove(key);
    }

    /// Puts the reason on the object, as condition and event. False if that must be tried again.
    pub(super) async fn report<K: Managed>(
        &self,
        site: &Site<K>,
        leading: &Leading,
        key: &ObjectKey,
    ) -> bool {
        let Some(found) = self.untold(key) else {
            return true;
        };
        let text = text::<K>(&found);
        tracing::error!(namespace = %key.namespace, name = %key.name, "{text}");
        let happening = Happening {
            severity: Severity::Warning,
            reason: reasons::UNREADABLE,
            action: "Read",
            note: text.clone(),
        };
        site.events
            .publish(leading, reference::<K>(key, &found), happening);
        if let Err(error) = write::<K>(site, leading, key, &found, text).await {
            tracing::error!(namespace = %key.namespace, name = %key.name, %error, "cannot report it");
            return matches!(error, WriteError::Conflict | WriteError::Gone);
        }
        if let Some(note) = self
            .objects
            .lock()
            .get_mut(key)
            .filter(|note| note.found == found)
        {
            note.told = true;
        }
        true
    }

    fn untold(&self, key: &ObjectKey) -> Option<Found> {
        let objects = self.objects.lock();
        objects
            .get(key)
            .filter(|note| !note.told)
            .map(|note| note.found.clone())
    }
}

/// What is wrong with an object, and the way out. What it has outside is never deleted: which that is cannot be read.
fn text<K: Resource<DynamicType = ()>>(found: &Found) -> String {
    let (error, plural) = (&found.error, K::plural(&()));
    let held_by = found.held_by.iter().map(String::as_str);
    let own: Vec<_> = held_by.filter(|it| is_of(it, &K::group(&()))).collect();
    if own.is_empty() {
        return format!(
            "this object cannot be read, so nothing is done about it: {error}; compare it with kubectl explain {plural}"
        );
    }
    format!(
        "this object is to go and stays, as it cannot be read, so nothing is done about it: {error}; \
         compare it with kubectl explain {plural} and correct it, then it goes in order; \
         or take {} off its finalizers, then it goes and whatever it has outside is left there",
        own.join(" and ")
    )
}

/// Whether a finalizer is of the operator of this group of kinds.
fn is_of(finalizer: &str, group: &str) -> bool {
    let domain = finalizer.split_once('/').map(|(domain, _)| domain);
    let within = domain.and_then(|domain| domain.strip_suffix(group));
    within.is_some_and(|within| within.is_empty() || within.ends_with('.'))
}

async fn write<K: Managed>(
    site: &Site<K>,
    leading: &Leading,
    key: &ObjectKey,
    found: &Found,
    text: String,
) -> Result<(), WriteError> {
    let mut lifecycle = Lifecycle::default();
    let fault = Fault::terminal(reasons::UNREADABLE, text);
    conditions::conclude(
        &mut lifecycle,
        &Err(fault),
        found.generation,
        site.clock.wall(),
    );
    let target = Target {
        key,
        uid: &found.uid,
        resource_version: None,
    };
    site.writer
        .patch_unread_status::<K>(leading, target, &lifecycle)
        .await
}

fn reference<K: Resource<DynamicType = ()>>(key: &ObjectKey, found: &Found) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        uid: Some(found.uid.to_string()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::Lease;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::lives(&[], "cannot be read", "finalizers")]
    #[case::goes(&["coordination.k8s.io/mine"], "take coordination.k8s.io/mine off", "theirs")]
    #[case::earlier(&["lease.coordination.k8s.io/mine"], "take lease.coordination.k8s.io/mine off", "theirs")]
    #[case::both(&["example.org/theirs", "coordination.k8s.io/mine"], "take coordination.k8s.io/mine off", "theirs")]
    #[case::not_ours(&["example.org/theirs", "uncoordination.k8s.io/theirs"], "cannot be read", "finalizers")]
    fn what_is_to_go_says_by_what_of_ours_it_is_kept(
        #[case] held_by: &[&str],
        #[case] said: &str,
        #[case] unsaid: &str,
    ) {
        let text = text::<Lease>(&Found {
            uid: "u".into(),
            generation: Some(2),
            error: "invalid type".to_owned(),
            held_by: held_by.iter().map(|&name| name.to_owned()).collect(),
        });
        assert!(text.contains("invalid type"), "{text}");
        assert!(text.contains("kubectl explain leases"), "{text}");
        assert!(text.contains(said) && !text.contains(unsaid), "{text}");
    }
}
