//! What an object is told of drift and of what was mended, and what it says already.

use std::collections::BTreeSet;

use crd_types::lifecycle::{
    Difference, Differences, DriftPolicy, HasLifecycle, HasUpkeep, Managed, Upheld,
};
use kube::Resource;

use super::{
    Diff, Drifted, External,
    drift::{self, Apart},
    reasons,
    work::Work,
};
use crate::{
    cluster::{
        conditions::{self, DRIFTED, READY},
        events::Severity,
    },
    decide::outcome::Outcome,
    engines::controller::Pass,
};

impl<E: External> Work<'_, E> {
    /// Tells what has drifted. What is left so is told by an event, too; what is set back has its own once it was.
    pub(super) fn tell_drift(&self, pass: &mut Pass<E::Kind>, drift: &[Diff]) {
        let shown = drift::shown(drift);
        if drift::is_news(pass.status.upkeep().drift.as_ref(), &shown) {
            self.domain.drifted(&facets(drift), Drifted::Found);
        }
        match self.policy {
            DriftPolicy::Report => report_drift(pass, &shown),
            // Until all is well again, what was told stays.
            DriftPolicy::Correct if drift.is_empty() => {}
            DriftPolicy::Correct => tell_drift(pass, &shown),
        }
    }

    /// Tells by events what was mended.
    pub(super) fn tell_mended(&self, pass: &Pass<E::Kind>, apart: &Apart) {
        if !apart.edits.is_empty() {
            let edits = listed(&apart.edits);
            pass.event(Severity::Normal, reasons::UPDATED, "Update", edits);
        }
        if self.policy == DriftPolicy::Correct && !apart.drift.is_empty() {
            let drift = listed(&apart.drift);
            pass.event(
                Severity::Warning,
                reasons::DRIFT_CORRECTED,
                "Correct",
                drift,
            );
            self.domain.drifted(&facets(&apart.drift), Drifted::SetBack);
        }
    }

    /// Tells that what was there is gone, and stays so.
    pub(super) fn gone(&self, pass: &mut Pass<E::Kind>) -> Outcome {
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
            reason: reasons::DRIFTED,
            message: format!(
                "{} is gone, and is not created again, as spec.drift.policy is Report",
                self.identity
            ),
        }
    }
}

/// Tells what has drifted and is left so; by an event only what is new.
pub(super) fn report_drift<K: Upheld>(pass: &mut Pass<K>, drift: &Differences) {
    if drift.fields.is_empty() {
        return clear_drift(pass);
    }
    if drift::is_news(pass.status.upkeep().drift.as_ref(), drift) {
        let note = drift::line(drift);
        pass.event(Severity::Warning, reasons::DRIFT_FOUND, "Observe", note);
    }
    tell_drift(pass, drift);
}

fn facets(diffs: &[Diff]) -> BTreeSet<&'static str> {
    diffs.iter().map(|diff| diff.facet).collect()
}

fn listed(diffs: &[Diff]) -> String {
    let diffs: Vec<String> = diffs.iter().map(ToString::to_string).collect();
    diffs.join("; ")
}

fn tell_drift<K: Upheld>(pass: &mut Pass<K>, drift: &Differences) {
    let generation = pass.object().meta().generation;
    let (message, now) = (drift::line(drift), pass.clock().wall());
    let condition = conditions::said(
        DRIFTED,
        true,
        reasons::DRIFT_FOUND,
        &message,
        generation,
        now,
    );
    conditions::set(pass.status.lifecycle_mut(), condition);
    pass.status.upkeep_mut().drift = Some(drift.clone());
}

pub(super) fn clear_drift<K: Upheld>(pass: &mut Pass<K>) {
    conditions::clear(pass.status.lifecycle_mut(), DRIFTED);
    pass.status.upkeep_mut().drift = None;
}

/// Whether the object says already what a pass with this outcome would have it say.
pub(super) fn stands<K: Managed>(pass: &Pass<K>, said: &Outcome) -> bool {
    match said {
        Outcome::Held { reason, .. } => {
            let generation = pass.object().meta().generation;
            let ready = pass.status.lifecycle().condition(READY);
            ready.is_some_and(|it| {
                it.reason == reason.as_str() && it.observed_generation == generation
            })
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
