//! Letting an object go: what its deletion policy says, and never before it is safe.

use std::{iter::once, time::Duration};

use crd_types::lifecycle::{DeletionPolicy, Mode, Upheld};
use futures::FutureExt;
use kube::Resource;

use super::{
    Annotations, Deletion, External, Facets, Presence, Purpose, Record, Wishes, birth,
    claim::judge,
    consent::{consent, hear_consent, way},
    engine::{End, Engine},
    reasons,
    take_back::{Consent, Verdict},
    work::own_record,
};
use crate::{
    cluster::{events::Severity, own_time::OwnTime},
    decide::{
        outcome::{Fault, Outcome},
        reason::Reason,
    },
    engines::controller::Pass,
};

/// How soon to look again for what is being deleted.
const DELETING_POLL: Duration = Duration::from_secs(2);
/// How long the policy `Orphan` tries to take the mark off before it goes on without.
const UNMARK_PATIENCE: Duration = Duration::from_secs(10);

impl<E: External> Engine<E> {
    pub(super) async fn release(&self, pass: &mut Pass<E::Kind>) -> Result<Outcome, End> {
        let object = pass.object();
        if !pass.holds(finalizers::<E>()) {
            return Ok(Outcome::Released);
        }
        let record = E::record(&pass.status);
        let what = match &record {
            Some(record) => record.identity.to_string(),
            None => "whatever it has outside, of which there is no record,".to_owned(),
        };
        if Annotations::of(&*object).abandon() {
            let note = format!("let go on request; {what} stays as it is");
            return self
                .let_go(pass, Severity::Warning, reasons::ABANDONED, note)
                .await;
        }
        // An earlier operator's finalizer alone: this one has not begun yet.
        if record.is_none() && !pass.holds(once(E::FINALIZER)) {
            return self.let_go_of_nothing(pass).await;
        }
        if object.mode() == Mode::Observe {
            let note = format!("{what} stays as it is, as spec.mode is Observe");
            return self
                .let_go(pass, Severity::Normal, reasons::LEFT_ALONE, note)
                .await;
        }
        let policy = self.policy_at_deletion(pass).await;
        let policy = policy.map_err(with_way_out::<E>)?;
        if policy == DeletionPolicy::Retain {
            let note = format!("{what} is kept with its ownership mark");
            return self
                .let_go(pass, Severity::Normal, reasons::RETAINED, note)
                .await;
        }
        let record = match record.map_or_else(|| self.presumed(pass), |it| Ok(Some(it))) {
            Ok(Some(record)) => record,
            Ok(None) => return self.let_go_of_nothing(pass).await,
            // It waits for no provider.
            Err(_) if policy == DeletionPolicy::Orphan => {
                let note = format!("{what} is kept; its ownership mark could not be looked for");
                return self
                    .let_go(pass, Severity::Warning, reasons::ORPHANED, note)
                    .await;
            }
            Err(end) => return Err(with_way_out::<E>(end)),
        };
        match policy {
            DeletionPolicy::Orphan => self.orphan(pass, &record).boxed().await,
            _ => {
                let deleted = self.delete(pass, &record).boxed().await;
                deleted.map_err(with_way_out::<E>)
            }
        }
    }

    /// What an object may have whose record was lost, as it is in a backup without statuses: what its spec names, if the
    /// mark there says so. Nothing, where the spec names nothing that could be made.
    fn presumed(&self, pass: &Pass<E::Kind>) -> Result<Option<Record<E::Identity>>, End> {
        let object = pass.object();
        let context = self.domain.resolve(&object, purpose::<E>(pass))?;
        let identity = self.domain.identity(&object, &context).ok();
        Ok(identity.map(|identity| Record {
            identity,
            uid: object.meta().uid.clone().unwrap_or_default(),
            lane: None,
            created: false,
            began: None,
            adopted: false,
            owned: Facets::new(),
            settled: Wishes::new(),
        }))
    }

