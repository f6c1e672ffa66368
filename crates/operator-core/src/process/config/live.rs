//! What takes effect without a restart when the mounted ConfigMap changes.

use std::{collections::BTreeMap, fmt, num::NonZeroU16, time::Duration};

use super::{Common, LogLevel};
use crate::{decide::budget::Limits, engines::controller::Tempo};

/// The settings of every operator that take effect at once, by their environment names. An operator names others of
/// its own ([`Rules::live`](super::Rules::live)); every other one takes a restart.
pub const LIVE: [&str; 6] = [
    "API_WRITE_BURST",
    "API_WRITE_RATE",
    "LOG_LEVEL",
    "MAX_CONCURRENT_RECONCILES",
    "RECONCILE_INTERVAL",
    "RECONCILE_TIMEOUT",
];

/// What those settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The least severe level that is logged.
    pub log_level: LogLevel,
    /// How many objects of a kind are worked on at once; at most 1024. When it becomes less, what is in hand is
    /// finished.
    pub max_concurrent_reconciles: NonZeroU16,
    /// How often an object that nobody touches is compared with the outside, from its next pass on.
    pub reconcile_interval: Duration,
    /// How long one pass over an object may take.
    pub reconcile_timeout: Duration,
    /// How fast this process may write to the API server.
    pub api_writes: Option<Limits>,
}

impl Live {
    pub(super) fn of(common: &Common) -> Self {
        Self {
            log_level: common.log.level,
            max_concurrent_reconciles: common.max_concurrent_reconciles,
            reconcile_interval: common.reconcile_interval,
            reconcile_timeout: common.reconcile_timeout,
            api_writes: common.api_writes,
        }
    }

    pub(in crate::process) fn tempo(&self) -> Tempo {
        Tempo {
            timeout: self.reconcile_timeout,
            interval: self.reconcile_interval,
        }
    }
}

/// The values of all settings, as they were given, by their environment names. Some hold passwords: none is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Values(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Values {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is new.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// What takes effect at once.
    pub live: Vec<String>,
    /// What takes a restart.
    pub restart: Vec<String>,
}

impl News {
    /// What is new; beside those that every operator has, `own` take effect at once.
    pub(super) fn between(Values(old): &Values, Values(new): &Values, own: &[&str]) -> Self {
        let names = old
            .keys()
            .chain(new.keys().filter(|name| !old.contains_key(*name)));
        let changed = names.filter(|name| old.get(*name) != new.get(*name));
        let (live, restart) = changed
            .cloned()
            .partition(|name| LIVE.iter().chain(own).any(|live| live == name));
        Self { live, restart }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_apart_by_what_they_take() {
        let values = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<Values>()
        };
        let old = values(&[
            ("LOG_LEVEL", "info"),
            ("FEATURE_GATES", "A=true"),
            ("POD_NAME", "a"),
        ]);
        assert_eq!(News::between(&old, &old, &[]), News::default());
        let new = values(&[
            ("LOG_LEVEL", "debug"),
            ("POD_NAME", "a"),
            ("WEBHOOK_PORT", "9443"),
        ]);
        let news = News::between(&old, &new, &[]);
        assert_eq!(news.live, ["LOG_LEVEL"]);
        assert_eq!(news.restart, ["FEATURE_GATES", "WEBHOOK_PORT"]);
        let news = News::between(&old, &new, &["WEBHOOK_PORT"]);
        assert_eq!(news.live, ["LOG_LEVEL", "WEBHOOK_PORT"]);
        assert_eq!(news.restart, ["FEATURE_GATES"]);
    }
}
