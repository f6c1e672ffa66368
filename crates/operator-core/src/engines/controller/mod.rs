//! One kind's controller: changes in, passes out.

mod conclusion;
mod driver;
mod pass;
pub mod reasons;
mod term;
mod trigger;
mod unreadable;
mod watched;

use std::{future::Future, sync::Arc, time::Duration};

use crd_types::lifecycle::Managed;

pub use self::{
    driver::{Controller, Settings, Tempo},
    pass::{Pass, Site},
};
use crate::{
    cluster::write::WriteError,
    decide::{
        outcome::{Fault, PassResult},
        queue::Class,
    },
};

/// What a kind does in one pass.
pub trait Reconciler: Send + Sync + 'static {
    /// The custom resource.
    type Kind: Managed;

    /// What the object's outside faults are shared over. A lane never takes all places.
    fn lane(object: &Self::Kind) -> Arc<str>;

    /// The time to the next pass over an object that is well or that only an edit can help, where `configured` is
    /// what the operator's settings say. A kind that must be looked at more often says so.
    fn interval(&self, _object: &Self::Kind, configured: Duration) -> Duration {
        configured
    }

    /// Told that what is remembered of an object counts no more: it is gone, or what its last pass came to could
    /// not be written on it.
    fn forget(&self, _object: &Self::Kind) {}

    /// Told that a term of leadership begins, and so that nothing remembered counts any more: another replica may
    /// have been at work since.
    fn forget_all(&self) {}

    /// Whether each change of an object's `Ready` is told by a log line and an event. A kind whose objects are
    /// many and whose faults are seen elsewhere says no, and spares one request for each of them.
    fn announces() -> bool {
        true
    }

    /// Brings one object nearer to what its user asks for. May be stopped at any await and run again.
    fn reconcile(&self, pass: &mut Pass<Self::Kind>) -> impl Future<Output = PassResult> + Send;
}

/// Told of what a controller does, for metrics.
pub trait Observer: Send + Sync + 'static {
    /// A key was asked to be queued in `class`.
    fn added(&self, class: Class);
    /// A pass starts after its key waited for `waited`.
    fn started(&self, waited: Duration);
    /// A write of a status ended like this after `took`.
    fn status_written(&self, written: Result<(), &WriteError>, took: Duration);
    /// A pass met a fault that its result does not show.
    fn met(&self, fault: &Fault);
    /// A pass ended after `took`; [`left`](Self::left) follows.
    fn finished(&self, result: &PassResult, took: Duration);
    /// A pass that started holds its place no longer, whether it ended or was stopped.
    fn left(&self);
}
