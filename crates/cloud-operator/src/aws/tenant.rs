//! A session as one namespace uses it.

use std::{ops::Deref, sync::Arc};

use super::{fault::Call, pace::Pace, session::Session};

/// The credentials of a provider in the hands of the objects of a namespace, which has its share of the calls.
#[derive(Clone, Debug)]
pub struct Tenant {
    session: Arc<Session>,
    pace: Pace,
    namespace: Arc<str>,
}

impl Tenant {
    /// `namespace`, which calls by `session` at most as often as `pace` allows it.
    pub fn new(session: Arc<Session>, pace: Pace, namespace: impl Into<Arc<str>>) -> Self {
        Self {
            session,
            pace,
            namespace: namespace.into(),
        }
    }

    /// Waits until `call` may be made.
    pub(super) async fn turn(&self, call: Call) {
        self.pace.turn(call, &self.namespace).await;
    }
}

impl Deref for Tenant {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
