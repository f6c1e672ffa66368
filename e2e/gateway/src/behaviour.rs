//! What a test can make a gateway do, at any time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::fault::Fault;
use crate::kind::Kind;
use crate::spec::Spec;

/// How a gateway behaves. The default is a fast and healthy one.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Slow: waits so long before it applies an update.
    pub apply_takes: Duration,
    /// Stuck, until this is taken back.
    pub stuck: Option<Stuck>,
    /// Lossy.
    pub loses: Option<Loss>,
    /// Refuses what a healthy gateway would take.
    pub refuses: Option<Refusal>,
    /// Sends no heartbeats.
    pub silent: bool,
    /// Whether errors name the resource that caused them.
    pub names_in_errors: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            apply_takes: Duration::ZERO,
            stuck: None,
            loses: None,
            refuses: None,
            silent: false,
            names_in_errors: true,
        }
    }
}

/// Where a gateway hangs. Its connection stays alive, and its heartbeats go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// It reads no further update from the stream.
    Reading,
    /// It has applied an update, and does not come to acknowledge it.
    Acknowledging,
}

/// What gets lost after an update was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The acknowledgement.
    Acknowledgement,
    /// The connection, before the acknowledgement.
    Connection,
}

/// A reason of the test's own to refuse a configuration.
#[derive(Clone)]
pub struct Refusal {
    test: Test,
    reason: String,
}

#[derive(Clone)]
enum Test {
    Name(String),
    Predicate(Arc<Predicate>),
}

type Predicate = dyn Fn(Kind, &str, &Value) -> bool + Send + Sync;

impl Refusal {
    /// Refuses any configuration with a resource of this name.
    pub fn of_name(name: impl Into<String>) -> Self {
        Self::new(Test::Name(name.into()))
    }

    /// Refuses any configuration with a resource of which `predicate` holds, by its kind, its name
    /// and its JSON.
    pub fn when(predicate: impl Fn(Kind, &str, &Value) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Test::Predicate(Arc::new(predicate)))
    }

    /// Says why in these words.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            ..self
        }
    }

    fn new(test: Test) -> Self {
        Self {
            test,
            reason: "refused by this gateway".into(),
        }
    }

    /// Err when the resource is one of those.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(), Fault> {
        let refused = match &self.test {
            Test::Name(name) => spec.name() == name,
            Test::Predicate(holds) => holds(spec.kind(), spec.name(), &spec.value()),
        };
        if refused {
            Err(Fault::new(spec.kind(), spec.name(), &self.reason))
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match &self.test {
            Test::Name(name) => name,
            Test::Predicate(_) => "(a predicate)",
        };
        write!(f, "Refusal of {of}: {}", self.reason)
    }
}
