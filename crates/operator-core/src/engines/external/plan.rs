//! What would be done, shown instead of done.

use crd_types::lifecycle::{HasUpkeep, Mode, Plan, PlannedAction};

use super::{
    Adoption, Annotations, External, Presence, Trouble,
    claim::{claim, may_take_back},
    consent::{consent, way},
    drift::{self, Apart},
    engine::{End, Engine},
    reasons,
    take_back::Consent,
    tell::report_drift,
    work::{Work, owned, was_made},
};
use crate::{
    decide::outcome::{Fault, Outcome},
    engines::controller::Pass,
};

/// Why nothing is written outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The user wants the outside to be looked at only.
    Observe,
    /// The user wants to see first what a take-over would change.
    DryRun,
}

/// How what was found stands to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Its own, or made by it and gone since.
    Own,
    /// Another's, or nobody's, or not there at all.
    NotYet,
}

fn held(mode: Mode, adoption: Adoption, found: Found) -> Option<Held> {
    match (mode, adoption, found) {
        (Mode::Observe, ..) => Some(Held::Observe),
        (Mode::Manage, Adoption::DryRun, Found::NotYet) => Some(Held::DryRun),
        (Mode::Manage, ..) => None,
    }
}

impl<E: External> Work<'_, E> {
    /// Whether what was found must not be written to, or nothing be made where nothing was found.
    pub(super) fn held(
        &self,
        pass: &Pass<E::Kind>,
        presence: &Presence<E::Observed>,
    ) -> Option<Held> {
        let found = match presence {
            Presence::Ours(_) | Presence::NotVisible => Found::Own,
            Presence::Gone if was_made::<E>(pass) => Found::Own,
            _ => Found::NotYet,
        };
        held(self.mode, self.adoption, found)
    }
}

impl<E: External> Engine<E> {
    /// Puts into the status what would be done, and does nothing.
    pub(super) async fn plan(
        &self,
        pass: &mut Pass<E::Kind>,
        work: &Work<'_, E>,
        presence: Presence<E::Observed>,
        held: Held,
    ) -> Result<Outcome, End> {
        let taking_back = match (&presence, held) {
            (Presence::OursEarlier { mark, .. }, Held::Observe) => {
                may_take_back(pass, work, mark).err()
            }
            _ => None,
        };
        let (action, observed) = match presence {
            Presence::Gone if work.stays_gone(pass) => {
                pass.status.upkeep_mut().plan = None;
                return Ok(work.gone(pass));
            }
            Presence::Gone => (PlannedAction::Create, None),
            Presence::Ours(observed) => (PlannedAction::Update, Some(observed)),
            Presence::OursEarlier { observed, .. } => (PlannedAction::TakeBack, Some(observed)),
            Presence::Unmarked(observed) => (PlannedAction::Adopt, Some(observed)),
            other => (PlannedAction::Update, Some(claim(pass, work, other)?)),
        };
        let wish = work.wish(observed.as_ref());
        let apart = match (&observed, action) {
            (Some(observed), PlannedAction::Update) => work.diff(pass, observed),
            (observed, _) => Apart {
                edits: work
                    .domain
                    .diff(&wish, observed.as_ref(), &owned::<E>(pass)),
                drift: Vec::new(),
            },
        };
        let (edits, drift) = work.divide(&apart);
        report_drift(pass, &drift::shown(&drift));
        let unread = observed.as_ref().map(E::unread).unwrap_or_default();
        let mut refused = Vec::new();
        if let Some(observed) = &observed {
            let steps = work.domain.plan(&wish, &edits);
            refused = self
                .domain
                .refusals(&work.context, &work.identity, &steps)
                .await;
            let trouble = Trouble {
                diffs: edits.iter().chain(&drift).cloned().collect(),
                failed: unread.iter().chain(&refused).cloned().collect(),
            };
            work.report(pass, observed, trouble);
        }
        let changes = drift::shown(&edits);
        let is_nothing = edits.is_empty() && action == PlannedAction::Update;
        pass.status.upkeep_mut().plan = (!is_nothing).then(|| Plan {
            action,
            changes: changes.clone(),
        });
        if let Some((_, fault)) = unread.into_iter().next() {
            return Err(fault.into());
        }
        if !is_nothing {
            let (reason, way_out) = match held {
                Held::Observe => (reasons::PLANNED, observe_hint::<E>(pass, action)),
                Held::DryRun => (reasons::ADOPTION_PLANNED, dry_run_hint::<E>()),
            };
            // Before the changes, which may be many: what is too long is cut at its end.
            let refused = refused.iter().map(|(_, fault)| fault);
            let refused: String = taking_back.iter().chain(refused).map(would_be).collect();
            let message = format!(
                "{action} {} is planned and not done, as {way_out}{refused}; what would change: {}",
                work.identity,
                drift::line(&changes)
            );
            return Ok(Outcome::Held { reason, message });
        }
        Ok(match drift.is_empty() {
            true => Outcome::Done {
                reason: E::READY,
                message: "the spec is in force; nothing is written, as spec.mode is Observe"
                    .to_owned(),
            },
            false => Outcome::Held {
                reason: reasons::DRIFTED,
                message: drift::line(&drift::shown(&drift)),
            },
        })
    }
}

fn would_be(refusal: &Fault) -> String {
    let Fault {
        reason, message, ..
    } = refusal;
    format!("; as it is, it would be refused as {reason}: {message}")
}

fn observe_hint<E: External>(pass: &Pass<E::Kind>, action: PlannedAction) -> String {
    let consent = match (action, consent::<E>(pass)) {
        (PlannedAction::Adopt, Consent::None | Consent::Used) => {
            format!("; {}", way::<E>(pass, "to have it taken over"))
        }
        _ => String::new(),
    };
    format!("spec.mode is Observe: set Manage to have it done{consent}")
}

fn dry_run_hint<E: External>() -> String {
    let key = Annotations::<E::Kind>::key("adopt");
    format!("the annotation {key} is dry-run: set it to true to have it done")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::looked_at_only(Mode::Observe, Adoption::Allowed, Found::Own, Some(Held::Observe))]
    #[case::looked_at_before(Mode::Observe, Adoption::DryRun, Found::NotYet, Some(Held::Observe))]
    #[case::seen_before(Mode::Manage, Adoption::DryRun, Found::NotYet, Some(Held::DryRun))]
    #[case::adopted_already(Mode::Manage, Adoption::DryRun, Found::Own, None)]
    #[case::allowed(Mode::Manage, Adoption::Allowed, Found::NotYet, None)]
    #[case::refused_by_name(Mode::Manage, Adoption::Refused, Found::NotYet, None)]
    fn nothing_is_written_where_the_user_says_so(
        #[case] mode: Mode,
        #[case] adoption: Adoption,
        #[case] found: Found,
        #[case] expected: Option<Held>,
    ) {
        assert_eq!(held(mode, adoption, found), expected);
    }
}
