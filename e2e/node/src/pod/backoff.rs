//! How long a container that ended waits before it is started again.

use std::time::Duration;

/// As the kubelet has it.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
/// Whoever ran for this long is not failing in a loop.
const WELL: Duration = Duration::from_secs(600);

/// The pauses of one container.
#[derive(Debug, Default)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The pause after a run; none after the first.
    pub fn after(&mut self, ran: Duration) -> Duration {
        if ran >= WELL {
            self.next = Duration::ZERO;
        }
        let pause = self.next;
        self.next = (pause * 2).clamp(FIRST, LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_it_has_run_well() {
        let mut backoff = Backoff::default();
        let mut pauses = |times: usize, ran| -> Vec<u64> {
            (0..times).map(|_| backoff.after(ran).as_secs()).collect()
        };
        assert_eq!(
            pauses(8, Duration::ZERO),
            [0, 10, 20, 40, 80, 160, 300, 300]
        );
        assert_eq!(pauses(1, WELL), [0]);
        assert_eq!(pauses(1, Duration::ZERO), [10]);
    }
}
