//! What was told, as a recording that a terminal shows again, pauses included.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// As wide as a line may be; the terminal folds a longer one.
const WIDEST: usize = 160;
/// The longest pause that is shown, in seconds: servers start, and nothing is to be seen.
const IDLE: f64 = 3.0;

/// Lines, each with the time since the first one's beginning.
///
/// It is written as asciicast v2, a header and then a line for each event:
/// <https://docs.asciinema.org/manual/asciicast/v2/>.
pub struct Recording {
    command: String,
    lines: Vec<(Duration, String)>,
}

impl Recording {
    /// What this command has shown.
    pub fn new(command: &str, lines: Vec<(Duration, String)>) -> Self {
        Self {
            command: command.to_owned(),
            lines,
        }
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        fs::write(file, self.cast()).with_context(|| format!("cannot write {}", file.display()))
    }

    fn cast(&self) -> String {
        let width = self
            .lines
            .iter()
            .map(|(_, line)| line.chars().count())
            .max();
        let header = json!({
            "version": 2, "width": width.unwrap_or(0).clamp(80, WIDEST), "height": 40,
            "idle_time_limit": IDLE, "title": self.command,
        });
        let typed = event(Duration::ZERO, &format!("$ {}", self.command));
        let shown = self.lines.iter().map(|(at, line)| event(*at, line));
        let all = [header, typed].into_iter().chain(shown);
        all.map(|line| format!("{line}\n")).collect()
    }
}

fn event(at: Duration, line: &str) -> Value {
    // To the millisecond, so that it is short.
    let at = Duration::from_millis(at.as_millis() as u64).as_secs_f64();
    json!([at, "o", format!("{line}\r\n")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_is_a_header_and_a_line_for_each_event() {
        let lines = [(0, "The stage"), (1_234_567, "  1.2 s  \"ready\"")];
        let lines = lines.map(|(at, line)| (Duration::from_micros(at), line.to_owned()));
        let cast = Recording::new("cargo xtask demo cloud", lines.into()).cast();
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let read: Vec<Value> = cast.lines().map(read).collect();
        assert_eq!(read[0]["version"], 2);
        assert_eq!(read[0]["width"], 80);
        assert_eq!(
            read[1..],
            [
                json!([0.0, "o", "$ cargo xtask demo cloud\r\n"]),
                json!([0.0, "o", "The stage\r\n"]),
                json!([1.234, "o", "  1.2 s  \"ready\"\r\n"]),
            ]
        );
    }
}
