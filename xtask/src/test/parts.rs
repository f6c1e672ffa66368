//! The parts of a run: what came of each, and how long it took.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Those that have ended.
#[derive(Default)]
pub struct Parts {
    ended: Vec<(&'static str, Duration, Result<()>)>,
}

impl Parts {
    /// Runs one.
    pub fn run(&mut self, name: &'static str, part: impl FnOnce() -> Result<()>) {
        let begun = now();
        let result = part();
        self.ended.push((name, begun.elapsed(), result));
    }

    /// Tells how long each took.
    ///
    /// # Errors
    /// All that went wrong.
    pub fn end(self) -> Result<()> {
        println!("\nHow long it took:");
        for (name, time, _) in &self.ended {
            println!("  {:>12}  {name}", minutes(*time));
        }
        let failed = self.ended.into_iter().filter_map(|it| it.2.err());
        let failed: Vec<_> = failed.map(|error| format!("{error:#}")).collect();
        if !failed.is_empty() {
            bail!("{}", failed.join("\n\n"));
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long it really took is what is told"
)]
fn now() -> Instant {
    Instant::now()
}

/// As in `12 min 5 s`.
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_run_and_each_error_told() {
        let mut parts = Parts::default();
        parts.run("first", || bail!("one"));
        parts.run("second", || Ok(()));
        parts.run("third", || bail!("two"));
        assert_eq!(parts.ended.len(), 3);
        let told = parts.end().unwrap_err().to_string();
        assert_eq!(told, "one\n\ntwo");
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(minutes(Duration::from_millis(725_900)), "12 min 5 s");
    }
}
