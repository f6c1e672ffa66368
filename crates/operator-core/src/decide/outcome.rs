//! What one pass over an object may answer.

use std::{borrow::Cow, fmt, time::Duration};

use super::reason::Reason;

/// How a pass ends: an [`Outcome`], or a [`Fault`] that somebody or something must mend.
pub type PassResult = Result<Outcome, Fault>;

/// A pass that met no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The user's wish is in force.
    Done {
        /// Reason of the `Ready=True` condition.
        reason: Reason,
        /// Message of that condition.
        message: String,
    },
    /// Work goes on outside; look again after `poll`.
    Running {
        /// Reason of the `Ready=False` condition.
        reason: Reason,
        /// What is going on, for the user.
        task: String,
        /// When to look again.
        poll: Duration,
    },
    /// Something else must come first; its arrival starts a pass, `poll` is the safety net.
    Waiting {
        /// Reason of the `Ready=False` condition.
        reason: Reason,
        /// What is waited for, for the user.
        on: String,
        /// When to look again should no event come.
        poll: Duration,
    },
    /// The wish is not in force because the user has asked for it to be left so; an edit starts a pass.
    Held {
        /// Reason of the `Ready=False` condition.
        reason: Reason,
        /// What is left, and how to have it done.
        message: String,
    },
    /// Nothing can be said yet; conditions stay as they are. What is waited for starts a pass, `poll` is the safety
    /// net.
    Undecided {
        /// When to look again should no event come.
        poll: Duration,
    },
    /// The user has asked for nothing to be done; conditions stay as they are.
    Paused,
    /// The object changed while the pass was at work; conditions stay as they are and a new pass follows.
    Superseded,
    /// The object may go: nothing of it is left to look after.
    Released,
}

/// Who or what can mend a fault, and so when a new try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// The spec must change. Tried again on an edit, a reference change, on request and at the drift interval.
    Terminal,
    /// Goes away by itself: backoff.
    Transient,
    /// The other side asks for fewer requests: longer backoff.
    Throttled,
    /// Somebody must act outside the cluster: slow retry.
    Blocked,
    /// The answer was lost: observe before repeating.
    UnknownOutcome,
}

/// What else the same fault stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This object alone.
    Object,
    /// Every object of the same provider: one fault, not one backoff for each object.
    Provider,
    /// Every object that uses the same outside service of the same provider.
    Service,
}

/// Why a pass could not bring the user's wish into force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// When a new try makes sense.
    pub class: Class,
    /// What else it stops.
    pub scope: Scope,
    /// The other side's own code (`AccessDenied`), or ours; a metric label, so of few values.
    pub code: Cow<'static, str>,
    /// Reason of the condition and the event.
    pub reason: Reason,
    /// What happened and what to do about it, for the user. Never holds a secret.
    pub message: String,
    /// The earliest next try that the other side allows, if it says so.
    pub after: Option<Duration>,
}

impl Fault {
    /// A fault of this object alone, coded by its reason.
    pub fn new(class: Class, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            class,
            scope: Scope::Object,
            code: Cow::Borrowed(reason.as_str()),
            reason,
            message: message.into(),
            after: None,
        }
    }

    /// The spec must change.
    pub fn terminal(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Class::Terminal, reason, message)
    }

    /// Goes away by itself.
    pub fn transient(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Class::Transient, reason, message)
    }

    /// Somebody must act outside the cluster.
    pub fn blocked(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Class::Blocked, reason, message)
    }

    /// The same fault with the other side's code.
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// The same fault with another scope.
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The same fault under another reason of the condition.
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}
