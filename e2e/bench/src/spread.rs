//! Times, and how they spread.

use std::time::Duration;

/// Measured times.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that `share` of all stay within; nothing was measured: zero.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        sorted.get(at).copied().unwrap_or_default()
    }

    /// Median, 99th of a hundred, and the longest, as tables show them.
    pub fn shown(&self) -> String {
        let ms = |share| self.quantile(share).as_secs_f64() * 1e3;
        format!(
            "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            ms(0.5),
            ms(0.99),
            ms(1.0)
        )
    }
}
