//! Bodies that pass chunk by chunk and can be cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Body, Call, Verb};

/// By sequence number, each with what cuts it.
type Open = Arc<Mutex<BTreeMap<u64, (Arc<Call>, Arc<Notify>)>>>;

/// The watches whose bodies are on their way.
#[derive(Default)]
pub(super) struct OpenWatches {
    open: Open,
}

impl OpenWatches {
    pub(super) fn open(&self) -> Vec<Arc<Call>> {
        let open = self.open.lock();
        open.values().map(|(call, _)| call.clone()).collect()
    }

    pub(super) fn cut(&self, matches: impl Fn(&Call) -> bool) -> usize {
        let open = self.open.lock();
        let cut = open.values().filter(|(call, _)| matches(call));
        cut.map(|(_, cut)| cut.notify_one()).count()
    }

    /// Passes the body on, until it is to be cut: when told, or after `limit` bytes.
    pub(super) fn pass(&self, call: &Arc<Call>, body: Body, limit: Option<usize>) -> Body {
        if call.verb != Verb::Watch && limit.is_none() {
            return body;
        }
        let cut = Arc::new(Notify::new());
        let listed = (call.verb == Verb::Watch).then(|| {
            self.open
                .lock()
                .insert(call.seq, (call.clone(), cut.clone()));
            Listed {
                seq: call.seq,
                open: self.open.clone(),
            }
        });
        let passing = Passing {
            body,
            left: limit,
            cut,
            _listed: listed,
        };
        BodyExt::boxed_unsync(StreamBody::new(passing.frames()))
    }
}

/// Takes a watch off the list when its body ends, however it does.
struct Listed {
    seq: u64,
    open: Open,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.open.lock().remove(&self.seq);
    }
}

struct Passing {
    body: Body,
    left: Option<usize>,
    cut: Arc<Notify>,
    _listed: Option<Listed>,
}

impl Passing {
    fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, anyhow::Error>> {
        stream::unfold(self, |mut passing| async {
            let frame = passing.next().await?;
            Some((frame, passing))
        })
    }

    async fn next(&mut self) -> Option<Result<Frame<Bytes>, anyhow::Error>> {
        if self.left == Some(0) {
            // An error discards what the connection has not sent yet; a pause lets it send that.
            tokio::task::yield_now().await;
            return Some(Err(cut_short()));
        }
        let frame = tokio::select! {
            biased;
            () = self.cut.notified() => return Some(Err(cut_short())),
            frame = self.body.frame() => frame?,
        };
        Some(frame.map(|frame| self.shorten(frame)))
    }

    fn shorten(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let Some(left) = &mut self.left else {
            return frame;
        };
        frame.map_data(|mut data| {
            data.truncate(*left);
            *left -= data.len();
            data
        })
    }
}

fn cut_short() -> anyhow::Error {
    anyhow::anyhow!("the proxy was told to cut this body")
}
