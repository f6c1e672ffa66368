//! Tells a person what happens, and when.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::recording::Recording;

/// Writes to standard output, and remembers it. The times are those since it was made.
pub struct Teller {
    began: Instant,
    told: Mutex<Vec<(Duration, String)>>,
}

impl Teller {
    /// Begins to count.
    pub fn new() -> Self {
        Self {
            began: now(),
            told: Mutex::default(),
        }
    }

    /// What the next lines are about.
    pub fn chapter(&self, title: &str) {
        self.line(String::new());
        self.line(title.to_owned());
    }

    /// Something has happened just now.
    pub fn happened(&self, what: &str) {
        self.line(format!("  {:>5.1} s  {what}", self.elapsed().as_secs_f64()));
    }

    /// A command as a person would type it.
    pub fn typed(&self, command: &str) {
        self.line(format!("           $ {command}"));
    }

    /// A long command as a person would type it: each option on a line of its own.
    pub fn typed_with(&self, command: &str, options: &[String]) {
        self.typed(&format!("{command} \\"));
        self.shown(&options.join(" \\\n"));
    }

    /// What a command printed.
    pub fn shown(&self, text: &str) {
        for line in text.lines() {
            self.line(format!("             {line}"));
        }
    }

    /// All that was told so far, as what this command shows.
    pub fn recording(&self, command: &str) -> Recording {
        Recording::new(command, self.told.lock().clone())
    }

    fn line(&self, line: String) {
        println!("{line}");
        self.told.lock().push((self.elapsed(), line));
    }

    fn elapsed(&self) -> Duration {
        now().duration_since(self.began)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo shows how long things take"
)]
fn now() -> Instant {
    Instant::now()
}
