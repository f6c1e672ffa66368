//! Letting an object go: what its deletion policy says, and never before it is safe.

use std::time::Duration;

use crd_types::lifecycle::{DeletionPolicy, Mode, Upheld};

use super::{
    Annotations, Deletion, External, Presence, Purpose, Record, birth,
    consent::{consent, hear_consent, way},
    engine::{End, Engine},
    reasons,
    take_back::Consent,
};
use crate::{
    cluster::events::Severity,
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
        if Annotations::of(&*object).abandon() {
            let what = record.map_or("nothing recorded".to_owned(), |r| r.identity.to_string());
            let note = format!("let go on request; what is left outside: {what}");
            return self
                .let_go(pass, Severity::Warning, reasons::ABANDONED, note)
                .await;
        }
        // The record precedes the first outside effect: without one there was none.
        let Some(record) = record else {
            let note = "nothing outside was ever created or adopted";
            return self
                .let_go(pass, Severity::Normal, reasons::RELEASED, note)
                .await;
        };
        if object.mode() == Mode::Observe {
            let note = format!(
                "{} stays as it is, as spec.mode is Observe",
                record.identity
            );
            return self
                .let_go(pass, Severity::Normal, reasons::LEFT_ALONE, note)
                .await;
        }
        let policy = self.policy_at_deletion(pass).await;
        match policy.map_err(with_way_out::<E>)? {
            DeletionPolicy::Retain => {
                let note = format!("{} is kept with its ownership mark", record.identity);
                self.let_go(pass, Severity::Normal, reasons::RETAINED, note)
                    .await
            }
            DeletionPolicy::Orphan => self.orphan(pass, &record).await,
            DeletionPolicy::Delete => self.delete(pass, &record).await.map_err(with_way_out::<E>),
        }
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
        let context = self.domain.resolve(&object, Purpose::Deletion)?;
        let claim = self.claim(&object);
        let none = Default::default();
        let presence = self
            .domain
            .observe(&context, identity, &claim, &none)
            .await?;
        let marked = matches!(presence, Presence::Ours(_));
        let was_made = record.created && record.is_of(&claim.mark.uid);
        match presence {
            Presence::Gone | Presence::Unmarked(_) if birth::is_on_its_way::<E>(pass) => {
                return Ok(awaited(identity));
            }
            Presence::Gone => return self.gone(pass, identity).await,
            Presence::NotVisible => return Ok(deleting(identity)),
            Presence::Ours(_) => {}
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
        let deadline = self.clock.now() + patience;
        let identity = &record.identity;
        match self.clock.until(deadline, self.unmark(pass, record)).await {
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
        let context = self.domain.resolve(&object, Purpose::Deletion)?;
        let (identity, claim) = (&record.identity, self.claim(&object));
        let found = self
            .domain
            .observe(&context, identity, &claim, &Default::default())
            .await?;
        match found {
            Presence::Ours(observed) => {
                let unmarked = self
                    .domain
                    .unmark(pass.leading(), &context, identity, &observed);
                Ok(unmarked.await?)
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

fn finalizers<E: External>() -> impl Iterator<Item = &'static str> {
    std::iter::once(E::FINALIZER).chain(E::EARLIER_FINALIZERS.iter().copied())
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
