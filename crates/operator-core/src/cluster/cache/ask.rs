//! One object as the API server has it now, for what must not rest on a watch that lags behind.

use std::time::Duration;

use kube::{Api, Client, api::ListParams};

use super::{Cache, Projection};
use crate::{
    cluster::{
        readable::Readable,
        reasons,
        spans::{Ask, traced},
        write::from_api,
    },
    decide::outcome::Fault,
};

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl<P: Projection> Cache<P> {
    /// What the API server says now of a cluster-scoped object: of every change that was answered before, it is the
    /// outcome. None if there is no such object. It is a list of this one name, so that the rights of the watch
    /// suffice; the cache stays as it is.
    ///
    /// # Errors
    /// A fault where the API server does not tell, or tells what this version cannot read.
    pub async fn ask(&self, client: &Client, name: &str) -> Result<Option<P::Stored>, Fault> {
        let api: Api<Readable<P::Object>> = Api::all_with(client.clone(), &());
        // Without a version: a list may otherwise be answered from a cache of the API server that lags, too.
        let one = ListParams::default().fields(&format!("metadata.name={name}"));
        let listed = traced::<P::Object, _>(Ask::LIST, api.list(&one));
        let deadline = self.clock.now() + PATIENCE;
        let listed = match self.clock.until(deadline, listed).await {
            Some(listed) => listed.map_err(|error| from_api(&error))?,
            None => {
                let text = format!("no answer within {PATIENCE:?}");
                return Err(Fault::transient(reasons::API_SERVER_UNREACHABLE, text));
            }
        };
        let Some(found) = listed.items.first() else {
            return Ok(None);
        };
        let read = if P::MANAGED_FIELDS {
            found.whole()
        } else {
            found.lean()
        };
        let object = read.map_err(|unread| Fault::blocked(reasons::UNREADABLE, unread.error))?;
        Ok(Some(P::project(super::follow::stripped(object))))
    }
}
