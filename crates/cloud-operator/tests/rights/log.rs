//! What the operators of this process say at the default level.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use operator_core::{
    decide::clock::Clock,
    process::{config::LogLevel, telemetry},
};
use parking_lot::Mutex;
use tracing_subscriber::util::SubscriberInitExt;

static SAID: LazyLock<Said> = LazyLock::new(|| {
    let said = Said::default();
    let writer = said.clone();
    telemetry::json_subscriber(LogLevel::Info, Clock::system(), move || writer.clone()).init();
    said
});

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl io::Write for Said {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens from now on.
pub fn listen() {
    LazyLock::force(&SAID);
}

/// The lines so far that hold `text`, with JSON's escaped quotes made plain.
pub fn lines_with(text: &str) -> Vec<String> {
    let said = String::from_utf8_lossy(&SAID.0.lock()).replace("\\\"", "\"");
    let lines = said.lines().filter(|line| line.contains(text));
    lines.map(str::to_owned).collect()
}
