//! Bringing the spec into force: resolve → observe → diff → plan → perform → observe again → report.

use std::time::Duration;

use crd_types::lifecycle::{HasLifecycle, Managed};

use super::{
    Annotations, Diff, External, Facets, Mark, Presence, Purpose, Record, Trouble,
    engine::{End, Engine},
};
use crate::{
    cluster::events::Severity,
    decide::outcome::{Class, Fault, Outcome, Scope},
    engines::controller::Pass,
};

/// How soon to look again for what was created and is not shown yet.
const NOT_VISIBLE_POLL: Duration = Duration::from_secs(2);

/// What a pass works with once every reference is resolved.
struct Work<'a, E: External> {
    domain: &'a E,
    context: E::Context,
    mark: Mark,
    desired: E::Desired,
    identity: E::Identity,
    /// What the spec speaks of.
    wanted: Facets,
}

/// What the resource carried when the pass first looked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MarkFound {
    Ours,
    Earlier,
    None,
}

impl<E: External> Engine<E> {
    pub(super) async fn uphold(&self, pass: &mut Pass<E::Kind>) -> Result<Outcome, End> {
        self.unless_paused(&pass.object())?;
        let work = self.prepare(pass)?;
        let presence = work.observe(&pass.status).await?;
        let mark = match presence {
            Presence::Gone | Presence::Ours(_) => MarkFound::Ours,
            Presence::Unmarked(_) => MarkFound::None,
            _ => MarkFound::Earlier,
        };
        let mut observed = match presence {
            Presence::Gone => self.create(pass, &work).await?,
            present => claim(pass, &work, present)?,
        };
        let diffs = work.diff(&pass.status, &observed);
        if !diffs.is_empty() {
            self.correct(pass, &work, &observed, &diffs, mark).await?;
            observed = claim(pass, &work, work.observe(&pass.status).await?)?;
        }
        let left = work.diff(&pass.status, &observed);
        let unread = E::unread(&observed);
        work.report(
            pass,
            &observed,
            Trouble {
                diffs: left.clone(),
                failed: unread.clone(),
            },
        );
        if let Some((_, fault)) = unread.into_iter().next() {
            return Err(fault.into());
        }
        if !left.is_empty() {
            return Err(not_converged(&left).into());
        }
        let record = Record {
            identity: work.identity,
            created: true,
            owned: work.wanted,
        };
        E::set_record(&mut pass.status, record);
        Ok(Outcome::Done {
            reason: E::READY,
            message: "the spec is in force".to_owned(),
        })
    }

    fn prepare(&self, pass: &Pass<E::Kind>) -> Result<Work<'_, E>, End> {
        let object = pass.object();
        let context = self.domain.resolve(&object, Purpose::Upkeep)?;
        let mark = self.mark(&object);
        let desired = self.domain.desired(&object, &context, &mark)?;
        let identity = self.domain.identity(&object, &context)?;
        if let Some(record) = E::record(&pass.status).filter(|record| record.identity != identity) {
            let text = format!(
                "this object stands for {}, but its spec and provider now name {identity}; \
                 a resource is never followed to another identity: undo the change or create another object",
                record.identity
            );
            return Err(Fault::terminal("IdentityChanged", text).into());
        }
        let wanted = E::facets(&desired);
        Ok(Work {
            domain: &self.domain,
            context,
            mark,
            desired,
            identity,
            wanted,
        })
    }

    async fn create(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
    ) -> Result<E::Observed, End> {
        let vanished = E::record(&pass.status).is_some_and(|record| record.created);
        self.intend(pass, &work.identity, &work.wanted, false)
            .await?;
        let leading = pass.leading().clone();
        let created = self
            .domain
            .create(&leading, &work.context, &work.identity, &work.desired)
            .await;
        pass.note_effect(&created);
        created?;
        if vanished {
            let note = format!("{} was gone and has been created again", work.identity);
            pass.event(Severity::Warning, "Recreated", "Create", note);
        } else {
            pass.event(
                Severity::Normal,
                "Created",
                "Create",
                format!("created {}", work.identity),
            );
        }
        match work.observe(&pass.status).await? {
            Presence::Gone => Err(not_visible(&work.identity)),
            present => claim(pass, work, present),
        }
    }

    /// Performs what mends `diffs`. The facets are written down as ours before the first of them is. A step that
    /// is refused lets the others go on, unless the resource does not carry the mark yet, which comes first.
    async fn correct(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
        observed: &E::Observed,
        diffs: &[Diff],
        mark: MarkFound,
    ) -> Result<(), End> {
        let drifted = in_force(pass);
        // Until the mark was read back, what is being adopted is not ours to delete.
        let ours = mark != MarkFound::None;
        self.intend(pass, &work.identity, &work.wanted, ours)
            .await?;
        let leading = pass.leading().clone();
        let mut stopped_by = None;
        let mut trouble = Trouble {
            diffs: diffs.to_vec(),
            failed: E::unread(observed),
        };
        for step in self.domain.plan(&work.desired, diffs) {
            let facet = E::facet(&step);
            let unguarded = |(failed, _): &(&str, Fault)| E::guards(&step).contains(failed);
            if trouble.failed.iter().any(unguarded) {
                continue;
            }
            let done = self
                .domain
                .perform(&leading, &work.context, &work.identity, &step)
                .await;
            pass.note_effect(&done);
            match done {
                Ok(()) => trouble.diffs.retain(|diff| diff.facet != facet),
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
        let changes: Vec<String> = diffs.iter().map(ToString::to_string).collect();
        let changes = changes.join("; ");
        if drifted {
            pass.event(Severity::Warning, "DriftCorrected", "Correct", changes);
        } else {
            pass.event(Severity::Normal, "Updated", "Update", changes);
        }
        Ok(())
    }
}

impl<E: External> Work<'_, E> {
    async fn observe(
        &self,
        status: &<E::Kind as Managed>::Status,
    ) -> Result<Presence<E::Observed>, End> {
        let facets = self.wanted.union(&owned::<E>(status)).cloned().collect();
        Ok(self
            .domain
            .observe(&self.context, &self.identity, &self.mark, &facets)
            .await?)
    }

    fn diff(&self, status: &<E::Kind as Managed>::Status, observed: &E::Observed) -> Vec<Diff> {
        self.domain
            .diff(&self.desired, observed, &owned::<E>(status))
    }

    fn report(&self, pass: &mut Pass<E::Kind>, observed: &E::Observed, trouble: Trouble) {
        let Self {
            domain,
            context,
            identity,
            desired,
            ..
        } = self;
        domain.report(
            context,
            identity,
            desired,
            observed,
            &trouble,
            &mut pass.status,
        );
    }
}

