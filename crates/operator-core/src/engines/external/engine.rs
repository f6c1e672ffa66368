//! A pass over one object: paused, to be released, or to be upheld.

use std::{sync::Arc, time::Duration};

use crd_types::lifecycle::{DeletionPolicy, DeletionPolicySource, HasLifecycle, HasUpkeep, Upheld};
use futures::FutureExt;
use kube::Resource;
use parking_lot::Mutex;

use super::{
    Annotations, Claim, External, Facets, Mark, Record, SAFETY_POLL, Unresolved, Wishes, Words,
    pauses::Pauses,
    policy::{self, Said},
    rounds::Rounds,
};
use crate::{
    cluster::{cache::Cache, write::WriteError},
    decide::{
        clock::Clock,
        key::ObjectKey,
        outcome::{Class, Fault, Outcome, PassResult, Scope},
    },
    engines::controller::{Pass, Reconciler},
};

/// In whose name an engine works, and what its operator was told of it.
#[derive(Clone, Debug)]
pub struct Owner {
    /// What marks outside resources as this installation's own.
    pub installation: Arc<str>,
    /// Whether that is the cluster's own name, and no other cluster's.
    pub named_by_cluster: bool,
    /// Installations that this one goes on for: what they marked is taken back, by the same name.
    pub earlier: Arc<[String]>,
    /// What becomes of an outside resource whose object says nothing about it.
    pub deletion_policy: Option<DeletionPolicy>,
}

/// How soon to look again for a namespace that is not known yet.
const NAMESPACE_POLL: Duration = Duration::from_secs(1);

/// Drives the objects of one [`External`] kind.
pub struct Engine<E: External> {
    pub(super) domain: E,
    pub(super) clock: Clock,
    pub(super) owner: Owner,
    namespaces: Arc<Cache<Words<E::Kind>>>,
    pauses: Mutex<Pauses>,
    pub(super) rounds: Mutex<Rounds>,
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
    /// An engine that works in the name of `owner`. It waits for each object's namespace to be in `namespaces`, and
    /// looks for drift once an `interval`.
    pub fn new(
        domain: E,
        owner: Owner,
        namespaces: Arc<Cache<Words<E::Kind>>>,
        interval: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            domain,
            clock,
            owner,
            namespaces,
            pauses: Mutex::default(),
            rounds: Mutex::new(Rounds::new(interval)),
        }
    }

    pub(super) fn claim(&self, object: &E::Kind) -> Claim {
        Claim {
            mark: self.mark(object),
            earlier: self.owner.earlier.clone(),
        }
    }

    fn mark(&self, object: &E::Kind) -> Mark {
        let meta = object.meta();
        Mark {
            installation: self.owner.installation.to_string(),
            kind: format!("{}.{}", E::Kind::kind(&()), E::Kind::group(&())),
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
        }
    }

    /// The deletion policy in force; nothing while the object's namespace is not known.
    fn policy(
        &self,
        object: &E::Kind,
    ) -> Option<Result<(DeletionPolicy, DeletionPolicySource), Fault>> {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        let words = self.namespaces.get(&ObjectKey::new("", namespace))?;
        let key = Annotations::<E::Kind>::key("deletion-policy");
        let said = Said {
            annotation: Annotations::of(object).deletion_policy(),
            spec: object.deletion_policy(),
            namespace: words.get(&key).map(String::as_str),
            operator: self.owner.deletion_policy,
        };
        Some(policy::effective(said, &key, namespace))
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
        let uid = pass.object().meta().uid.clone().unwrap_or_default();
        E::set_record(
            &mut pass.status,
            Record {
                identity: identity.clone(),
                uid,
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
            Ok(Outcome::Released) => self.went_through(object),
            _ => {}
        }
    }

    /// Notes that calls about an object were answered.
    pub(super) fn went_through(&self, object: &E::Kind) {
        let lane = E::lane(object);
        self.pauses.lock().succeeded(&lane, self.clock.now());
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

    fn gone(&self, object: &E::Kind) {
        self.rounds.lock().forget(&ObjectKey::of(object));
    }

    async fn reconcile(&self, pass: &mut Pass<E::Kind>) -> PassResult {
        let object = pass.object();
        if Annotations::of(&*object).paused() {
            return Ok(Outcome::Paused);
        }
        let Some(policy) = self.policy(&object) else {
            // A namespace is never younger than what is in it: its watch lags behind.
            return Ok(Outcome::Undecided {
                poll: NAMESPACE_POLL,
            });
        };
        if let Ok((policy, source)) = &policy {
            pass.status.lifecycle_mut().deletion_policy = Some(*policy);
            pass.status.upkeep_mut().deletion_policy_source = Some(*source);
        }
        let policy = policy.map(|(policy, _)| policy);
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
        if !matches!(result, Ok(Outcome::Done { .. } | Outcome::Held { .. })) {
            self.gone(&object);
        }
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
