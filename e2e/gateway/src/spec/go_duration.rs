//! Durations as Go writes them: `1m30s`, `250ms`, `-5s`.

use std::time::Duration;

use serde::Deserialize;

/// A Go duration; empty or absent is zero. It may be negative, which a gateway refuses later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct GoDuration {
    nanoseconds: i64,
}

impl GoDuration {
    pub(crate) fn is_negative(self) -> bool {
        self.nanoseconds < 0
    }

    /// `None` for zero and less.
    pub(crate) fn positive(self) -> Option<Duration> {
        let nanoseconds = u64::try_from(self.nanoseconds).ok()?;
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
    }
}

impl TryFrom<String> for GoDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let nanoseconds = if text.is_empty() {
            Some(0)
        } else {
            parse(&text)
        };
        let nanoseconds = nanoseconds.ok_or_else(|| format!("invalid duration {text:?}"))?;
        Ok(Self { nanoseconds })
    }
}

fn parse(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * nanoseconds;
        rest = tail;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be within 292 years"
    )]
    (sum < 9.2e18).then_some((sign * sum) as i64)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", 0)]
    #[case("0", 0)]
    #[case("30s", 30_000_000_000)]
    #[case("1m30s", 90_000_000_000)]
    #[case("1.5h", 5_400_000_000_000)]
    #[case("250ms", 250_000_000)]
    #[case("-5s", -5_000_000_000)]
    fn go_durations_are_read(#[case] text: &str, #[case] nanoseconds: i64) {
        assert_eq!(
            GoDuration::try_from(text.to_owned()),
            Ok(GoDuration { nanoseconds })
        );
    }

    #[rstest]
    #[case("5")]
    #[case("s")]
    #[case("5 s")]
    #[case("1d")]
    #[case("-")]
    #[case("1..5s")]
    fn what_is_no_duration_is_refused(#[case] text: &str) {
        assert!(GoDuration::try_from(text.to_owned()).is_err());
    }
}
