//! What holds objects that are being deleted, and for how long.

use std::{sync::Arc, time::Duration};

use kube::Resource;
use operator_core::{
    decide::outcome::{Outcome, PassResult},
    engines::controller::{Pass, Reconciler},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the time from the deletion of an object until it is let go, in seconds: of an empty bucket, and of
/// one that is emptied first.
const LET_GO: [f64; 8] = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0];

/// Counts the deletions of all kinds. A clone is the same.
#[derive(Clone, Debug)]
pub struct Finalizers {
    seconds: Family<Of, Histogram, fn() -> Histogram>,
    errors: Family<Of, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    resource_type: &'static str,
}

impl Finalizers {
    /// Nothing was deleted yet.
    pub fn new() -> Self {
        Self {
            seconds: Family::new_with_constructor(|| Histogram::new(LET_GO)),
            errors: Family::default(),
        }
    }

    /// Adds the families to those of the operator.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "finalizer_duration_seconds",
            "Time from the deletion of an object until its finalizer was taken off",
            self.seconds.clone(),
        );
        registry.register(
            "finalizer_errors",
            "Passes over objects that are being deleted that met a fault",
            self.errors.clone(),
        );
    }

    /// `reconciler`, whose deletions are counted. `is_held` tells whether an object has a finalizer of its own.
    pub fn counting<R: Reconciler>(
        &self,
        resource_type: &'static str,
        is_held: fn(&R::Kind) -> bool,
        reconciler: R,
    ) -> Finalizing<R> {
        let of = Of { resource_type };
        Finalizing {
            reconciler,
            is_held,
            seconds: self.seconds.get_or_create_owned(&of),
            errors: self.errors.get_or_create_owned(&of),
        }
    }
}

/// A [`Reconciler`] whose deletions are counted.
pub struct Finalizing<R: Reconciler> {
    reconciler: R,
    is_held: fn(&R::Kind) -> bool,
    seconds: Histogram,
    errors: Counter,
}

impl<R: Reconciler> Reconciler for Finalizing<R> {
    type Kind = R::Kind;

    fn lane(object: &R::Kind) -> Arc<str> {
        R::lane(object)
    }

    fn interval(&self, object: &R::Kind, configured: Duration) -> Duration {
        self.reconciler.interval(object, configured)
    }

    fn forget(&self, object: &R::Kind) {
        self.reconciler.forget(object);
    }

    fn forget_all(&self) {
        self.reconciler.forget_all();
    }

    fn announces() -> bool {
        R::announces()
    }

    async fn reconcile(&self, pass: &mut Pass<R::Kind>) -> PassResult {
        let object = pass.object();
        let result = self.reconciler.reconcile(pass).await;
        if let Some(since) = &object.meta().deletion_timestamp {
            match result {
                Err(_) => {
                    self.errors.inc();
                }
                Ok(_) if pass.has_met() => {
                    self.errors.inc();
                }
                Ok(Outcome::Released) if (self.is_held)(&object) => {
                    let took = pass.clock().wall().duration_since(since.0);
                    self.seconds.observe(took.as_secs_f64().max(0.0));
                }
                Ok(_) => {}
            }
        }
        result
    }
}
