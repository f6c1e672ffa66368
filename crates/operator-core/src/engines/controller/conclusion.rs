//! How a pass ended, put on its object.

use std::time::Duration;

use crd_types::lifecycle::{HasLifecycle, Lifecycle, Managed};
use kube::{Resource, ResourceExt};

use super::{Controller, Pass, Reconciler};
use crate::{
    cluster::{
        conditions::{self, PAUSED, READY},
        events::Severity,
        write::WriteError,
    },
    decide::outcome::{Class, Outcome, PassResult},
    engines::external::Annotations,
};

/// A failing look at an object that was in force does not make it unready for this long.
const GRACE: Duration = Duration::from_secs(15 * 60);

impl<R: Reconciler> Controller<R> {
    /// Puts the result of the pass on the object, unless it says nothing lasting about it.
    pub(super) async fn conclude(
        &self,
        pass: &mut Pass<R::Kind>,
        result: &PassResult,
    ) -> Result<(), WriteError> {
        let (object, now) = (pass.object(), self.site.clock.wall());
        if matches!(
            result,
            Ok(Outcome::Released | Outcome::Superseded | Outcome::Undecided { .. })
        ) {
            return Ok(());
        }
        let lifecycle = pass.status.lifecycle_mut();
        if !Annotations::of(&*object).paused() {
            conditions::clear(lifecycle, PAUSED);
        }
        let passing = self.is_passing(&object, result);
        if !passing {
            let generation = object.meta().generation;
            conditions::conclude(lifecycle, result, generation, now);
        }
        // Whoever has asked for a look believes what he reads once he is answered.
        if !passing && !matches!(result, Ok(Outcome::Paused | Outcome::Waiting { .. })) {
            let asked = Annotations::of(&*object).reconcile_requested_at();
            lifecycle.last_handled_reconcile_at = asked.map(str::to_owned);
        }
        if pass.had_effect() {
            pass.status.lifecycle_mut().touch(now);
        }
        if let Err(error) = pass.record().await {
            // The object cannot say it, so the log must.
            if !matches!(
                error,
                WriteError::Conflict | WriteError::Gone | WriteError::NotLeading(_)
            ) {
                tracing::warn!("cannot show on the object how this pass ended: {error}");
            }
            return Err(error);
        }
        if R::announces() {
            announce(pass, &object, result);
        }
        Ok(())
    }

    /// Whether the result is a hitch that says nothing about a wish that is in force: a look that failed is
    /// not a wish that failed, until it goes on for longer than [`GRACE`].
    fn is_passing(&self, object: &R::Kind, result: &PassResult) -> bool {
        let hitch = match result {
            Ok(Outcome::Waiting { .. }) => true,
            Err(fault) => matches!(
                fault.class,
                Class::Transient | Class::Throttled | Class::UnknownOutcome
            ),
            Ok(_) => false,
        };
        let in_force = object.status().is_some_and(|status| {
            let lifecycle = status.lifecycle();
            lifecycle.ready && lifecycle.observed_generation == object.meta().generation
        });
        let now = self.site.clock.now();
        let since = self
            .streaks
            .lock()
            .get(&object.uid().unwrap_or_default())
            .map(|s| s.since);
        hitch
            && in_force
            && object.meta().deletion_timestamp.is_none()
            && since.is_none_or(|since| now.since(since) < GRACE)
    }
}

/// Tells of a change of the `Ready` condition by one log line and one event.
fn announce<K: Managed>(pass: &Pass<K>, before: &K, result: &PassResult) {
    let ready = |lifecycle: &Lifecycle| {
        lifecycle
            .condition(READY)
            .map(|ready| (ready.status.clone(), ready.reason.clone()))
    };
    let after = ready(pass.status.lifecycle());
    if after == before.status().and_then(|status| ready(status.lifecycle())) {
        return;
    }
    let Some((shown, reason, message)) = conditions::way(result) else {
        return;
    };
    if let Some(severity) = Severity::of(shown) {
        pass.event(severity, reason, "Reconcile", message);
    }
}
