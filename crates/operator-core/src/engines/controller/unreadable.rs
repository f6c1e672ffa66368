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
        let text = format!(
            "this object cannot be read, so nothing is done about it: {}; compare it with kubectl explain {}",
            found.error,
            K::plural(&()),
        );
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
