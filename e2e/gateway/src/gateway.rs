//! The handle of a running gateway.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::behaviour::Behaviour;
use crate::event::{Event, Record, Update};
use crate::kind::Kind;
use crate::options::Options;
use crate::proxy;
use crate::session;
use crate::shared::Shared;
use crate::state::State;

/// A running gateway; it ends when dropped.
pub struct Gateway {
    shared: Arc<Shared>,
    url: Option<String>,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Starts a gateway. It dials in the background: the operator need not be there yet.
    ///
    /// # Errors
    /// When the data plane's address cannot be bound.
    pub async fn start(options: Options) -> Result<Self> {
        let listen = options.listen;
        let shared = Arc::new(Shared::new(options));
        let listener = match listen {
            None => None,
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.with_context(|| format!("cannot listen on {address}"))?)
            }
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let url = address.map(|address| format!("http://{address}"));
        if let Some(url) = url.clone() {
            shared.note(Event::Listening { url });
        }
        let task = tokio::spawn({
            let shared = shared.clone();
            async move {
                let serving = proxy::serve(listener, &shared);
                // A real gateway's process ends with its session, and its listener with that.
                tokio::select! {
                    () = session::run(shared.clone()) => {}
                    () = serving => {}
                }
            }
        });
        Ok(Self { shared, url, task })
    }

    /// Where HTTP is served, without a slash at the end.
    ///
    /// # Panics
    /// When the options had no [`listen`](Options::listen).
    pub fn url(&self) -> &str {
        let url = self.url.as_deref();
        url.expect("the gateway was started with a data plane")
    }

    /// What it is now.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// Changes how it behaves from now on.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    /// How it behaves now.
    pub fn behaviour(&self) -> Behaviour {
        self.shared.behaviour()
    }

    /// Breaks the connection to the operator now, without a word. The gateway dials again.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// What the operator did that a real gateway would break on. A test asserts that it is empty.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations()
    }

    /// The keys of the tracked resources with their JSON. After a refusal this is the refused
    /// configuration.
    pub fn tracked(&self, kind: Kind) -> BTreeMap<String, Bytes> {
        self.shared.tracked(kind)
    }

    /// The names of the routes in force, in the order in which they are asked.
    pub fn routes(&self) -> Vec<String> {
        self.shared.in_force.router.names()
    }

    /// The names of the backends in force.
    pub fn backends(&self) -> Vec<String> {
        self.shared.in_force.backends.names()
    }

    /// The most recent events, oldest first.
    pub fn events(&self) -> Vec<Record> {
        self.shared.events()
    }

    /// The most recent updates, oldest first.
    pub fn updates(&self) -> Vec<Update> {
        let update = |record: Record| match record.event {
            Event::Processed(update) => Some(update),
            _ => None,
        };
        self.events().into_iter().filter_map(update).collect()
    }

    /// Waits until `holds` says so; it is asked again after every event.
    ///
    /// # Errors
    /// When that does not happen within `patience`; the message has `what` was awaited, the state
    /// and the last events.
    pub async fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        mut holds: impl FnMut(&State) -> bool,
    ) -> Result<State> {
        let mut changes = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                let state = self.state();
                if holds(&state) {
                    return state;
                }
                // The sender lives as long as `self`.
                let _ = changes.changed().await;
            }
        };
        timeout(patience, waiting).await.map_err(|_| {
            let name = &self.shared.options.name;
            let events = self.events();
            let last: Vec<String> = events
                .iter()
                .skip(events.len().saturating_sub(20))
                .map(|record| format!("  {:?} {:?}", record.at.since_origin(), record.event))
                .collect();
            anyhow!(
                "gateway {name}: gave up after {patience:?} waiting for {what}\n{:#?}\n{}",
                self.state(),
                last.join("\n")
            )
        })
    }

    /// Waits until the gateway has ended, as a real one's process would have.
    pub async fn ended(&mut self) {
        // An abort or a panic is an end, too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cut();
    }
}
