//! One registered gateway: who it is, whether it lives, and the exchange with it.

use std::sync::Arc;

use operator_core::{
    decide::clock::Moment,
    engines::fanout::{Contents, Digest, Exchange},
};
use parking_lot::{Mutex, MutexGuard};

use super::GatewayId;
use crate::{session::GatewaySession, snapshot::ItemId};

/// A gateway from its registration until it is gone.
pub(super) struct Connection {
    pub id: GatewayId,
    /// Names this registration.
    pub session: Arc<str>,
    /// The gateway's own version, for people.
    pub version: String,
    state: Mutex<State>,
    answers: Mutex<()>,
}

struct State {
    seen: Moment,
    exchange: Option<Open>,
}

struct Open {
    since: Moment,
    /// What it had for certain when it last answered; none where nobody knows.
    has: Option<Arc<Contents<ItemId>>>,
    exchange: Arc<Exchange<GatewaySession>>,
}

/// How a connection stands.
pub(super) struct Standing {
    /// When it last said something.
    pub seen: Moment,
    /// What it had for certain when it last answered.
    pub has: Option<Digest>,
    /// Since when its stream is open.
    pub streams_since: Option<Moment>,
    /// Since when it lacks something that it must have, as far as anybody can be certain.
    pub behind_since: Option<Moment>,
    /// Since when an update waits for its answer.
    pub waiting_since: Option<Moment>,
    /// What it refused last, in its words but for what is confidential.
    pub refusal: Option<String>,
}

impl Connection {
    pub fn new(id: GatewayId, session: Arc<str>, version: String, now: Moment) -> Self {
        Self {
            id,
            session,
            version,
            state: Mutex::new(State {
                seen: now,
                exchange: None,
            }),
            answers: Mutex::default(),
        }
    }

    /// It has said something.
    pub fn seen(&self, now: Moment) {
        self.state.lock().seen = now;
    }

    /// From now on this is its exchange; an earlier one ends.
    pub fn open(
        &self,
        exchange: Arc<Exchange<GatewaySession>>,
        has: Option<Arc<Contents<ItemId>>>,
        now: Moment,
    ) {
        let open = Open {
            since: now,
            has,
            exchange,
        };
        let earlier = self.state.lock().exchange.replace(open);
        if let Some(earlier) = earlier {
            earlier.exchange.close();
        }
    }

    /// Held while one answer is heard and what it teaches is told, so that this is told in the order of the answers.
    pub fn hears(&self) -> MutexGuard<'_, ()> {
        self.answers.lock()
    }

    /// It has this now, or nobody knows what; returns what it had before, if anybody knows.
    pub fn took(&self, has: Option<Arc<Contents<ItemId>>>) -> Option<Arc<Contents<ItemId>>> {
        let mut state = self.state.lock();
        std::mem::replace(&mut state.exchange.as_mut()?.has, has)
    }

    /// This exchange has ended. Says whether it was still the connection's own.
    pub fn closed(&self, exchange: &Arc<Exchange<GatewaySession>>) -> bool {
        let mut state = self.state.lock();
        let ours = |open: &mut Open| Arc::ptr_eq(&open.exchange, exchange);
        state.exchange.take_if(ours).is_some()
    }

    /// Ends its stream, in order.
    pub fn close(&self) {
        if let Some(exchange) = self.exchange() {
            exchange.close();
        }
    }

    pub fn exchange(&self) -> Option<Arc<Exchange<GatewaySession>>> {
        let state = self.state.lock();
        state.exchange.as_ref().map(|open| open.exchange.clone())
    }

    pub fn standing(&self) -> Standing {
        let state = self.state.lock();
        let open = state.exchange.as_ref();
        let look = |at: fn(&GatewaySession) -> Option<Moment>| open?.exchange.look(at);
        Standing {
            seen: state.seen,
            has: open.and_then(|open| Some(open.has.as_ref()?.version())),
            streams_since: open.map(|open| open.since),
            behind_since: look(GatewaySession::behind_since),
            waiting_since: look(GatewaySession::waiting_since),
            refusal: open.and_then(|open| {
                let told = |session: &GatewaySession| session.last_refusal().map(str::to_owned);
                open.exchange.look(told)
            }),
        }
    }
}
