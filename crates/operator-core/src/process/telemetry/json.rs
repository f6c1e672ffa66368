//! JSON lines.

use std::{cell::Cell, io::Write};

use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::{
    Layer,
    fmt::MakeWriter,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::fields::{Fields, push_display, push_string};
use crate::decide::clock::Clock;

/// Writes each event as one line; see [`json_subscriber`](super::json_subscriber).
pub(super) struct JsonLines<W> {
    clock: Clock,
    writer: W,
}

impl<W> JsonLines<W> {
    pub(super) fn new(clock: Clock, writer: W) -> Self {
        Self { clock, writer }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut memory = Memory::take();
        event.record(&mut memory.fields);
        let level = *event.metadata().level();
        memory.compose(
            level,
            self.clock.wall(),
            context.event_scope(event).into_iter().flatten(),
        );
        // A log that cannot be written has nowhere to complain.
        let _ = self
            .writer
            .make_writer_for(event.metadata())
            .write_all(&memory.line);
        memory.give_back();
    }
}

/// Buffers that a thread uses again for each line.
#[derive(Default)]
struct Memory {
    fields: Fields,
    line: Vec<u8>,
    written: Vec<&'static str>,
}

/// A line longer than this gives its memory back.
const KEEP: usize = 16 * 1024;

thread_local! {
    static MEMORY: Cell<Memory> = Cell::default();
}

impl Memory {
    /// Taken, not borrowed: a value that logs while it is formatted finds empty buffers.
    fn take() -> Self {
        MEMORY.try_with(Cell::take).unwrap_or_default()
    }

    fn give_back(mut self) {
        if self.line.capacity() > KEEP {
            return;
        }
        self.fields.clear();
        self.line.clear();
        self.written.clear();
        // A thread that is ending has no place for it.
        let _ = MEMORY.try_with(|memory| memory.set(self));
    }

    fn compose<'s, S>(
        &mut self,
        level: Level,
        now: jiff::Timestamp,
        spans: impl Iterator<Item = SpanRef<'s, S>>,
    ) where
        S: for<'l> LookupSpan<'l> + 's,
    {
        let Self {
            fields,
            line,
            written,
        } = self;
        line.extend_from_slice(b"{\"level\":\"");
        line.extend_from_slice(match level {
            Level::ERROR => b"error",
            Level::WARN => b"warn",
            Level::INFO => b"info",
            Level::DEBUG => b"debug",
            Level::TRACE => b"trace",
        });
        line.extend_from_slice(b"\",\"ts\":\"");
        push_display(line, format_args!("{now:.3}"));
        line.extend_from_slice(b"\",\"msg\":");
        let message = fields.iter().find(|(name, _)| *name == MESSAGE);
        line.extend_from_slice(message.map_or(b"\"\"", |(_, value)| value));
        append(
            line,
            written,
            fields.iter().filter(|(name, _)| *name != MESSAGE),
        );
        for span in spans {
            if let Some(fields) = span.extensions().get::<Fields>() {
                append(line, written, fields.iter());
            }
        }
        line.extend_from_slice(b"}\n");
    }
}

/// What tracing calls the text of an event.
const MESSAGE: &str = "message";

/// Writes those fields that no closer one has hidden.
fn append<'f>(
    line: &mut Vec<u8>,
    written: &mut Vec<&'static str>,
    fields: impl Iterator<Item = (&'static str, &'f [u8])>,
) {
    for (name, value) in fields {
        if written.contains(&name) {
            continue;
        }
        written.push(name);
        line.push(b',');
        match name {
            "level" | "ts" | "msg" => push_string(line, format_args!("fields.{name}")),
            name => push_string(line, format_args!("{name}")),
        }
        line.push(b':');
        line.extend_from_slice(value);
    }
}
