//! A pass over one object: paused, to be released, or to be upheld.

use std::{sync::Arc, time::Duration};

use crd_types::lifecycle::{DeletionPolicy, DriftPolicy, HasUpkeep, Mode, Upheld};
use futures::FutureExt;
use kube::Resource;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    Annotations, Blame, Claim, External, Facets, Mark, NamespaceWords, Record, SAFETY_POLL,
    Unresolved, Wishes, birth::Stage, pauses::Pauses, reasons, rounds::Rounds, word,
    work::own_record,
};
use crate::{
    cluster::{events::Severity, write::WriteError},
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
    pub(super) namespaces: NamespaceWords<E::Kind>,
    pauses: Mutex<Pauses>,
    pub(super) rounds: Mutex<Rounds>,
    interval: watch::Receiver<Duration>,
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
    /// An engine that works in the name of `owner`. An object that does not say itself what becomes of what it has
    /// waits for its namespace to be heard of in `namespaces`. Drift is looked for once an `interval`, as it is when an
    /// object's next pass comes.
    pub fn new(
        domain: E,
        owner: Owner,
        namespaces: NamespaceWords<E::Kind>,
        interval: watch::Receiver<Duration>,
        clock: Clock,
    ) -> Self {
        let rounds = Rounds::new(*interval.borrow());
        Self {
            domain,
            clock,
            owner,
            namespaces,
            pauses: Mutex::default(),
            rounds: Mutex::new(rounds),
            interval,
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

    /// Writes down, checked against concurrent changes, what is about to be touched outside. Nothing is sent
    /// for what already stands there.
    pub(super) async fn intend(
        &self,
        pass: &mut Pass<E::Kind>,
        identity: &E::Identity,
        facets: Facets,
        stage: Stage,
        settled: Wishes,
    ) -> Result<(), End> {
        pass.hold(E::FINALIZER).await?;
        let recorded = own_record::<E>(pass);
        let adopted = recorded.as_ref().is_some_and(|record| record.adopted);
        let before = recorded.as_ref().and_then(|record| record.began);
        let owned = recorded.map(|record| record.owned).unwrap_or_default();
        let owned = owned.union(&facets).cloned().collect();
        let uid = pass.object().meta().uid.clone().unwrap_or_default();
        let lane = E::lane(&pass.object()).to_string();
        E::set_record(
            &mut pass.status,
            Record {
                identity: identity.clone(),
                uid,
                lane: Some(lane),
                created: stage.is_had(),
                began: stage.began(before, self.clock.wall()),
                adopted,
                owned,
                settled,
            },
        );
        Ok(pass.record().await?)
    }

    /// Does what the object and its namespace say: nothing to what is paused.
    async fn heed(&self, pass: &mut Pass<E::Kind>) -> Result<Outcome, End> {
        keep_held::<E>(pass).await?;
        let object = pass.object();
        if Annotations::of(&*object).paused() {
            return Ok(Outcome::Paused);
        }
        if object.meta().deletion_timestamp.is_some() {
            return self.release(pass).boxed().await;
        }
        // A namespace is never younger than what is in it: its watch lags behind.
        let Some(effective) = self.policy(&object) else {
            return Ok(Outcome::Undecided {
                poll: NAMESPACE_POLL,
            });
        };
        word::show(pass, effective?);
        self.uphold(pass).boxed().await
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

    /// What the pass comes to that met a fault of the object's provider.
    fn blame(&self, pass: &mut Pass<E::Kind>, fault: Fault) -> PassResult {
        let object = pass.object();
        match self.domain.provider_failed(&object, &fault) {
            Blame::Object => return Err(fault.with_scope(Scope::Object)),
            Blame::News => pass.event(
                Severity::Warning,
                fault.reason,
                "Reconcile",
                fault.message.as_str(),
            ),
            Blame::Known => {}
        }
        pass.met(&fault);
        Ok(Outcome::Waiting {
            reason: reasons::PROVIDER_NOT_READY,
            on: format!("{}: {}", E::lane(&object), fault.message),
            poll: SAFETY_POLL,
        })
    }

    /// Ends the pass if the object's lane is paused: what follows would call outside.
    pub(super) fn unless_paused(&self, object: &E::Kind) -> Result<(), End> {
        let lane = E::lane(object);
        match self.pauses.lock().left(&lane, self.clock.now()) {
            None => Ok(()),
            Some(poll) => Err(End::Early(Outcome::Waiting {
                reason: reasons::PROVIDER_THROTTLED,
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

    fn interval(&self, object: &E::Kind, configured: Duration) -> Duration {
        let (key, now) = (ObjectKey::of(object), self.clock.now());
        let mut rounds = self.rounds.lock();
        rounds.adjust(*self.interval.borrow());
        configured.min(rounds.left(&key, now))
    }

    fn forget(&self, object: &E::Kind) {
        self.rounds.lock().forget(&ObjectKey::of(object));
    }

    fn forget_all(&self) {
        self.rounds.lock().forget_all();
        *self.pauses.lock() = Pauses::default();
    }

    async fn reconcile(&self, pass: &mut Pass<E::Kind>) -> PassResult {
        self.rounds.lock().adjust(*self.interval.borrow());
        let object = pass.object();
        let result = self.heed(pass).await.or_else(|end| match end {
            End::Early(outcome) => Ok(outcome),
            End::Fault(fault) => Err(fault),
        });
        self.settle(&object, &result);
        if result.is_err() && is_to_be_set_back(pass) {
            self.domain.not_set_back();
        }
        // Who waits has asked nobody: what his last look found still holds. Who is paused may be changed by hand.
        if !matches!(
            result,
            Ok(Outcome::Done { .. } | Outcome::Held { .. } | Outcome::Waiting { .. })
        ) {
            self.forget(&object);
        }
        match result {
            Err(fault) if fault.scope == Scope::Provider => self.blame(pass, fault),
            result => result,
        }
    }
}

/// Holds what was held once, paused or not: a manifest without finalizers that replaced the object would have it go,
/// one day, without what it has outside.
async fn keep_held<E: External>(pass: &mut Pass<E::Kind>) -> Result<(), WriteError> {
    let object = pass.object();
    let stays = object.meta().deletion_timestamp.is_none();
    if stays && object.mode() == Mode::Manage && own_record::<E>(pass).is_some() {
        pass.hold(E::FINALIZER).await?;
    }
    Ok(())
}

/// Whether something is known to have drifted that is to be as the spec says.
fn is_to_be_set_back<K: Upheld>(pass: &Pass<K>) -> bool {
    let object = pass.object();
    let policy = object.drift().map(|drift| drift.policy);
    object.meta().deletion_timestamp.is_none()
        && !Annotations::of(&*object).paused()
        && policy.unwrap_or_default() == DriftPolicy::Correct
        && pass.status.upkeep().drift.is_some()
}
