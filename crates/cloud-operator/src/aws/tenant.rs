//! A session as one namespace uses it.

use std::{ops::Deref, sync::Arc};

use super::{
    failure::{Failed, Failure},
    fault::Call,
    pace::Pace,
    session::Session,
};

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

    /// Waits until `call` can be signed and may be made.
    ///
    /// # Errors
    /// That there are no credentials, for the provider's fault.
    pub(super) async fn ready(&self, call: Call) -> Result<(), Failed> {
        self.session.signs().await.map_err(|fault| Failed {
            call,
            failure: Failure::Ours(fault),
        })?;
        self.pace.turn(call, &self.namespace).await;
        Ok(())
    }
}

impl Deref for Tenant {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
