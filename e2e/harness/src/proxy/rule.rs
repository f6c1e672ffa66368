//! What a test wants done to which requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::{Call, Gate};

/// Which side of a request's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// It has not been forwarded.
    Before,
    /// The server has answered, the client has not got the answer.
    After,
}

/// A hook's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Close the client's connection here.
    Cut,
}

/// What a rule does to a request.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing: the request passes, and later rules do not see it.
    Pass,
    /// Wait for this long before forwarding.
    Delay(Duration),
    /// Wait until the gate opens, at this point.
    Hold(Point, Gate),
    /// Wait until the gate opens, at this point, then close the connection.
    CutAt(Point, Gate),
    /// Answer in the server's place.
    Answer(http::Response<Bytes>),
    /// Close the connection before forwarding: nothing happens at the server.
    DropBefore,
    /// Close the connection at once and forward when the gate opens: the client has given up, and then it happens.
    DropEarly(Gate),
    /// Forward, wait for the server's answer, then close the connection: it happened, and the
    /// client does not know.
    DropAfter,
    /// Pass the answer's head and as many bytes of its body, then close the connection.
    CutBody(usize),
}

type Matcher = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// An action for the requests that match: all of them, unless narrowed by their number.
pub struct Rule {
    matches: Matcher,
    action: Action,
    skip: usize,
    times: usize,
}

impl Rule {
    /// A rule for every request that matches.
    pub fn when(matches: impl Fn(&Call) -> bool + Send + Sync + 'static, action: Action) -> Self {
        Self {
            matches: Box::new(matches),
            action,
            skip: 0,
            times: usize::MAX,
        }
    }

    /// Lets the first `count` matching requests pass.
    pub fn skip(self, count: usize) -> Self {
        Self {
            skip: count,
            ..self
        }
    }

    /// Acts on `count` matching requests, then lets them pass.
    pub fn times(self, count: usize) -> Self {
        Self {
            times: count,
            ..self
        }
    }

    /// Acts on the first matching request only.
    pub fn once(self) -> Self {
        self.times(1)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("action", &self.action)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// An installed rule. Dropping the handle leaves the rule in force.
#[derive(Debug)]
pub struct RuleHandle {
    rule: Arc<Installed>,
    all: Arc<Mutex<Vec<Arc<Installed>>>>,
}

impl RuleHandle {
    /// On how many requests it acted.
    pub fn hits(&self) -> usize {
        let matched = *self.rule.matched.lock();
        matched
            .saturating_sub(self.rule.rule.skip)
            .min(self.rule.rule.times)
    }

    /// Takes the rule out of force.
    pub fn remove(self) {
        self.all
            .lock()
            .retain(|other| !Arc::ptr_eq(other, &self.rule));
    }
}

#[derive(Debug)]
struct Installed {
    rule: Rule,
    matched: Mutex<usize>,
}

impl Installed {
    fn applies(&self, call: &Call) -> bool {
        if !(self.rule.matches)(call) {
            return false;
        }
        let mut matched = self.matched.lock();
        let number = *matched;
        *matched += 1;
        number >= self.rule.skip && number - self.rule.skip < self.rule.times
    }
}

pub(super) type Hook = Arc<dyn Fn(Point, Arc<Call>) -> BoxFuture<'static, Verdict> + Send + Sync>;

#[derive(Default)]
pub(super) struct Rules {
    all: Arc<Mutex<Vec<Arc<Installed>>>>,
    hook: Mutex<Option<Hook>>,
}

impl Rules {
    pub(super) fn add(&self, rule: Rule) -> RuleHandle {
        let rule = Arc::new(Installed {
            rule,
            matched: Mutex::new(0),
        });
        self.all.lock().push(rule.clone());
        RuleHandle {
            rule,
            all: self.all.clone(),
        }
    }

    pub(super) fn clear(&self) {
        self.all.lock().clear();
        *self.hook.lock() = None;
    }

    pub(super) fn set_hook(&self, hook: Hook) {
        *self.hook.lock() = Some(hook);
    }

    /// A request counts for every rule that it meets before one acts on it.
    pub(super) fn action_for(&self, call: &Call) -> Action {
        let rules = self.all.lock().clone();
        rules
            .iter()
            .find(|installed| installed.applies(call))
            .map_or(Action::Pass, |installed| installed.rule.action.clone())
    }

    pub(super) async fn hook(&self, point: Point, call: &Arc<Call>) -> Verdict {
        let hook = self.hook.lock().clone();
        match hook {
            Some(hook) => hook(point, call.clone()).await,
            None => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verb;
    use super::*;

    fn call(about: &str) -> Call {
        Call::new(
            1,
            (Verb::Write, about.into()),
            &http::Request::new(Bytes::new()),
        )
    }

    fn acts(rules: &Rules, about: &str) -> bool {
        matches!(rules.action_for(&call(about)), Action::DropBefore)
    }

    #[test]
    fn skip_and_times_count_matching_requests_only() {
        let rules = Rules::default();
        let rule = Rule::when(|c| c.about == "a", Action::DropBefore);
        let handle = rules.add(rule.skip(1).times(2));
        let seen: Vec<bool> = ["a", "b", "a", "a", "a"]
            .into_iter()
            .map(|about| acts(&rules, about))
            .collect();
        assert_eq!(seen, [false, false, true, true, false]);
        assert_eq!(handle.hits(), 2);
    }

    #[test]
    fn the_first_rule_that_applies_acts_and_hides_the_request_from_the_rest() {
        let rules = Rules::default();
        let first = rules.add(Rule::when(|_| true, Action::Pass).once());
        let second = rules.add(Rule::when(|_| true, Action::DropBefore).once());
        assert!(!acts(&rules, "a"));
        assert_eq!((first.hits(), second.hits()), (1, 0));
        assert!(acts(&rules, "a"));
        assert!(!acts(&rules, "a"));
        assert_eq!((first.hits(), second.hits()), (1, 1));
    }

    #[test]
    fn a_removed_rule_acts_no_more() {
        let rules = Rules::default();
        let handle = rules.add(Rule::when(|_| true, Action::DropBefore));
        assert!(acts(&rules, "a"));
        handle.remove();
        assert!(!acts(&rules, "a"));
    }
}
