//! Paths: exact, by prefix at a segment's boundary, with `{parameters}` and `*`, or by expression.

use regex::Regex;

use crate::spec::route::TextMatch;

use super::re2::regex;

#[derive(Debug)]
pub(crate) enum PathRule {
    Exact(Vec<Segment>),
    Prefix(Vec<Segment>),
    Regex(Regex),
}

#[derive(Debug, PartialEq)]
pub(crate) enum Segment {
    Text(String),
    Any,
    /// `*` at the end of an exact path: at least one more segment.
    Rest,
}

/// What of the path a rule matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Matched {
    Whole,
    /// The first so many segments.
    Prefix(usize),
}

impl PathRule {
    /// `None` when the match is empty, which takes any path.
    pub(crate) fn new(uri: &TextMatch) -> Result<Option<Self>, String> {
        Ok(if !uri.exact.is_empty() {
            let mut pattern: Vec<Segment> = segments(&uri.exact).map(Segment::new).collect();
            if pattern.len() > 1 && uri.exact.ends_with("/*") {
                pattern.pop();
                pattern.push(Segment::Rest);
            }
            Some(Self::Exact(pattern))
        } else if !uri.prefix.is_empty() {
            // The boundary is there with and without a slash at the end.
            let prefix = uri.prefix.trim_end_matches('/');
            Some(Self::Prefix(segments(prefix).map(Segment::new).collect()))
        } else if !uri.regex.is_empty() {
            Some(Self::Regex(regex(&uri.regex)?))
        } else {
            None
        })
    }

    pub(crate) fn matches(&self, path: &str) -> Option<Matched> {
        match self {
            Self::Exact(pattern) => {
                let mut given = segments(path);
                for segment in pattern {
                    match (segment, given.next()) {
                        (Segment::Rest, Some(_)) => return Some(Matched::Whole),
                        (segment, Some(text)) if segment.takes(text) => {}
                        _ => return None,
                    }
                }
                given.next().is_none().then_some(Matched::Whole)
            }
            Self::Prefix(pattern) => {
                let mut given = segments(path);
                let all = pattern
                    .iter()
                    .all(|segment| given.next().is_some_and(|text| segment.takes(text)));
                all.then_some(Matched::Prefix(pattern.len()))
            }
            Self::Regex(regex) => regex.is_match(path).then_some(Matched::Whole),
        }
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        if text == "*" || (text.starts_with('{') && text.ends_with('}')) {
            Self::Any
        } else {
            Self::Text(text.to_owned())
        }
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Any | Self::Rest => !text.is_empty(),
        }
    }
}

/// What stands after each slash; nothing for an empty path.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn rule(exact: &str, prefix: &str, regex: &str) -> PathRule {
        let uri = TextMatch {
            exact: exact.into(),
            prefix: prefix.into(),
            regex: regex.into(),
        };
        PathRule::new(&uri).unwrap().unwrap()
    }

    #[rstest]
    #[case("/a", "/a", true)]
    #[case("/a", "/a/", false)]
    #[case("/", "/", true)]
    #[case("/", "/a", false)]
    #[case("/users/{id}", "/users/7", true)]
    #[case("/users/{id}", "/users/", false)]
    #[case("/users/{id}", "/users/7/x", false)]
    #[case("/users/{id}/x", "/users/7/x", true)]
    #[case("/a/*", "/a/b/c", true)]
    #[case("/a/*", "/a", false)]
    #[case("/a/*/c", "/a/b/c", true)]
    fn exact(#[case] pattern: &str, #[case] path: &str, #[case] matches: bool) {
        assert_eq!(rule(pattern, "", "").matches(path).is_some(), matches);
    }

    #[rstest]
    #[case("/api", "/api", Some(1))]
    #[case("/api", "/api/x", Some(1))]
    #[case("/api", "/apix", None)]
    #[case("/api/", "/api/x", Some(1))]
    #[case("/api/", "/api", Some(1))]
    #[case("/", "/anything", Some(0))]
    #[case("/t/{tenant}/x", "/t/7/x/y", Some(3))]
    #[case("/t/{tenant}/x", "/t/7/y", None)]
    fn prefix(#[case] pattern: &str, #[case] path: &str, #[case] matched: Option<usize>) {
        assert_eq!(
            rule("", pattern, "").matches(path),
            matched.map(Matched::Prefix)
        );
    }

    #[test]
    fn an_expression_is_not_anchored() {
        assert!(rule("", "", "b+").matches("/abba").is_some());
        assert!(rule("", "", "^/b").matches("/abba").is_none());
    }
}
