//! Whether what was found may be touched, and in which name.

use std::time::Duration;

use super::{
    Adoption, Annotations, External, Mark, Presence,
    engine::End,
    take_back::{self, Circumstances, Verdict},
    work::Work,
};
use crate::{
    cluster::events::Severity,
    decide::outcome::{Fault, Outcome},
    engines::controller::Pass,
};

/// How soon to look again for what was created and is not shown yet.
const NOT_VISIBLE_POLL: Duration = Duration::from_secs(2);

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

pub(super) fn not_visible(identity: impl std::fmt::Display) -> End {
    End::Early(Outcome::Running {
        reason: "Creating",
        task: format!("{identity} was created and is not shown yet"),
        poll: NOT_VISIBLE_POLL,
    })
}
