//! A place where requests wait until the test lets them go.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate, closed at first. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all that wait go, and everyone who comes later.
    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until `count` requests have come to the gate, since its making.
    pub async fn arrived(&self, count: usize) {
        self.reached(|state| state.arrived >= count).await;
    }

    pub(super) async fn pass(&self) {
        self.state.send_modify(|state| state.arrived += 1);
        self.reached(|state| state.open).await;
    }

    async fn reached(&self, holds: impl Fn(&State) -> bool) {
        self.state
            .subscribe()
            .wait_for(|state| holds(state))
            .await
            .expect("the sender lives as long as self");
    }
}
