//! Headers and query parameters.

use http::{HeaderMap, header};
use regex::Regex;

use crate::spec::route::{HeaderMatch, QueryMatch};

use super::percent::{Plus, decoded};
use super::re2::regex;

#[derive(Debug)]
enum Test {
    Exact(String),
    Prefix(String),
    Regex(Regex),
    Present,
    Absent,
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Exact(wanted) => value == Some(wanted),
            Self::Prefix(start) => value.is_some_and(|value| value.starts_with(start)),
            Self::Regex(regex) => value.is_some_and(|value| regex.is_match(value)),
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

/// One header's tests, which must all hold.
#[derive(Debug)]
pub(crate) struct HeaderRule {
    name: String,
    tests: Vec<Test>,
}

impl HeaderRule {
    pub(crate) fn new(rule: &HeaderMatch) -> Result<Self, String> {
        let mut tests = texts(&rule.exact, &rule.prefix, &rule.regex)?;
        if rule.absent == Some(true) {
            tests.push(Test::Absent);
        }
        if rule.present == Some(true) || tests.is_empty() {
            tests.push(Test::Present);
        }
        Ok(Self {
            name: rule.name.clone(),
            tests,
        })
    }

    pub(crate) fn matches(&self, headers: &HeaderMap) -> bool {
        // Go keeps Host out of the headers: there it is never seen.
        let hidden = self.name.eq_ignore_ascii_case(header::HOST.as_str());
        let value = if hidden {
            None
        } else {
            headers.get(&self.name)
        };
        let value = value.map(|value| String::from_utf8_lossy(value.as_bytes()));
        self.tests.iter().all(|test| test.holds(value.as_deref()))
    }
}

/// One query parameter's tests, which must all hold.
#[derive(Debug)]
pub(crate) struct QueryRule {
    name: String,
    tests: Vec<Test>,
}

impl QueryRule {
    pub(crate) fn new(rule: &QueryMatch) -> Result<Self, String> {
        let mut tests = texts(&rule.exact, "", &rule.regex)?;
        if rule.present == Some(true) || tests.is_empty() {
            tests.push(Test::Present);
        }
        Ok(Self {
            name: rule.name.clone(),
            tests,
        })
    }

    pub(crate) fn matches(&self, query: &str) -> bool {
        let value = query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let found = !pair.is_empty() && decoded(name, Plus::Space) == self.name;
            found.then(|| decoded(value, Plus::Space))
        });
        self.tests.iter().all(|test| test.holds(value.as_deref()))
    }
}

fn texts(exact: &str, prefix: &str, expression: &str) -> Result<Vec<Test>, String> {
    let mut tests = Vec::new();
    if !exact.is_empty() {
        tests.push(Test::Exact(exact.to_owned()));
    }
    if !prefix.is_empty() {
        tests.push(Test::Prefix(prefix.to_owned()));
    }
    if !expression.is_empty() {
        tests.push(Test::Regex(regex(expression)?));
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn header(name: &str, exact: &str, present: Option<bool>, absent: Option<bool>) -> HeaderRule {
        let rule = HeaderMatch {
            name: name.into(),
            exact: exact.into(),
            present,
            absent,
            ..HeaderMatch::default()
        };
        HeaderRule::new(&rule).unwrap()
    }

    #[test]
    fn headers() {
        let given: HeaderMap = [
            (header::ACCEPT, "a".parse().unwrap()),
            (header::HOST, "h".parse().unwrap()),
        ]
        .into_iter()
        .collect();
        assert!(header("Accept", "a", None, None).matches(&given));
        assert!(!header("Accept", "b", None, None).matches(&given));
        assert!(header("accept", "", Some(true), None).matches(&given));
        assert!(!header("x-other", "", Some(true), None).matches(&given));
        assert!(header("x-other", "", None, Some(true)).matches(&given));
        assert!(!header("accept", "", None, Some(true)).matches(&given));
        assert!(
            !header("Host", "h", None, None).matches(&given),
            "never seen"
        );
    }

    #[rstest]
    #[case("a=1&b=2", "b", "2", true)]
    #[case("a=1&b=2", "b", "1", false)]
    #[case("b", "b", "", true)]
    #[case("", "b", "", false)]
    #[case("%62=%32", "b", "2", true)]
    fn queries(#[case] query: &str, #[case] name: &str, #[case] exact: &str, #[case] holds: bool) {
        let rule = QueryMatch {
            name: name.into(),
            exact: exact.into(),
            ..QueryMatch::default()
        };
        assert_eq!(QueryRule::new(&rule).unwrap().matches(query), holds);
    }
}
