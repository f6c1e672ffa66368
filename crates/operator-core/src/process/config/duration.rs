//! Durations as Go writes them.

use std::{fmt, str::FromStr, time::Duration};

/// A duration in Go's notation: numbers with units `h`, `m`, `s`, `ms`, `us`, `ns`, as in `5m`, `1h30m`
/// or `1.5s`; a bare `0` needs no unit. Never negative.
///
/// Source: Go's `time.ParseDuration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

/// What a duration looks like, for somebody who wrote something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration such as 90s, 5m, 1h30m or 1.5s")]
pub struct NotADuration;

/// Go keeps a duration in 63 bits of nanoseconds.
const LONGEST: u128 = i64::MAX as u128;

impl GoDuration {
    /// A parser that takes durations from `shortest` to `longest`, both included.
    pub fn between(
        shortest: Duration,
        longest: Duration,
    ) -> impl Fn(&str) -> Result<Self, String> + Clone + Send + Sync + 'static {
        move |text| {
            let parsed = text.parse::<Self>().ok();
            parsed
                .filter(|found| (shortest..=longest).contains(&found.0))
                .ok_or_else(|| {
                    format!(
                        "{NotADuration}, from {} to {}",
                        Self(shortest),
                        Self(longest)
                    )
                })
        }
    }
}

impl FromStr for GoDuration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if rest.is_empty() {
            return Err(NotADuration);
        }
        let mut total = 0;
        while !rest.is_empty() {
            let (whole, after) = digits(rest);
            let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
            if whole.is_empty() && fraction.is_empty() {
                return Err(NotADuration);
            }
            let unit_ends = after.find(|c: char| c == '.' || c.is_ascii_digit());
            let (unit, after) = after.split_at(unit_ends.unwrap_or(after.len()));
            total += nanoseconds(whole, fraction, unit).ok_or(NotADuration)?;
            if total > LONGEST {
                return Err(NotADuration);
            }
            rest = after;
        }
        u64::try_from(total)
            .map(|nanos| Self(Duration::from_nanos(nanos)))
            .map_err(|_| NotADuration)
    }
}

/// Splits the leading digits off.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// The value of one number with its unit; digits beyond a nanosecond are dropped.
fn nanoseconds(whole: &str, fraction: &str, unit: &str) -> Option<u128> {
    let unit: u128 = match unit {
        "ns" => 1,
        // Go takes both the micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    };
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut value = whole.checked_mul(unit).filter(|value| *value <= LONGEST)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        value += u128::from(digit - b'0') * place;
    }
    Some(value)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.subsec_nanos();
        let seconds = self.0.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if nanos > 0 {
            let fraction = format!("{nanos:09}");
            write!(f, "{seconds}.{}s", fraction.trim_end_matches('0'))
        } else if seconds > 0 || self.0.is_zero() {
            write!(f, "{seconds}s")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("5m", 300_000)]
    #[case("1h30m", 5_400_000)]
    #[case("1.5s", 1_500)]
    #[case(".5s", 500)]
    #[case("1.s", 1_000)]
    #[case("+2s", 2_000)]
    #[case("300ms", 300)]
    #[case("1h0.5m250ms", 3_630_250)]
    #[case("2000us", 2)]
    #[case("2000\u{b5}s", 2)]
    fn goes_forms_are_read(#[case] text: &str, #[case] millis: u64) {
        assert_eq!(text.parse(), Ok(GoDuration(Duration::from_millis(millis))));
    }

    #[rstest]
    fn anything_else_is_refused(
        #[values(
            "",
            "5",
            "m",
            ".s",
            "-5m",
            "5 m",
            "5min",
            "1h30",
            "1..5s",
            "5m ",
            "9999999999h",
            "\u{661}s"
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<GoDuration>(), Err(NotADuration));
    }

    #[rstest]
    fn what_is_written_is_read_back(
        #[values("0s", "5m", "1h30m", "1.5s", "24h", "1m0.000000001s")] text: &str,
    ) {
        let read: GoDuration = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
    }

    #[test]
    fn bounds_are_named() {
        let parse = GoDuration::between(Duration::from_secs(10), Duration::from_secs(86_400));
        assert_eq!(parse("10s"), Ok(GoDuration(Duration::from_secs(10))));
        for text in ["9.999s", "25h", "soon"] {
            assert_eq!(
                parse(text).unwrap_err(),
                "a duration such as 90s, 5m, 1h30m or 1.5s, from 10s to 24h"
            );
        }
    }
}
