//! One registered gateway: who it is, whether it lives, and the exchange with it.

use std::sync::Arc;

use operator_core::{decide::clock::Moment, engines::fanout::Exchange};
use parking_lot::Mutex;

use super::GatewayId;
use crate::session::GatewaySession;

/// A gateway from its registration until it is gone.
pub(super) struct Connection {
    pub id: GatewayId,
    /// Names this registration.
    pub session: Arc<str>,
    /// The gateway's own version, for people.
    pub version: String,
    state: Mutex<State>,
}

struct State {
    seen: Moment,
    exchange: Option<Arc<Exchange<GatewaySession>>>,
    refusal: Option<String>,
}

/// How a connection stands.
pub(super) struct Standing {
    /// When it last said something.
    pub seen: Moment,
    /// Since when an update waits for its answer.
    pub waiting_since: Option<Moment>,
    /// What it refused last, in its words.
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
                refusal: None,
            }),
        }
    }

    /// It has said something.
    pub fn seen(&self, now: Moment) {
        self.state.lock().seen = now;
    }

    /// From now on this is its exchange; an earlier one ends.
    pub fn open(&self, exchange: Arc<Exchange<GatewaySession>>) {
        let earlier = self.state.lock().exchange.replace(exchange);
        if let Some(earlier) = earlier {
            earlier.close();
        }
    }

    /// This exchange has ended. Says whether it was still the connection's own.
    pub fn closed(&self, exchange: &Arc<Exchange<GatewaySession>>) -> bool {
        let mut state = self.state.lock();
        let ours = |open: &mut Arc<_>| Arc::ptr_eq(open, exchange);
        state.exchange.take_if(ours).is_some()
    }

    /// Ends its stream, in order.
    pub fn close(&self) {
        if let Some(exchange) = self.exchange() {
            exchange.close();
        }
    }

    pub fn exchange(&self) -> Option<Arc<Exchange<GatewaySession>>> {
        self.state.lock().exchange.clone()
    }

    /// It refused something, in these words.
    pub fn refused(&self, words: &str) {
        self.state.lock().refusal = Some(words.to_owned());
    }

    pub fn standing(&self) -> Standing {
        let state = self.state.lock();
        let waiting = |open: &Arc<Exchange<_>>| open.look(GatewaySession::waiting_since);
        Standing {
            seen: state.seen,
            waiting_since: state.exchange.as_ref().and_then(waiting),
            refusal: state.refusal.clone(),
        }
    }
}
