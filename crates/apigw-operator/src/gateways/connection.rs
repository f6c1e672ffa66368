//! One registered gateway: who it is, whether it lives, and the exchange with it.

use std::sync::Arc;

use operator_core::{
    cluster::spans::TRACES,
    decide::clock::Moment,
    engines::fanout::{Contents, Digest, Exchange},
};
use parking_lot::{Mutex, MutexGuard};
use tracing::{Span, debug_span, field::Empty};

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
    /// The update that is on its way, by its version, as traces show it.
    push: Mutex<Option<(String, Span)>>,
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
            push: Mutex::default(),
        }
    }

    /// An update of this version is sent: a span of its own until it is answered, or another one is sent.
    pub fn pushes(&self, version: &str) {
        let span = debug_span!(
            target: TRACES,
            parent: None,
            "push",
            otel.name = "gateway.push",
            otel.kind = "producer",
            otel.status_code = Empty,
            gateway = %self.id,
            version,
        );
        *self.push.lock() = (!span.is_disabled()).then(|| (version.to_owned(), span));
    }

    /// The update of this version is answered.
    pub fn answers(&self, version: &str, taken: bool) {
        let answered = self.push.lock().take_if(|(sent, _)| sent == version);
        if let (Some((_, span)), false) = (answered, taken) {
            span.record("otel.status_code", "ERROR");
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use apigw_protocol::GatewayInfo;
    use tracing::{
        Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };
    use tracing_subscriber::{
        Layer, Registry,
        layer::{Context, SubscriberExt},
    };

    use super::*;

    /// Writes down how spans begin, fail and end.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    struct Fields<'t>(&'t Told);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if ["version", "otel.status_code"].contains(&field.name()) {
                self.0.0.lock().push(format!("{field}={value:?}"));
            }
        }
    }

    impl<S: Subscriber> Layer<S> for Told {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            attributes.record(&mut Fields(self));
        }

        fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
            values.record(&mut Fields(self));
        }

        fn on_close(&self, _: Id, _: Context<'_, S>) {
            self.0.lock().push("end".to_owned());
        }
    }

    fn connection() -> Connection {
        let info = GatewayInfo {
            name: "gw".to_owned(),
            namespace: "edge".to_owned(),
            ..GatewayInfo::default()
        };
        let id = GatewayId::of(Some(&info)).expect("a gateway");
        Connection::new(id, "session".into(), String::new(), Moment::ORIGIN)
    }

    #[test]
    fn an_update_is_a_span_until_it_is_answered() {
        let told = Told::default();
        tracing::subscriber::with_default(Registry::default().with(told.clone()), || {
            let connection = connection();
            connection.pushes("v1");
            connection.answers("v0", false);
            assert_eq!(
                told.0.lock().drain(..).collect::<Vec<_>>(),
                ["version=\"v1\""]
            );
            connection.answers("v1", true);
            assert_eq!(told.0.lock().drain(..).collect::<Vec<_>>(), ["end"]);

            connection.pushes("v2");
            connection.answers("v2", false);
            let expected = ["version=\"v2\"", "otel.status_code=\"ERROR\"", "end"];
            assert_eq!(told.0.lock().drain(..).collect::<Vec<_>>(), expected);

            connection.pushes("v3");
            connection.pushes("v4");
            drop(connection);
            let expected = ["version=\"v3\"", "version=\"v4\"", "end", "end"];
            assert_eq!(told.0.lock().drain(..).collect::<Vec<_>>(), expected);
        });
    }
}