    async fn let_go_of_nothing(&self, pass: &mut Pass<E::Kind>) -> Result<Outcome, End> {
        let note = "nothing outside was ever created or adopted";
        self.let_go(pass, Severity::Normal, reasons::RELEASED, note)
            .await
    }

    async fn delete(
        &self,
        pass: &mut Pass<E::Kind>,
        record: &Record<E::Identity>,
    ) -> Result<Outcome, End> {
        hear_consent::<E>(pass).await?;
        let object = pass.object();
        let identity = &record.identity;
        self.unless_paused(&object)?;
        let context = self.domain.resolve(&object, purpose::<E>(pass))?;
        let claim = self.claim(&object);
        let none = Default::default();
        let presence = self
            .domain
            .observe(&context, identity, &claim, &none)
            .await?;
        let marked = matches!(presence, Presence::Ours(_));
        let is_lost = own_record::<E>(pass).is_none();
        let was_made = record.created && record.is_of(&claim.mark.uid);
        match presence {
            // That it is this object's was proven by its creation.
            Presence::Unmarked(_) if birth::is_made::<E>(pass) => {}
            Presence::Gone | Presence::Unmarked(_) if birth::is_on_its_way::<E>(pass) => {
                return Ok(awaited(identity));
            }
            Presence::Gone => return self.gone(pass, identity).await,
            Presence::NotVisible => return Ok(deleting(identity)),
            Presence::Ours(_) => {}
            // It would have been taken back, had there been a pass before its end.
            Presence::OursEarlier { mark, .. }
                if is_lost && judge::<E>(pass, &claim, &self.owner, &mark) == Verdict::TakeBack => {
            }
            Presence::Foreign { owner: None, seen } => {
                return Err(Fault::blocked(
                    reasons::NOT_ACCESSIBLE,
                    format!("cannot tell whether {identity} is still there: {seen}"),
                )
                .into());
            }
            Presence::Unmarked(_) if was_made && consent::<E>(pass) == Consent::Given => {}
            Presence::Unmarked(_) if was_made => {
                return Err(Fault::blocked(
                    reasons::MARK_LOST,
                    format!(
                        "{identity} no longer carries our ownership mark, so it is not deleted; {}",
                        way::<E>(pass, "to delete it all the same")
                    ),
                )
                .into());
            }
            Presence::Unmarked(_) | Presence::OursEarlier { .. } | Presence::Foreign { .. } => {
                let note = format!("{identity} is not this object's and stays as it is");
                return self
                    .let_go(pass, Severity::Warning, reasons::LEFT_ALONE, note)
                    .await;
            }
        }
        let leading = pass.leading().clone();
        let status = &mut pass.status;
        let deleted = self
            .domain
            .delete(&leading, &context, identity, &object, status, marked)
            .await;
        pass.note_effect(&deleted);
        if let Deletion::Underway { task } = deleted? {
            return Ok(Outcome::Running {
                reason: reasons::DELETING,
                task,
                poll: DELETING_POLL,
            });
        }
        match self
            .domain
            .observe(&context, identity, &claim, &none)
            .await?
        {
            Presence::Gone => self.gone(pass, identity).await,
            _ => Ok(deleting(identity)),
        }
    }

    async fn gone(&self, pass: &mut Pass<E::Kind>, identity: &E::Identity) -> Result<Outcome, End> {
        self.let_go(
            pass,
            Severity::Normal,
            reasons::DELETED,
            format!("{identity} is gone"),
        )
        .await
    }

