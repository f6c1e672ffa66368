//! Whether what was found may be touched, and in which name.

use super::{
    Annotations, Claim, External, Mark, Owner, Presence, birth,
    consent::{consent, way},
    engine::End,
    reasons,
    take_back::{self, Circumstances, Consent, Verdict},
    work::{Work, was_made},
};
use crate::{
    cluster::events::Severity,
    decide::outcome::{Fault, Outcome},
    engines::controller::Pass,
};

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
        Presence::Unmarked(observed) if consent::<E>(pass) == Consent::Given => {
            pass.event(Severity::Normal, reasons::ADOPTED, "Adopt", format!("adopted {identity}"));
            Ok(observed)
        }
        Presence::Unmarked(_) if birth::is_on_its_way::<E>(pass) => {
            Err(not_visible::<E>(pass, identity))
        }
        Presence::Unmarked(observed) if birth::is_made::<E>(pass) => Ok(observed),
        Presence::Unmarked(_) => Err(Fault::terminal(
            reasons::NOT_MANAGED,
            format!(
                "{identity} exists and carries no ownership mark, so it is left alone; {}, and with dry-run to see \
                 first what that would change",
                way::<E>(pass, "to take it over")
            ),
        )
        .into()),
        Presence::Foreign { owner: Some(owner), seen } => Err(Fault::terminal(
            reasons::OWNED_BY_ANOTHER,
            format!(
                "{identity} belongs to {} ({seen}), so it is left alone; delete that object with deletion policy \
                 Orphan to free it, or name another resource here",
                owner.told_to(&work.claim.mark)
            ),
        )
        .into()),
        Presence::Foreign { owner: None, seen } => Err(Fault::blocked(
            reasons::NOT_ACCESSIBLE,
            format!("{identity} exists but is not within reach: {seen}"),
        )
        .into()),
        Presence::Gone | Presence::NotVisible => Err(not_visible::<E>(pass, identity)),
    }
}

fn take_back<E: External>(
    pass: &Pass<E::Kind>,
    work: &Work<'_, E>,
    found: &Mark,
) -> Result<(), Fault> {
    may_take_back(pass, work, found)?;
    let (identity, of) = (&work.identity, earlier(found));
    let note = format!("took back {identity}, which an earlier object of this name ({of}) had");
    pass.event(Severity::Normal, reasons::TAKEN_BACK, "Adopt", note);
    Ok(())
}

fn earlier(mark: &Mark) -> String {
    format!("UID {} in installation {}", mark.uid, mark.installation)
}

/// Whether what an earlier object of this name had may be taken back.
///
/// # Errors
/// The fault that says why it may not.
pub(super) fn may_take_back<E: External>(
    pass: &Pass<E::Kind>,
    work: &Work<'_, E>,
    found: &Mark,
) -> Result<(), Fault> {
    let (identity, key) = (&work.identity, Annotations::<E::Kind>::key("adopt"));
    let of = earlier(found);
    match judge::<E>(pass, &work.claim, work.owner, found) {
        Verdict::TakeBack => Ok(()),
        Verdict::TakenByTwin => {
            let way = way::<E>(pass, "to take it back");
            Err(Fault::terminal(
                reasons::TAKEN_BY_TWIN,
                format!(
                    "{identity} was this object's and was taken over by another one of the same name ({of}): two \
                     clusters work under one installation ID or for the same earlier installation. Let only one of \
                     them have it; {way}"
                ),
            ))
        }
        Verdict::Unproven => Err(Fault::terminal(
            reasons::KEPT_BY_EARLIER,
            format!(
                "{identity} carries the mark of another object of this name ({of}), which may be alive in another \
                 cluster, so it is left alone; if it is not, annotate this object with {key}=true, or name the \
                 installation in EARLIER_INSTALLATIONS to take back all of its resources"
            ),
        )),
    }
}

/// What the mark of an earlier object of this name says.
pub(super) fn judge<E: External>(
    pass: &Pass<E::Kind>,
    claim: &Claim,
    owner: &Owner,
    found: &Mark,
) -> Verdict {
    take_back::judge(Circumstances {
        ours: &claim.mark,
        found,
        named_by_cluster: owner.named_by_cluster,
        goes_on: owner.earlier.contains(&found.installation),
        consent: consent::<E>(pass),
        had_it: was_made::<E>(pass),
    })
}

pub(super) fn not_visible<E: External>(pass: &Pass<E::Kind>, identity: &E::Identity) -> End {
    End::Early(Outcome::Running {
        reason: reasons::CREATING,
        task: format!(
            "{identity} was created and is not shown yet, or not with its ownership mark"
        ),
        poll: birth::next_look::<E>(pass),
    })
}