/// Whether what was found may be touched, and in which name.
fn claim<E: External>(
    pass: &mut Pass<E::Kind>,
    work: &Work<'_, E>,
    presence: Presence<E::Observed>,
) -> Result<E::Observed, End> {
    let identity = &work.identity;
    match presence {
        Presence::Ours(observed) => Ok(observed),
        Presence::OursEarlier(observed) => {
            let note = format!("took back {identity}, which an earlier object of this name had kept");
            pass.event(Severity::Normal, "TakenBack", "Adopt", note);
            Ok(observed)
        }
        Presence::Unmarked(observed) if Annotations::of(&*pass.object()).adopt() => {
            pass.event(Severity::Normal, "Adopted", "Adopt", format!("adopted {identity}"));
            Ok(observed)
        }
        Presence::Unmarked(_) => Err(Fault::terminal(
            "NotManaged",
            format!(
                "{identity} exists and carries no ownership mark, so it is left alone; to take it over \
                 annotate this object with {}=true",
                Annotations::<E::Kind>::key("adopt")
            ),
        )
        .into()),
        Presence::Foreign { owner: Some(owner), seen } => Err(Fault::terminal(
            "OwnedByAnother",
            format!(
                "{identity} belongs to {owner} ({seen}), so it is left alone; delete that object with \
                 deletion policy Orphan to free it, or name another resource here"
            ),
        )
        .into()),
        Presence::Foreign { owner: None, seen } => Err(Fault::blocked(
            "NotAccessible",
            format!("{identity} exists but is not within reach: {seen}"),
        )
        .into()),
        Presence::Gone | Presence::NotVisible => Err(not_visible(identity)),
    }
}

/// Whether a fault says nothing about other facets of the same resource.
pub fn is_of_one_facet(fault: &Fault) -> bool {
    fault.scope == Scope::Object && matches!(fault.class, Class::Terminal | Class::Blocked)
}

fn not_visible(identity: impl std::fmt::Display) -> End {
    End::Early(Outcome::Running {
        reason: "Creating",
        task: format!("{identity} was created and is not shown yet"),
        poll: NOT_VISIBLE_POLL,
    })
}

fn not_converged(left: &[Diff]) -> Fault {
    let fields: Vec<&str> = left.iter().map(|diff| diff.field.as_str()).collect();
    Fault::transient(
        "NotConverged",
        format!(
            "written, but still read back otherwise: {}",
            fields.join(", ")
        ),
    )
}

fn owned<E: External>(status: &<E::Kind as Managed>::Status) -> Facets {
    E::record(status)
        .map(|record| record.owned)
        .unwrap_or_default()
}

/// Whether the present generation was in force before this pass: what differs now has drifted.
fn in_force<K: Managed>(pass: &Pass<K>) -> bool {
    let object = pass.object();
    object.status().is_some_and(|status| {
        let lifecycle = status.lifecycle();
        lifecycle.ready && lifecycle.observed_generation == object.meta().generation
    })
}
