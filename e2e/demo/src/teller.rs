//! Tells a person what happens, and when.

use std::time::{Duration, Instant};

/// Writes to standard output. The times are those since it was made.
pub struct Teller {
    began: Instant,
}

impl Teller {
    /// Begins to count.
    pub fn new() -> Self {
        Self { began: now() }
    }

    /// What the next lines are about.
    pub fn chapter(&self, title: &str) {
        println!("\n{title}");
    }

    /// Something has happened just now.
    pub fn happened(&self, what: &str) {
        println!("  {:>5.1} s  {what}", self.elapsed().as_secs_f64());
    }

    /// A command as a person would type it.
    pub fn typed(&self, command: &str) {
        println!("           $ {command}");
    }

    /// A long command as a person would type it: each option on a line of its own.
    pub fn typed_with(&self, command: &str, options: &[String]) {
        self.typed(&format!("{command} \\"));
        self.shown(&options.join(" \\\n"));
    }

    /// What a command printed.
    pub fn shown(&self, text: &str) {
        for line in text.lines() {
            println!("             {line}");
        }
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
