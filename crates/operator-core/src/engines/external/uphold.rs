//! Bringing the spec into force: resolve → observe → diff → plan → perform → observe again → report.

use crd_types::lifecycle::{HasUpkeep, Upheld};
use futures::FutureExt;

use super::{
    Annotations, Creation, Diff, External, MarkFound, Presence, Purpose, Trouble, Wishes,
    birth::{self, Stage},
    claim::{claim, not_visible},
    consent::{hear_consent, use_consent},
    drift::{self, Apart},
    engine::{End, Engine},
    reasons,
    rounds::Look,
    tell::{clear_drift, stands},
    work::{Work, forget_settled, settled, was_made},
};
use crate::{
    cluster::events::Severity,
    decide::{
        key::ObjectKey,
        outcome::{Class, Fault, Outcome, Scope},
    },
    engines::controller::Pass,
};

impl<E: External> Engine<E> {
    pub(super) async fn uphold(&self, pass: &mut Pass<E::Kind>) -> Result<Outcome, End> {
        hear_consent::<E>(pass).await?;
        self.unless_paused(&pass.object())?;
        let work = self.prepare(pass)?;
        let (key, about) = (ObjectKey::of(&*pass.object()), work.fingerprint(pass));
        let due = self.rounds.lock().due(&key, about, self.clock.now());
        let (facet, said) = match due {
            Look::None(said) if stands(pass, &said) => return Ok(said),
            Look::Part(turn, said) if stands(pass, &said) && work.glance(pass, turn).await? => {
                (Some(turn), said)
            }
            _ => (None, self.bring_into_force(pass, &work).await?),
        };
        self.went_through(&pass.object());
        let now = self.clock.now();
        self.rounds.lock().ended(&key, about, now, facet, &said);
        Ok(said)
    }

    async fn bring_into_force(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
    ) -> Result<Outcome, End> {
        let presence = work.observe(pass).await?;
        if let Some(held) = work.held(pass, &presence) {
            return self.plan(pass, work, presence, held).await;
        }
        pass.status.upkeep_mut().plan = None;
        let (mut observed, mark) = match presence {
            Presence::Gone if work.stays_gone(pass) => return Ok(work.gone(pass)),
            Presence::Gone => self.create(pass, work).boxed().await?,
            present => take(pass, work, present)?,
        };
        match mark {
            MarkFound::Ours => note_ours::<E>(pass),
            // What becomes ours is given all that it lacks.
            _ => forget_settled::<E>(pass),
        }
        let mut apart = work.diff(pass, &observed);
        // Before anything is written that may be refused for ever: the other facets are in force all the same.
        work.settle(pass, &apart.all(), &E::unread(&observed));
        work.tell_drift(pass, &apart.drift);
        if !work.divide(&apart).0.is_empty() {
            self.correct(pass, work, &observed, &apart, mark)
                .boxed()
                .await?;
            let presence = work.observe(pass).await?;
            // What was written a moment ago may not be shown yet: until it is, the consent is needed.
            if matches!(presence, Presence::Ours(_)) {
                note_ours::<E>(pass);
            }
            observed = claim(pass, work, presence)?;
            let left = work.diff(pass, &observed);
            let unread = E::unread(&observed).into_iter().map(|(facet, _)| facet);
            let unread: Vec<&str> = unread.collect();
            work.tell_mended(pass, &apart.mended(&left, &unread));
            apart = left;
        }
        let unread = E::unread(&observed);
        work.settle(pass, &apart.all(), &unread);
        let trouble = Trouble {
            diffs: apart.all(),
            failed: unread.clone(),
        };
        work.report(pass, &observed, trouble);
        let (open, drift) = work.divide(&apart);
        work.tell_drift(pass, &apart.drift);
        if let Some((_, fault)) = unread.into_iter().next() {
            return Err(fault.into());
        }
        if !open.is_empty() {
            return Err(not_converged(&open).into());
        }
        work.own(pass);
        if drift.is_empty() {
            clear_drift(pass);
            return Ok(Outcome::Done {
                reason: E::READY,
                message: "the spec is in force".to_owned(),
            });
        }
        Ok(Outcome::Held {
            reason: reasons::DRIFTED,
            message: format!(
                "left as it is, as spec.drift.policy is Report: {}",
                drift::line(&drift::shown(&drift))
            ),
        })
    }

