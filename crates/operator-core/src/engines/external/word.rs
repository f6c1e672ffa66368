//! Whose word counts about the end of what is outside: the object's own, its namespace's, the operator's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crd_types::lifecycle::{DeletionPolicy, DeletionPolicySource, HasLifecycle, HasUpkeep, Upheld};
use kube::Resource;

use super::{
    Annotations, External,
    engine::{End, Engine},
    policy::{self, Said},
    reasons,
};
use crate::{
    decide::outcome::{Fault, Outcome},
    engines::controller::Pass,
};

/// How soon to ask again for a namespace that could not be read.
const NAMESPACE_PAUSE: Duration = Duration::from_secs(10);

/// A deletion policy, and who said it.
pub(super) type Effective = (DeletionPolicy, DeletionPolicySource);

impl<E: External> Engine<E> {
    /// The deletion policy that holds for now, to be shown; nothing while what it depends on is not known.
    pub(super) fn policy(&self, object: &E::Kind) -> Option<Result<Effective, Fault>> {
        let said = self.said(object);
        let words = match said.is_own() {
            true => Arc::default(),
            false => self.namespaces.heard(namespace_of(object))?,
        };
        Some(effective(said, object, &words))
    }

    /// The deletion policy to act upon. What the namespace says is asked of the API server: the watch of namespaces
    /// may be yet to bring a word that was there before the object was deleted, for two watches have no order. It is
    /// asked in each pass of a deletion, so that a word amid a long one counts; a list of one name is little beside
    /// what such a pass asks outside.
    pub(super) async fn policy_at_deletion(
        &self,
        pass: &mut Pass<E::Kind>,
    ) -> Result<DeletionPolicy, End> {
        let object = pass.object();
        let said = self.said(&object);
        let words = match said.is_own() {
            true => BTreeMap::new(),
            false => self.ask_namespace(&object).await?,
        };
        let effective = effective(said, &*object, &words)?;
        show(pass, effective);
        Ok(effective.0)
    }

    async fn ask_namespace(&self, object: &E::Kind) -> Result<BTreeMap<String, String>, End> {
        let name = namespace_of(object);
        let asked = self.namespaces.asked(name).await;
        asked.map_err(|why| {
            let key = Annotations::<E::Kind>::key("deletion-policy");
            End::Early(Outcome::Waiting {
                reason: reasons::NAMESPACE_NOT_READ,
                on: format!(
                    "the namespace {name} may say by its annotation {key} what becomes of what is outside, and cannot \
                     be read: {why}; the same annotation on this object counts without it"
                ),
                poll: NAMESPACE_PAUSE,
            })
        })
    }

    /// What object and operator say of its deletion.
    fn said<'a>(&self, object: &'a E::Kind) -> Said<'a> {
        Said {
            annotation: Annotations::of(object).deletion_policy(),
            spec: object.deletion_policy(),
            namespace: None,
            operator: self.owner.deletion_policy,
        }
    }
}

fn namespace_of<K: Resource>(object: &K) -> &str {
    object.meta().namespace.as_deref().unwrap_or_default()
}

/// The policy in force where the object's namespace says `words`.
fn effective<K: Resource<DynamicType = ()>>(
    said: Said<'_>,
    object: &K,
    words: &BTreeMap<String, String>,
) -> Result<Effective, Fault> {
    let key = Annotations::<K>::key("deletion-policy");
    let namespace = words.get(&key).map(String::as_str);
    policy::effective(Said { namespace, ..said }, &key, namespace_of(object))
}

/// Shows the policy on the object.
pub(super) fn show<K: Upheld>(pass: &mut Pass<K>, (policy, source): Effective) {
    pass.status.lifecycle_mut().deletion_policy = Some(policy);
    pass.status.upkeep_mut().deletion_policy_source = Some(source);
}
