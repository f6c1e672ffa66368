//! A reverse proxy inside the test process: it records every request, and does to it what a rule
//! says.
//!
//! Nothing here is random and nothing depends on speed: a rule picks its request by what the
//! request is and by how many of its kind came before.
//!
//! A request goes through these points, in this order: it is recorded; the
//! [hook](Proxy::on_request) is awaited ([`Point::Before`]); the first [`Rule`] that applies acts;
//! the request is forwarded, and from here on takes its effect whatever the client does; the hook
//! is awaited again ([`Point::After`]); the answer goes back, chunk by chunk.

mod body;
mod call;
mod gate;
pub mod kubernetes;
mod record;
mod rule;
mod serve;
mod traffic;
mod upstream;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use call::{Call, Verb};
pub use gate::Gate;
pub use record::{Counts, Outcome, Recorded};
pub use rule::{Action, Point, Rule, RuleHandle, Verdict};
pub use traffic::{Flow, Kind, Traffic};

pub(crate) use upstream::{Answer, Body, Forwarder, Upstream, answer, whole};

use body::OpenWatches;
use record::Log;
use rule::{Hook, Rules};
use traffic::Meter;

/// Says what a request is, from its method, path, query, headers and body: the [verb](Call::verb)
/// and what it is [about](Call::about).
pub(crate) type Classify = fn(&http::Request<bytes::Bytes>) -> (Verb, String);

/// A proxy that listens on a free port, of 127.0.0.1 unless it is told otherwise, until it is dropped.
///
/// Clones are handles of the same proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    // Behind its own count: connections hold `shared` and must not keep the listener alive.
    _listening: Arc<Listening>,
}

pub(crate) struct Shared {
    address: SocketAddr,
    classify: Classify,
    upstream: Box<dyn Upstream>,
    log: Log,
    meter: Meter,
    rules: Rules,
    watches: OpenWatches,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Proxy {
    pub(crate) async fn start(upstream: impl Upstream, classify: Classify) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), upstream, classify).await
    }

    pub(crate) async fn start_at(
        address: IpAddr,
        upstream: impl Upstream,
        classify: Classify,
    ) -> Result<Self> {
        let listener = TcpListener::bind((address, 0))
            .await
            .with_context(|| format!("the proxy cannot listen on {address}"))?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            classify,
            upstream: Box::new(upstream),
            log: Log::default(),
            meter: Meter::default(),
            rules: Rules::default(),
            watches: OpenWatches::default(),
        });
        let accepting = tokio::spawn(serve::accept(listener, shared.clone()));
        Ok(Self {
            shared,
            _listening: Arc::new(Listening(accepting.abort_handle())),
        })
    }

    /// Where clients reach the proxy, `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Installs a rule. Of several rules the first installed that applies acts.
    pub fn rule(&self, rule: Rule) -> RuleHandle {
        self.shared.rules.add(rule)
    }

    /// Removes all rules and the hook; requests that wait at a [`Gate`] go on waiting.
    pub fn clear_rules(&self) {
        self.shared.rules.clear();
    }

    /// Sets the hook that is awaited before each request is forwarded, and again when its effect
    /// has taken place and before the answer goes back. It replaces an earlier one.
    ///
    /// While it waits, nothing else of this request happens; [`Verdict::Cut`] closes the client's
    /// connection. A client that goes away meanwhile drops the hook's future.
    pub fn on_request<F, W>(&self, hook: F)
    where
        F: Fn(Point, Arc<Call>) -> W + Send + Sync + 'static,
        W: Future<Output = Verdict> + Send + 'static,
    {
        let boxed: Hook = Arc::new(move |point, call| -> BoxFuture<'static, Verdict> {
            Box::pin(hook(point, call))
        });
        self.shared.rules.set_hook(boxed);
    }

    /// The requests so far, in the order of their arrival: the last 100,000 since
    /// [`clear`](Self::clear).
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log.all()
    }

    /// Waits until a request that `matches` is on record with its outcome settled, and returns the
    /// first such.
    pub async fn settled(&self, matches: impl Fn(&Call) -> bool) -> Recorded {
        self.shared
            .log
            .first(|r| r.outcome != Outcome::Pending && matches(&r.call))
            .await
    }

    /// How many requests there were since [`clear`](Self::clear).
    pub fn counts(&self) -> Counts {
        self.shared.log.counts()
    }

    /// How much the server has answered since the proxy's start.
    pub fn traffic(&self) -> Traffic {
        self.shared.meter.read()
    }

    /// Forgets the record and the counts; sequence numbers go on.
    pub fn clear(&self) {
        self.shared.log.clear();
    }

    /// Cuts the open watches that match, in the middle of their bodies, and returns how many.
    pub fn cut_watches(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.shared.watches.cut(matches)
    }

    /// The watches that are open now.
    pub fn open_watches(&self) -> Vec<Arc<Call>> {
        self.shared.watches.open()
    }
}
