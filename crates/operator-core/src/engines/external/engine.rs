//! A pass over one object: paused, to be released, or to be upheld.

use std::sync::Arc;

use crd_types::lifecycle::{DeletionPolicy, HasLifecycle, Upheld};
use futures::FutureExt;
use kube::Resource;
use parking_lot::Mutex;

use super::{
    Annotations, External, Facets, Mark, Record, SAFETY_POLL, Unresolved, Wishes, pauses::Pauses,
};
use crate::{
    cluster::write::WriteError,
    decide::{
        clock::Clock,
        outcome::{Class, Fault, Outcome, PassResult, Scope},
    },
    engines::controller::{Pass, Reconciler},
};

/// Drives the objects of one [`External`] kind.
pub struct Engine<E: External> {
    pub(super) domain: E,
    pub(super) clock: Clock,
    installation: Arc<str>,
    pauses: Mutex<Pauses>,
}

/// Ends a pass before its last line.
pub(super) enum End {
    Early(Outcome),
    Fault(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<WriteError> for End {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict | WriteError::Gone => Self::Early(Outcome::Superseded),
            other => Self::Fault(other.into()),
        }
    }
}

impl From<Unresolved> for End {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Waiting { reason, on } => Self::Early(Outcome::Waiting {
                reason,
                on,
                poll: SAFETY_POLL,
            }),
            Unresolved::Refused(fault) => Self::Fault(fault),
        }
    }
}

impl<E: External> Engine<E> {
    /// An engine whose ownership marks name `installation`.
    pub fn new(domain: E, installation: impl Into<Arc<str>>, clock: Clock) -> Self {
        Self {
            domain,
            clock,
            installation: installation.into(),
            pauses: Mutex::default(),
        }
    }

    pub(super) fn mark(&self, object: &E::Kind) -> Mark {
        let meta = object.meta();
        Mark {
            installation: self.installation.to_string(),
            kind: format!("{}.{}", E::Kind::kind(&()), E::Kind::group(&())),
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
        }
    }

    /// Writes down, checked against concurrent changes, what is about to be touched outside. Nothing is sent
    /// for what already stands there.
    pub(super) async fn intend(
        &self,
        pass: &mut Pass<E::Kind>,
        identity: &E::Identity,
        facets: Facets,
        created: bool,
        settled: Wishes,
    ) -> Result<(), End> {
        pass.hold(E::FINALIZER).await?;
        let recorded = E::record(&pass.status);
        let owned = recorded.map(|record| record.owned).unwrap_or_default();
        let owned = owned.union(&facets).cloned().collect();
        E::set_record(
            &mut pass.status,
            Record {
                identity: identity.clone(),
                created,
                owned,
                settled,
            },
        );
        Ok(pass.record().await?)
    }

    fn settle(&self, object: &E::Kind, result: &PassResult) {
        let lane = E::lane(object);
        match result {
            Err(fault) if fault.class == Class::Throttled && fault.scope != Scope::Object => {
                self.pauses
                    .lock()
                    .throttled(&lane, fault.after, self.clock.now());
            }
            Ok(Outcome::Done { .. } | Outcome::Released) => {
                self.pauses.lock().succeeded(&lane, self.clock.now());
            }
            _ => {}
        }
    }

    /// Ends the pass if the object's lane is paused: what follows would call outside.
    pub(super) fn unless_paused(&self, object: &E::Kind) -> Result<(), End> {
        let lane = E::lane(object);
        match self.pauses.lock().left(&lane, self.clock.now()) {
            None => Ok(()),
            Some(poll) => Err(End::Early(Outcome::Waiting {
                reason: "ProviderThrottled",
                on: format!("{lane} is throttled by the other side"),
                poll,
            })),
        }
    }
}

impl<E: External> Reconciler for Engine<E> {
    type Kind = E::Kind;

    fn lane(object: &E::Kind) -> Arc<str> {
        E::lane(object)
    }

    async fn reconcile(&self, pass: &mut Pass<E::Kind>) -> PassResult {
        let object = pass.object();
        if Annotations::of(&*object).paused() {
            return Ok(Outcome::Paused);
        }
        let policy = effective_policy(&*object);
        if let Ok(policy) = &policy {
            pass.status.lifecycle_mut().deletion_policy = Some(*policy);
        }
        let result = match object.meta().deletion_timestamp {
            Some(_) => self.release(pass, policy).boxed().await,
            None => match policy {
                Ok(_) => self.uphold(pass).boxed().await,
                Err(fault) => Err(fault.into()),
            },
        };
        let result = result.or_else(|end| match end {
            End::Early(outcome) => Ok(outcome),
            End::Fault(fault) => Err(fault),
        });
        self.settle(&object, &result);
        match result {
            Err(fault) if fault.scope == Scope::Provider => {
                self.domain.provider_failed(&object, &fault);
                Ok(Outcome::Waiting {
                    reason: "ProviderNotReady",
                    on: format!("{}: {}", E::lane(&object), fault.message),
                    poll: SAFETY_POLL,
                })
            }
            result => result,
        }
    }
}

/// The policy in force: the annotation, else the spec, else `Delete`.
fn effective_policy<K: Upheld>(object: &K) -> Result<DeletionPolicy, Fault> {
    match Annotations::of(object).deletion_policy() {
        None => Ok(object.deletion_policy().unwrap_or_default()),
        Some("Delete") => Ok(DeletionPolicy::Delete),
        Some("Retain") => Ok(DeletionPolicy::Retain),
        Some("Orphan") => Ok(DeletionPolicy::Orphan),
        Some(other) => Err(Fault::terminal(
            "InvalidAnnotation",
            format!(
                "annotation {}: found {other:?}, allowed are Delete, Retain and Orphan",
                Annotations::<K>::key("deletion-policy")
            ),
        )),
    }
}
