//! Panics as log lines.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

use tracing::{Level, error, event_enabled};

/// From now on a panic is an event at error level; where nobody listens to such, it is printed as before.
pub(super) fn log() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if event_enabled!(Level::ERROR) {
            report(info)
        } else {
            before(info)
        }
    }));
}

fn report(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a value that is not text");
    let location = info.location().map(ToString::to_string);
    let current = thread::current();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    error!(
        location,
        thread = current.name(),
        backtrace = backtrace.as_ref().map(tracing::field::display),
        "panicked: {message}"
    );
}
