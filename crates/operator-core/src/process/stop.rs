//! How the platform tells a process to stop.

use std::{future::Future, io};

use tokio::signal::unix::{SignalKind, signal as listen};

/// Ready at the first SIGTERM or SIGINT after this call.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
