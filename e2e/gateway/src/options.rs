//! What a gateway is started with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use operator_core::decide::clock::Clock;
use tokio::sync::mpsc::UnboundedSender;

use crate::behaviour::Behaviour;
use crate::event::Record;

/// The settings of a gateway. [`Options::new`] gives those of a real one, without TLS and without a
/// data plane.
#[derive(Clone, Debug)]
pub struct Options {
    /// The operator, as `host:port`. With TLS, the host is what its certificate must carry.
    pub operator: String,
    /// TLS towards the operator; plaintext without.
    pub tls: Option<Tls>,
    /// The gateway's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Pod that it says to run in; may be empty.
    pub pod: String,
    /// The namespaces that it asks for in the stream request; empty for all.
    pub namespaces: Vec<String>,
    /// Where HTTP is served; `None` for a gateway without a data plane, which is cheap.
    pub listen: Option<SocketAddr>,
    /// Names that stand for addresses, of the operator and of backends: `host:port` goes before
    /// `host`.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// How long after a registration a smaller snapshot is ignored.
    pub guard_window: Duration,
    /// Waits before the first registration succeeds.
    pub start: Waits,
    /// Waits after that.
    pub reconnect: Waits,
    /// How often the connection is probed.
    pub keep_alive: KeepAlive,
    /// The time for the guard's window, the waits, the heartbeats and the events.
    pub clock: Clock,
    /// How it behaves at first.
    pub behaviour: Behaviour,
    /// Where every event goes, beside the bounded list that [`Gateway::events`](crate::Gateway::events)
    /// has.
    pub events: Option<UnboundedSender<Record>>,
}

impl Options {
    /// The settings of a real gateway.
    pub fn new(operator: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            operator: operator.into(),
            tls: None,
            name: name.into(),
            namespace: "default".into(),
            pod: String::new(),
            namespaces: vec![],
            listen: None,
            resolve: BTreeMap::new(),
            guard_window: Duration::from_secs(30),
            start: Waits::START,
            reconnect: Waits::RECONNECT,
            keep_alive: KeepAlive::default(),
            clock: Clock::system(),
            behaviour: Behaviour::default(),
            events: None,
        }
    }
}

/// Files of TLS, read again at every connect.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The only roots that are trusted, as PEM.
    pub ca_file: PathBuf,
    /// A certificate and its key to show to the operator, as PEM.
    pub identity: Option<Identity>,
}

/// A client's certificate and key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate's file.
    pub cert_file: PathBuf,
    /// The key's file.
    pub key_file: PathBuf,
}

/// HTTP/2 pings, also without a stream.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Between two pings.
    pub interval: Duration,
    /// Without an answer for so long, the connection is closed.
    pub timeout: Duration,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
        }
    }
}

/// Waits between attempts, twice as long each time.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// How many retries there are before the gateway gives up; `None` for as many as it takes.
    pub retries: Option<u32>,
    /// Waits take between half and all of their time.
    pub jitter: bool,
}

impl Waits {
    /// Those of a real gateway that starts.
    pub const START: Self = Self {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(30),
        retries: Some(8),
        jitter: true,
    };
    /// Those of a real gateway that was connected.
    pub const RECONNECT: Self = Self {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(30),
        retries: None,
        jitter: false,
    };
    /// For tests that do not wait for seconds; never gives up.
    pub const QUICK: Self = Self {
        first: Duration::from_millis(20),
        longest: Duration::from_millis(500),
        retries: None,
        jitter: true,
    };

    /// The wait after so many failed attempts (one at least); `None` to give up.
    pub(crate) fn after(self, failures: u32) -> Option<Duration> {
        if self.retries.is_some_and(|most| failures > most) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.first.saturating_mul(doubled).min(self.longest);
        Some(if self.jitter {
            wait.mul_f64(0.5 + fastrand::f64() / 2.0)
        } else {
            wait
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |failures| Waits::RECONNECT.after(failures).unwrap().as_secs();
        assert_eq!([1, 2, 3, 5, 6, 60].map(seconds), [1, 2, 4, 16, 30, 30]);
    }

    #[test]
    fn a_start_gives_up_after_eight_retries() {
        assert!(Waits::START.after(8).is_some());
        assert_eq!(Waits::START.after(9), None);
    }
}
