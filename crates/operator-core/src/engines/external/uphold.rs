//! Bringing the spec into force: resolve → observe → diff → plan → perform → observe again → report.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crd_types::lifecycle::{
    Difference, Differences, DriftPolicy, FieldPath, HasLifecycle, HasUpkeep, Managed, Mode, Upheld,
};
use kube::Resource;

use super::{
    Adoption, Annotations, Claim, Diff, External, Facets, Mark, Owner, Presence, Purpose, Record,
    Trouble, Wishes,
    drift::{self, Apart},
    engine::{End, Engine},
    rounds::Look,
    take_back::{self, Circumstances, Verdict},
};
use crate::{
    cluster::{
        conditions::{self, DRIFTED, READY},
        events::Severity,
    },
    decide::{
        key::ObjectKey,
        outcome::{Class, Fault, Outcome, Scope},
    },
    engines::controller::Pass,
};

/// How soon to look again for what was created and is not shown yet.
const NOT_VISIBLE_POLL: Duration = Duration::from_secs(2);

/// What a pass works with once every reference is resolved.
pub(super) struct Work<'a, E: External> {
    pub(super) domain: &'a E,
    context: E::Context,
    claim: Claim,
    owner: &'a Owner,
    desired: E::Desired,
    pub(super) identity: E::Identity,
    /// What the spec speaks of and is not to be left alone.
    wishes: Wishes,
    ignored: Vec<FieldPath>,
    pub(super) policy: DriftPolicy,
    pub(super) mode: Mode,
    pub(super) adoption: Adoption,
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
        let (key, about) = (ObjectKey::of(&*pass.object()), work.fingerprint(pass));
        let due = self.rounds.lock().due(&key, about, self.clock.now());
        let (facet, said) = match due {
            Look::None(said) if stands(pass, &said) => return Ok(said),
            Look::Part(turn, said) if stands(pass, &said) && work.glance(pass, turn).await => {
                (Some(turn), said)
            }
            _ => (None, self.bring_into_force(pass, &work).await?),
        };
        let now = self.clock.now();
        self.rounds.lock().ended(&key, about, now, facet, &said);
        Ok(said)
    }

    async fn bring_into_force(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
    ) -> Result<Outcome, End> {
        let presence = work.observe(&pass.status).await?;
        if let Some(held) = work.held(&pass.status, &presence) {
            return self.plan(pass, work, presence, held);
        }
        pass.status.upkeep_mut().plan = None;
        let mark = match presence {
            Presence::Gone | Presence::Ours(_) => MarkFound::Ours,
            Presence::Unmarked(_) => MarkFound::None,
            _ => MarkFound::Earlier,
        };
        let mut observed = match presence {
            Presence::Gone if work.stays_gone(&pass.status) => return Ok(work.gone(pass)),
            Presence::Gone => self.create(pass, work).await?,
            present => claim(pass, work, present)?,
        };
        if mark != MarkFound::Ours {
            // What becomes ours is given all that it lacks.
            forget_settled::<E>(&mut pass.status);
        }
        let mut apart = work.diff(&pass.status, &observed);
        if work.policy == DriftPolicy::Correct && !apart.edits.is_empty() && in_force(pass) {
            tell_drift(pass, &drift::shown(&apart.edits));
        }
        if work.policy == DriftPolicy::Report {
            report_drift(pass, &drift::shown(&apart.drift));
        }
        if !apart.edits.is_empty() {
            self.correct(pass, work, &observed, &apart, mark).await?;
            observed = claim(pass, work, work.observe(&pass.status).await?)?;
            apart = work.diff(&pass.status, &observed);
        }
        let unread = E::unread(&observed);
        let Apart { edits, drift } = apart;
        let left: Vec<Diff> = edits.iter().chain(&drift).cloned().collect();
        work.settle(pass, &left, &unread);
        work.report(
            pass,
            &observed,
            Trouble {
                diffs: left,
                failed: unread.clone(),
            },
        );
        if work.policy == DriftPolicy::Report {
            report_drift(pass, &drift::shown(&drift));
        }
        if let Some((_, fault)) = unread.into_iter().next() {
            return Err(fault.into());
        }
        if !edits.is_empty() {
            return Err(not_converged(&edits).into());
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
            reason: DRIFTED,
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
            return Err(Fault::terminal("IdentityChanged", text).into());
        }
        let adoption = Annotations::of(&*object).adopt().map_err(|found| {
            let key = Annotations::<E::Kind>::key("adopt");
            let text =
                format!("annotation {key}: found {found:?}, allowed are true, false and dry-run");
            Fault::terminal("InvalidAnnotation", text)
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
    ) -> Result<E::Observed, End> {
        let vanished = E::record(&pass.status).is_some_and(|record| record.created);
        self.intend(pass, &work.identity, work.facets(), false, Wishes::new())
            .await?;
        let leading = pass.leading().clone();
        let created = self
            .domain
            .create(&leading, &work.context, &work.identity, &work.wish(None))
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

    /// Performs what mends the edits. The facets are written down as ours before the first of them is. A step that
    /// is refused lets the others go on, unless the resource does not carry the mark yet, which comes first.
    async fn correct(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
        observed: &E::Observed,
        apart: &Apart,
        mark: MarkFound,
    ) -> Result<(), End> {
        let drifted = work.policy == DriftPolicy::Correct && in_force(pass);
        // Until the mark was read back, what is taken over is not ours to delete, nor has it ever been.
        let ours = mark == MarkFound::Ours;
        let settled = drift::unsettled(&settled::<E>(&pass.status), &apart.edits);
        self.intend(pass, &work.identity, work.facets(), ours, settled)
            .await?;
        let leading = pass.leading().clone();
        let mut stopped_by = None;
        let mut trouble = Trouble {
            diffs: apart.edits.iter().chain(&apart.drift).cloned().collect(),
            failed: E::unread(observed),
        };
        for step in self.domain.plan(&work.wish(Some(observed)), &apart.edits) {
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
        let changes: Vec<String> = apart.edits.iter().map(ToString::to_string).collect();
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
    /// What is wanted, with what is to be left alone as it was observed.
    pub(super) fn wish(&self, observed: Option<&E::Observed>) -> Cow<'_, E::Desired> {
        match self.ignored.as_slice() {
            [] => Cow::Borrowed(&self.desired),
            ignored => Cow::Owned(E::leave(&self.desired, ignored, observed)),
        }
    }

    /// Looks at the facet whose turn it is; whether it is as it was when all was well.
    async fn glance(&self, pass: &Pass<E::Kind>, turn: usize) -> bool {
        let facets = self.facets();
        let Some(facet) = facets.iter().nth(turn % facets.len().max(1)) else {
            return false;
        };
        let glance = self
            .domain
            .glance(&self.context, &self.identity, &self.claim, facet);
        let Some(observed) = glance.await else {
            return false;
        };
        let Apart { edits, drift } = self.diff(&pass.status, &observed);
        edits.is_empty() && drift.is_empty() && E::unread(&observed).is_empty()
    }

    /// Equal for two passes between which neither the user nor a provider has said anything.
    fn fingerprint(&self, pass: &Pass<E::Kind>) -> u64 {
        let object = pass.object();
        let mut state = DefaultHasher::new();
        object.meta().uid.hash(&mut state);
        object.meta().generation.hash(&mut state);
        for word in Annotations::of(&*object).spoken() {
            word.hash(&mut state);
        }
        self.identity.to_string().hash(&mut state);
        self.wishes.hash(&mut state);
        state.finish()
    }

    fn facets(&self) -> Facets {
        self.wishes.keys().cloned().collect()
    }

    async fn observe(
        &self,
        status: &<E::Kind as Managed>::Status,
    ) -> Result<Presence<E::Observed>, End> {
        let facets = self.facets().union(&owned::<E>(status)).cloned().collect();
        Ok(self
            .domain
            .observe(&self.context, &self.identity, &self.claim, &facets)
            .await?)
    }

    /// What differs: all of it to be mended, or what has drifted apart from it.
    pub(super) fn diff(
        &self,
        status: &<E::Kind as Managed>::Status,
        observed: &E::Observed,
    ) -> Apart {
        let wish = self.wish(Some(observed));
        let diffs = self.domain.diff(&wish, Some(observed), &owned::<E>(status));
        match self.policy {
            DriftPolicy::Correct => Apart {
                edits: diffs,
                drift: Vec::new(),
            },
            DriftPolicy::Report => drift::tell_apart(diffs, &self.wishes, &settled::<E>(status)),
        }
    }

    /// Whether what is gone is told and not created again.
    fn stays_gone(&self, status: &<E::Kind as Managed>::Status) -> bool {
        let was_there = E::record(status).is_some_and(|record| record.created);
        self.policy == DriftPolicy::Report && was_there
    }

    fn gone(&self, pass: &mut Pass<E::Kind>) -> Outcome {
        let gone = Difference {
            field: E::Kind::kind(&()).into_owned(),
            found: "gone".to_owned(),
            wanted: self.identity.to_string(),
        };
        report_drift(
            pass,
            &Differences {
                fields: vec![gone],
                omitted: 0,
            },
        );
        Outcome::Held {
            reason: DRIFTED,
            message: format!(
                "{} is gone, and is not created again, as spec.drift.policy is Report",
                self.identity
            ),
        }
    }

    /// Writes down what was seen as wanted, where it is needed to tell drift from edits.
    fn settle(&self, pass: &mut Pass<E::Kind>, left: &[Diff], unread: &[(&'static str, Fault)]) {
        let Some(mut record) = E::record(&pass.status) else {
            return;
        };
        let unread: Vec<&str> = unread.iter().map(|(facet, _)| *facet).collect();
        record.settled = match self.policy {
            DriftPolicy::Correct => Wishes::new(),
            DriftPolicy::Report => drift::settled(&record.settled, &self.wishes, left, &unread),
        };
        E::set_record(&mut pass.status, record);
    }

    /// Writes down that the whole spec was seen to be in force, but for what is told and left.
    fn own(&self, pass: &mut Pass<E::Kind>) {
        let settled = match self.policy {
            DriftPolicy::Correct => Wishes::new(),
            DriftPolicy::Report => self.wishes.clone(),
        };
        let record = Record {
            identity: self.identity.clone(),
            uid: self.claim.mark.uid.clone(),
            created: true,
            owned: self.facets(),
            settled,
        };
        E::set_record(&mut pass.status, record);
    }

    pub(super) fn report(
        &self,
        pass: &mut Pass<E::Kind>,
        observed: &E::Observed,
        trouble: Trouble,
    ) {
        let Self {
            domain,
            context,
            identity,
            ..
        } = self;
        domain.report(
            context,
            identity,
            &self.wish(Some(observed)),
            observed,
            &trouble,
            &mut pass.status,
        );
    }
}

/// Whether what was found may be touched, and in which name.
pub(super) fn claim<E: External>(
    pass: &mut Pass<E::Kind>,
    work: &Work<'_, E>,
    presence: Presence<E::Observed>,
) -> Result<E::Observed, End> {
    let identity = &work.identity;
    match presence {
        Presence::Ours(observed) => Ok(observed),
        Presence::OursEarlier { observed, mark } => {
            take_back(pass, work, &mark)?;
            Ok(observed)
        }
        Presence::Unmarked(observed) if work.adoption == Adoption::Allowed => {
            pass.event(Severity::Normal, "Adopted", "Adopt", format!("adopted {identity}"));
            Ok(observed)
        }
        Presence::Unmarked(_) => Err(Fault::terminal(
            "NotManaged",
            format!(
                "{identity} exists and carries no ownership mark, so it is left alone; to take it over \
                 annotate this object with {}=true, and with dry-run to see first what that would change",
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

/// Whether what an earlier object of this name had may be taken back.
fn take_back<E: External>(
    pass: &mut Pass<E::Kind>,
    work: &Work<'_, E>,
    found: &Mark,
) -> Result<(), End> {
    let (identity, key) = (&work.identity, Annotations::<E::Kind>::key("adopt"));
    let of = format!("UID {} in installation {}", found.uid, found.installation);
    let had_it = E::record(&pass.status)
        .is_some_and(|record| record.created && record.uid == work.claim.mark.uid);
    let circumstances = Circumstances {
        ours: &work.claim.mark,
        found,
        named_by_cluster: work.owner.named_by_cluster,
        goes_on: work.owner.earlier.contains(&found.installation),
        adoption: work.adoption,
        had_it,
    };
    match take_back::judge(circumstances) {
        Verdict::TakeBack => {
            let note = format!("took back {identity}, which an earlier object of this name ({of}) had");
            pass.event(Severity::Normal, "TakenBack", "Adopt", note);
            Ok(())
        }
        Verdict::TakenByTwin => Err(Fault::terminal(
            "TakenByTwin",
            format!(
                "{identity} was this object's and was taken over by another one of the same name ({of}): two \
                 clusters work under one installation ID or for the same earlier installation. Let only one of them have it; \
                 to take it back annotate this object with {key}=true"
            ),
        )
        .into()),
        Verdict::Unproven => Err(Fault::terminal(
            "KeptByEarlier",
            format!(
                "{identity} carries the mark of another object of this name ({of}), which may be alive in another \
                 cluster, so it is left alone; if it is not, annotate this object with {key}=true, or name the \
                 installation in EARLIER_INSTALLATIONS to take back all of its resources"
            ),
        )
        .into()),
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

/// Tells what has drifted and is left so; by an event only what is new.
pub(super) fn report_drift<K: Upheld>(pass: &mut Pass<K>, drift: &Differences) {
    if drift.fields.is_empty() {
        return clear_drift(pass);
    }
    if drift::is_news(pass.status.upkeep().drift.as_ref(), drift) {
        let note = drift::line(drift);
        pass.event(Severity::Warning, "DriftFound", "Observe", note);
    }
    tell_drift(pass, drift);
}

fn tell_drift<K: Upheld>(pass: &mut Pass<K>, drift: &Differences) {
    let generation = pass.object().meta().generation;
    let (message, now) = (drift::line(drift), pass.clock().wall());
    let condition = conditions::said(DRIFTED, true, "DriftFound", &message, generation, now);
    conditions::set(pass.status.lifecycle_mut(), condition);
    pass.status.upkeep_mut().drift = Some(drift.clone());
}

pub(super) fn clear_drift<K: Upheld>(pass: &mut Pass<K>) {
    conditions::clear(pass.status.lifecycle_mut(), DRIFTED);
    pass.status.upkeep_mut().drift = None;
}

pub(super) fn owned<E: External>(status: &<E::Kind as Managed>::Status) -> Facets {
    E::record(status)
        .map(|record| record.owned)
        .unwrap_or_default()
}

fn settled<E: External>(status: &<E::Kind as Managed>::Status) -> Wishes {
    E::record(status)
        .map(|record| record.settled)
        .unwrap_or_default()
}

fn forget_settled<E: External>(status: &mut <E::Kind as Managed>::Status) {
    if let Some(mut record) = E::record(status) {
        record.settled.clear();
        E::set_record(status, record);
    }
}

/// Whether the object says already what a pass with this outcome would have it say.
fn stands<K: Managed>(pass: &Pass<K>, said: &Outcome) -> bool {
    match said {
        Outcome::Held { reason, .. } => {
            let generation = pass.object().meta().generation;
            let ready = pass.status.lifecycle().condition(READY);
            ready.is_some_and(|it| it.reason == *reason && it.observed_generation == generation)
        }
        _ => in_force(pass),
    }
}

/// Whether the present generation was in force before this pass: what differs now has drifted.
fn in_force<K: Managed>(pass: &Pass<K>) -> bool {
    let object = pass.object();
    object.status().is_some_and(|status| {
        let lifecycle = status.lifecycle();
        lifecycle.ready && lifecycle.observed_generation == object.meta().generation
    })
}