    /// Takes the mark off if that can be done at once; the object goes in any case.
    async fn orphan(
        &self,
        pass: &mut Pass<E::Kind>,
        record: &Record<E::Identity>,
    ) -> Result<Outcome, End> {
        let patience = UNMARK_PATIENCE.min(pass.time_left() / 2);
        let time = OwnTime::new(patience, self.clock.clone());
        let identity = &record.identity;
        let unmarked = self.unmark(pass, record).boxed();
        match time.within(unmarked).await {
            Some(Ok(())) => {
                let note = format!("{identity} is kept without an ownership mark");
                self.let_go(pass, Severity::Normal, reasons::ORPHANED, note)
                    .await
            }
            failed => {
                let why = match failed {
                    Some(Err(End::Fault(fault))) => fault.message,
                    Some(Err(End::Early(Outcome::Waiting { on, .. }))) => on,
                    Some(Err(End::Early(Outcome::Running { task, .. }))) => task,
                    _ => "no answer in time".to_owned(),
                };
                let note =
                    format!("{identity} is kept; its ownership mark could not be taken off: {why}");
                self.let_go(pass, Severity::Warning, reasons::ORPHANED, note)
                    .await
            }
        }
    }

    async fn unmark(&self, pass: &Pass<E::Kind>, record: &Record<E::Identity>) -> Result<(), End> {
        let object = pass.object();
        let context = self.domain.resolve(&object, purpose::<E>(pass))?;
        let (identity, claim) = (&record.identity, self.claim(&object));
        let found = self
            .domain
            .observe(&context, identity, &claim, &Default::default())
            .await?;
        match found {
            Presence::Ours(observed) => {
                self.domain
                    .unmark(pass.leading(), &context, identity, &observed)
                    .await?;
                Ok(())
            }
            Presence::Gone | Presence::Unmarked(_) if birth::is_on_its_way::<E>(pass) => {
                Err(End::Early(awaited(identity)))
            }
            _ => Ok(()),
        }
    }

    async fn let_go(
        &self,
        pass: &mut Pass<E::Kind>,
        severity: Severity,
        reason: Reason,
        note: impl Into<String>,
    ) -> Result<Outcome, End> {
        pass.let_go(finalizers::<E>()).await?;
        pass.event(severity, reason, "Release", note);
        Ok(Outcome::Released)
    }
}

/// What this very object had may always be taken down by the provider that it had. What its spec alone names takes the
/// leave that upkeep takes: whoever writes a finalizer into a manifest, or names another provider at the end, may have
/// none.
fn purpose<E: External>(pass: &Pass<E::Kind>) -> Purpose {
    let lane = E::lane(&pass.object());
    let upheld = |recorded: &str| recorded == &*lane;
    match own_record::<E>(pass) {
        Some(record) if record.lane.as_deref().is_none_or(upheld) => Purpose::Deletion,
        _ => Purpose::Presumed,
    }
}

fn finalizers<E: External>() -> impl Iterator<Item = &'static str> {
    once(E::FINALIZER).chain(E::EARLIER_FINALIZERS.iter().copied())
}

fn deleting(identity: impl std::fmt::Display) -> Outcome {
    let task = format!("{identity} is being deleted");
    Outcome::Running {
        reason: reasons::DELETING,
        task,
        poll: DELETING_POLL,
    }
}

/// Whoever let the object go now could leave something behind.
fn awaited(identity: impl std::fmt::Display) -> Outcome {
    let task = format!(
        "the creation of {identity} may still be on its way; the object stays until that is certain"
    );
    Outcome::Running {
        reason: reasons::DELETING,
        task,
        poll: DELETING_POLL,
    }
}

/// Whoever is stuck in a deletion is told how to end it without the other side.
fn with_way_out<E: External>(end: End) -> End {
    let way_out = format!(
        "; to let the object go and leave everything outside as it is, annotate it with {}=true",
        Annotations::<E::Kind>::key("abandon")
    );
    match end {
        End::Fault(mut fault) => {
            fault.message.push_str(&way_out);
            End::Fault(fault)
        }
        End::Early(Outcome::Waiting { reason, on, poll }) => End::Early(Outcome::Waiting {
            reason,
            on: on + &way_out,
            poll,
        }),
        early => early,
    }
}