    fn prepare(&self, pass: &Pass<E::Kind>) -> Result<Work<'_, E>, End> {
        let object = pass.object();
        let context = self.domain.resolve(&object, Purpose::Upkeep)?;
        let claim = self.claim(&object);
        let desired = self.domain.desired(&object, &context, &claim.mark)?;
        let identity = self.domain.identity(&object, &context)?;
        if let Some(record) = E::record(&pass.status).filter(|record| record.identity != identity) {
            let text = format!(
                "this object stands for {}, but its spec and provider now name {identity}; \
                 a resource is never followed to another identity: undo the change or create another object",
                record.identity
            );
            return Err(Fault::terminal(reasons::IDENTITY_CHANGED, text).into());
        }
        let adoption = Annotations::of(&*object).adopt().map_err(|found| {
            let key = Annotations::<E::Kind>::key("adopt");
            let text =
                format!("annotation {key}: found {found:?}, allowed are true, false and dry-run");
            Fault::terminal(reasons::INVALID_ANNOTATION, text)
        })?;
        let drift = object.drift().cloned().unwrap_or_default();
        let mut work = Work {
            domain: &self.domain,
            context,
            claim,
            owner: &self.owner,
            desired,
            identity,
            wishes: Wishes::new(),
            ignored: drift.ignored(),
            policy: drift.policy,
            mode: object.mode(),
            adoption,
        };
        work.wishes = E::wishes(&work.wish(None));
        Ok(work)
    }

    async fn create(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
    ) -> Result<(E::Observed, MarkFound), End> {
        birth::note_gone::<E>(pass);
        let leading = pass.leading().clone();
        let (context, identity) = (&work.context, &work.identity);
        self.domain
            .before_creation(&leading, context, identity)
            .await?;
        let vanished = was_made::<E>(pass);
        let before = E::record(&pass.status);
        let (facets, settled) = (work.facets(), Wishes::new());
        self.intend(pass, &work.identity, facets, Stage::Beginning, settled)
            .await?;
        let wish = work.wish(None);
        let created = self.domain.create(&leading, context, identity, &wish).await;
        pass.note_effect(&created);
        if let Err(fault) = &created {
            birth::note_failure::<E>(pass, fault, before);
        }
        let created = created?;
        if vanished {
            let note = format!("{} was gone and has been created again", work.identity);
            pass.event(Severity::Warning, reasons::RECREATED, "Create", note);
        } else {
            pass.event(
                Severity::Normal,
                reasons::CREATED,
                "Create",
                format!("created {}", work.identity),
            );
        }
        match work.observe(pass).await? {
            Presence::Gone => Err(not_visible::<E>(pass, &work.identity)),
            // There is nobody else's that it could be, so the mark may be given to it.
            Presence::Unmarked(observed) if created == Creation::New => {
                Ok((observed, MarkFound::NotShown))
            }
            present => take(pass, work, present),
        }
    }

    /// Performs what is to be mended. The facets are written down as ours before the first of them is. A step that
    /// is refused lets the others go on, unless the resource does not carry the mark yet, which comes first; what the
    /// user says meanwhile ends them.
    async fn correct(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
        observed: &E::Observed,
        apart: &Apart,
        mark: MarkFound,
    ) -> Result<(), End> {
        let (mending, _) = work.divide(apart);
        // Until the mark was read back, what is taken over is not ours to delete, nor has it ever been.
        let stage = Stage::of(mark);
        let settled = drift::unsettled(&settled::<E>(pass), &apart.edits);
        self.intend(pass, &work.identity, work.facets(), stage, settled)
            .await?;
        let leading = pass.leading().clone();
        let mut stopped_by = None;
        let mut trouble = Trouble {
            diffs: apart.all(),
            failed: E::unread(observed),
        };
        for step in self.domain.plan(&work.wish(Some(observed)), &mending) {
            let facet = E::facet(&step);
            let unguarded = |(failed, _): &(&str, Fault)| E::guards(&step).contains(failed);
            if trouble.failed.iter().any(unguarded) {
                continue;
            }
            // Each step waits for its turn, and that may take long.
            if pass.is_superseded() {
                return Err(End::Early(Outcome::Superseded));
            }
            let done = self
                .domain
                .perform(&leading, &work.context, &work.identity, &step)
                .await;
            pass.note_effect(&done);
            match done {
                Ok(()) => {
                    trouble.diffs.retain(|diff| diff.facet != facet);
                }
                Err(fault) => {
                    let go_on = mark == MarkFound::Ours && is_of_one_facet(&fault);
                    trouble.failed.push((facet, fault.clone()));
                    if !go_on {
                        stopped_by = Some(fault);
                        break;
                    }
                }
            }
        }
        let first = trouble.failed.first().map(|(_, fault)| fault.clone());
        // What stopped the others concerns more than its own facet.
        if let Some(fault) = stopped_by.or(first) {
            work.report(pass, observed, trouble);
            return Err(fault.into());
        }
        Ok(())
    }
}

/// What was found, if it may be touched, and the mark that it carries.
fn take<E: External>(
    pass: &mut Pass<E::Kind>,
    work: &Work<'_, E>,
    presence: Presence<E::Observed>,
) -> Result<(E::Observed, MarkFound), End> {
    let mark = match presence {
        // It may never have been given its mark, for what was to give it failed, or ended with the process.
        Presence::Unmarked(observed) if birth::is_made::<E>(pass) => {
            return Ok((observed, MarkFound::NotShown));
        }
        Presence::Ours(_) => MarkFound::Ours,
        Presence::Unmarked(_) => MarkFound::None,
        _ => MarkFound::Earlier,
    };
    Ok((claim(pass, work, presence)?, mark))
}

/// Takes note that the resource carries this object's mark.
fn note_ours<E: External>(pass: &mut Pass<E::Kind>) {
    birth::note_mark::<E>(pass);
    use_consent::<E>(pass);
}

/// Whether a fault says nothing about other facets of the same resource.
pub fn is_of_one_facet(fault: &Fault) -> bool {
    fault.scope == Scope::Object && matches!(fault.class, Class::Terminal | Class::Blocked)
}

fn not_converged(left: &[Diff]) -> Fault {
    let fields: Vec<&str> = left.iter().map(|diff| diff.field.as_str()).collect();
    Fault::transient(
        reasons::NOT_CONVERGED,
        format!(
            "written, but still read back otherwise: {}",
            fields.join(", ")
        ),
    )
}
