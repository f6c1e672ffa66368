//! Admission: a word to whoever writes an object, before it is stored.
//!
//! For what only other objects tell; what an object says by itself is judged by the rules of its schema, which
//! hold with no webhook running. Nothing rests on it: passes judge again. So its configuration says
//! `failurePolicy: Ignore`, and whatever cannot be judged is let pass. No webhook ever changes an object.
//!
//! Every replica serves, and judges by its own caches: of two objects that are written at the same moment both
//! may pass.

mod review;
mod room;
mod settings;
mod trust;

use std::sync::Arc;

use axum::Router;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};

use self::room::Room;
pub(super) use self::trust::Trust;
pub use self::{
    review::{Asked, Change, Verdict},
    settings::WebhookSettings,
};
use crate::decide::clock::Clock;

type Route = Box<dyn FnOnce(Router, &Judgement) -> Router + Send>;

/// The room for all questions in hand.
const ROOM: usize = 16 * 1024 * 1024;

/// What the routes share.
#[derive(Clone)]
pub(super) struct Judgement {
    clock: Clock,
    /// Whether all caches have synced once: before, nobody is refused.
    synced: watch::Receiver<bool>,
    room: Arc<Room>,
    /// What a question becomes may be many times as large as its text: there is one at a time. A turn lasts for a
    /// moment, and for nothing that anybody sends.
    turn: Arc<Mutex<()>>,
}

impl Judgement {
    pub(super) fn new(clock: Clock, synced: watch::Receiver<bool>) -> Self {
        Self {
            clock,
            synced,
            room: Room::of(ROOM),
            turn: Arc::default(),
        }
    }
}

/// Functions that judge what is written, each at a path of its own.
#[derive(Default)]
pub struct Validators(Vec<Route>);

impl Validators {
    /// Judges what is asked for objects of the kind `K`, which the API server sends to `path`. `judge` answers at
    /// once, from caches, and changes nothing: it is also asked for a dry run.
    pub fn add<K>(
        &mut self,
        path: &'static str,
        judge: impl Fn(&Asked<K>) -> Verdict + Send + Sync + 'static,
    ) where
        K: DeserializeOwned + Send + 'static,
    {
        let route = move |router: Router, judgement: &Judgement| {
            router.route(path, review::handler(judgement.clone(), judge))
        };
        self.0.push(Box::new(route));
    }

    pub(super) fn router(self, judgement: &Judgement) -> Router {
        let add = |router, route: Route| route(router, judgement);
        self.0.into_iter().fold(Router::new(), add)
    }
}
