//! The fence around every write: it goes on only while this replica leads.

use std::{error::Error, future::Future};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::cluster::leading::Leading;

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
) -> Result<T, Failed>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let failed = |failure| Err(Failed { call, failure });
    if let Err(not_leading) = leading.check() {
        return failed(Failure::Ours(not_leading.into()));
    }
    match leading.fence(sending).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Failed::new(call, error)),
        Err(not_leading) => failed(Failure::Lost(not_leading.to_string())),
    }
}
