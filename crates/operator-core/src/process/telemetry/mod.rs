//! Logs: JSON lines for machines, text for people; and traces.

mod collector;
mod fields;
mod filter;
mod json;
mod panics;
mod traces;

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::{
    Layer, Registry,
    fmt::{MakeWriter, format::Writer, time::FormatTime},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
    util::{SubscriberInitExt, TryInitError},
};

use self::json::JsonLines;
pub use self::{collector::CollectorError, traces::TracesError};
use super::config::{FeatureGates, Log, LogFormat, LogLevel, gates};
use crate::decide::clock::Clock;

/// What an operator tells, as long as it lives: the log, and traces.
pub struct Telemetry {
    set_level: Box<dyn Fn(LogLevel) + Send + Sync>,
    traces: Option<SdkTracerProvider>,
}

/// There is no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A log was set up before.
    #[error(transparent)]
    Log(#[from] TryInitError),
    /// The environment asks for traces that cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
}

/// Sends what this process logs to standard error from now on, panics included, and traces to where the environment
/// says ([`traces`]) and the gate lets them. `operator` is the service that traces are of, and `bundle` a file of
/// authorities (PEM) that it believes besides the system's. Needs a runtime to be entered.
///
/// # Errors
/// If a log has been set up before, or traces cannot be sent as the environment says.
pub fn init(
    log: Log,
    operator: &'static str,
    gates: &FeatureGates,
    bundle: Option<&Path>,
    clock: Clock,
) -> Result<Telemetry, TelemetryError> {
    let traces = match gates.is_on(&gates::TRACES) {
        true => traces::provider(operator, bundle)?,
        false => None,
    };
    let layer = traces
        .as_ref()
        .map(|traces| traces::layer(traces, operator));
    let told = Registry::default().with(layer);
    let (targets, handle) = reload::Layer::new(filter::targets(log.level));
    let human = match log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    if human {
        let colours = io::stderr().is_terminal();
        let lines = human_lines(clock, io::stderr, colours).with_filter(targets);
        told.with(lines).try_init()?;
    } else {
        let lines = JsonLines::new(clock, io::stderr).with_filter(targets);
        told.with(lines).try_init()?;
    }
    panics::log();
    Ok(Telemetry {
        set_level: Box::new(move |level| {
            // It fails only where the log is gone.
            let _ = handle.reload(filter::targets(level));
        }),
        traces,
    })
}

/// Whether [`init`] could send traces as the environment says, as far as the gate lets it.
///
/// # Errors
/// What the environment says that cannot be.
pub fn check(gates: &FeatureGates, bundle: Option<&Path>) -> Result<(), TracesError> {
    match gates.is_on(&gates::TRACES) {
        true => traces::check(bundle),
        false => Ok(()),
    }
}

impl Telemetry {
    /// From now on this level is the least severe that is logged.
    pub fn set_level(&self, level: LogLevel) {
        (self.set_level)(level);
    }

    /// Sends the spans that are left, and no more. Not to be called within the runtime: it waits, for 5 s at most.
    pub fn end(self) {
        let Some(traces) = self.traces else { return };
        if let Err(error) = traces.shutdown() {
            tracing::warn!("the last traces were not sent: {error}");
        }
    }
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
    let lines = JsonLines::new(clock, writer);
    Registry::default().with(lines.with_filter(filter::targets(level)))
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
    let lines = human_lines(clock, writer, colours);
    Registry::default().with(lines.with_filter(filter::targets(level)))
}

fn human_lines<S, W>(clock: Clock, writer: W, colours: bool) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_timer(WallTime(clock))
        .with_target(false)
        .with_ansi(colours)
        .with_writer(writer)
}

/// RFC 3339 in UTC, with milliseconds, as the operator's clock says.
struct WallTime(Clock);

impl FormatTime for WallTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:.3}", self.0.wall())
    }
}
