//! Logs: JSON lines for machines, text for people.

mod fields;
mod filter;
mod json;
mod panics;

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::{
    Registry,
    fmt::{MakeWriter, format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

use self::json::JsonLines;
use super::config::{Log, LogFormat, LogLevel};
use crate::decide::clock::Clock;

/// Sends what this process logs to standard error from now on, panics included.
///
/// Fails if a log has been set up before.
pub fn init(log: Log, clock: Clock) -> Result<(), TryInitError> {
    let human = match log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    if human {
        human_subscriber(log.level, clock, io::stderr, io::stderr().is_terminal()).try_init()?;
    } else {
        json_subscriber(log.level, clock, io::stderr).try_init()?;
    }
    panics::log();
    Ok(())
}

/// Writes each event as one line with a JSON object: `level` in lower case, `ts` (RFC 3339 in UTC, with
/// milliseconds), `msg`, then the fields of the event and of the spans around it, flattened. Where a name
/// comes twice the event wins over spans, an inner span over an outer one, and the last value over earlier
/// ones. A field that is itself called `level`, `ts` or `msg` is written as `fields.level` and so on.
///
/// Each line is handed to `writer` by one call.
pub fn json_subscriber<W>(level: LogLevel, clock: Clock, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Registry::default()
        .with(filter::targets(level))
        .with(JsonLines::new(clock, writer))
}

/// Writes each event as text for people.
pub fn human_subscriber<W>(
    level: LogLevel,
    clock: Clock,
    writer: W,
    colours: bool,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(WallTime(clock))
        .with_target(false)
        .with_ansi(colours)
        .with_writer(writer);
    Registry::default().with(filter::targets(level)).with(lines)
}

/// RFC 3339 in UTC, with milliseconds, as the operator's clock says.
struct WallTime(Clock);

impl FormatTime for WallTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:.3}", self.0.wall())
    }
}
