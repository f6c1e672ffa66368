//! How much went through a proxy: requests by their answers, and the bytes of their bodies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::StatusCode;
use http_body_util::BodyExt;
use parking_lot::Mutex;

use super::{Body, Call, Verb};

/// What requests have in common that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What they do.
    pub verb: Verb,
    /// Their method.
    pub method: String,
    /// What they are [about](Call::about).
    pub about: String,
    /// What the server answered.
    pub status: u16,
}

/// Requests of one kind that the server has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many.
    pub requests: usize,
    /// Bytes of their bodies.
    pub sent: u64,
    /// Bytes of the answers' bodies, as far as they have been passed on; those of open watches grow.
    pub received: u64,
}

/// Everything that was answered since the proxy's start. Neither is it bounded nor does
/// [`Proxy::clear`](super::Proxy::clear) touch it: whoever wants a difference takes two.
pub type Traffic = BTreeMap<Kind, Flow>;

#[derive(Default)]
pub(super) struct Meter {
    flows: Mutex<BTreeMap<Kind, Arc<Counters>>>,
}

#[derive(Default)]
struct Counters {
    requests: AtomicUsize,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Meter {
    /// Counts an answered request, and what of the answer's body will be read.
    pub(super) fn pass(&self, call: &Call, sent: u64, status: StatusCode, body: Body) -> Body {
        let kind = Kind {
            verb: call.verb,
            method: call.method.to_string(),
            about: call.about.clone(),
            status: status.as_u16(),
        };
        let flow = self.flows.lock().entry(kind).or_default().clone();
        flow.requests.fetch_add(1, Ordering::Relaxed);
        flow.sent.fetch_add(sent, Ordering::Relaxed);
        let counted = body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                flow.received
                    .fetch_add(data.len() as u64, Ordering::Relaxed);
            }
            frame
        });
        counted.boxed_unsync()
    }

    pub(super) fn read(&self) -> Traffic {
        let flows = self.flows.lock();
        let read = flows.iter().map(|(kind, flow)| {
            let flow = Flow {
                requests: flow.requests.load(Ordering::Relaxed),
                sent: flow.sent.load(Ordering::Relaxed),
                received: flow.received.load(Ordering::Relaxed),
            };
            (kind.clone(), flow)
        });
        read.collect()
    }
}
