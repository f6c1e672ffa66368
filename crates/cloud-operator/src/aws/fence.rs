//! The fence around every write: it goes on only while this replica leads.

use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::cluster::leading::{Leading, NotLeading};

use super::{
    failure::{Failed, Failure},
    fault::Call,
};

/// Sends a write as long as `leading` is valid.
///
/// # Errors
/// AWS's answer or why there was none; also, from the deadline on, that this replica no longer leads.
pub(super) async fn fenced<T, E>(
    leading: &Leading,
    call: Call,
    sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<(), Failed>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let failed = |failure| Err(Failed { call, failure });
    if let Err(not_leading) = leading.check() {
        return failed(Failure::Ours(not_leading.into()));
    }
    match while_leading(leading, sending).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failed::new(call, error)),
        Err(not_leading) => failed(Failure::Lost(not_leading.to_string())),
    }
}

/// Looks before each step of the call, not only before the first: loading credentials and opening a connection
/// take time, and a process that was stopped meanwhile must not send what it has prepared. Dropping the call
/// closes its connection.
async fn while_leading<F: Future>(leading: &Leading, call: F) -> Result<F::Output, NotLeading> {
    let mut call = pin!(call);
    poll_fn(|context| match leading.check() {
        Ok(()) => call.as_mut().poll(context).map(Ok),
        Err(not_leading) => Poll::Ready(Err(not_leading)),
    })
    .await
}
