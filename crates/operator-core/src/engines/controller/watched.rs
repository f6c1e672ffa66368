//! Passes as metrics see them.

use std::time::Duration;

use super::Observer;
use crate::decide::{
    clock::{Clock, Moment},
    outcome::PassResult,
};

/// A pass as metrics see it. One that is dropped was stopped halfway.
pub(super) struct Watched<'a> {
    observer: &'a dyn Observer,
    clock: &'a Clock,
    started: Moment,
}

impl<'a> Watched<'a> {
    /// A pass that starts now, after its key waited for `waited`.
    pub fn start(observer: &'a dyn Observer, clock: &'a Clock, waited: Duration) -> Self {
        observer.started(waited);
        Self {
            observer,
            clock,
            started: clock.now(),
        }
    }

    /// It ended with `result`.
    pub fn finish(self, result: &PassResult) {
        self.observer
            .finished(result, self.clock.now().since(self.started));
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observer.left();
    }
}
