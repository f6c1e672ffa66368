use std::{ops::RangeInclusive, time::Duration};

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// A duration in the notation of Go: numbers with units, as in `30s`, `1m30s`, `1.5h` or `250ms`. No sign.
///
/// Source: Go's `time.ParseDuration`, of which admission takes a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoDuration(String);

impl Text for GoDuration {
    const WHAT: &'static str = "duration";
    const LENGTH: RangeInclusive<usize> = 2..=64;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$')",
        "must be a duration such as 30s, 1m30s or 250ms: numbers, each with a unit of ns, us, ms, s, m or h",
        |text| parts(text).is_some(),
    )];
}
text!(GoDuration);

impl GoDuration {
    /// How long it is. None if it is longer than the gateway can read, which is 63 bits of nanoseconds or
    /// some 292 years: the text alone does not show that.
    pub fn length(&self) -> Option<Duration> {
        const LONGEST: u128 = i64::MAX as u128;
        let mut total: u128 = 0;
        for (whole, fraction, unit) in parts(&self.0)? {
            let whole: u128 = whole.parse().ok()?;
            let mut part = whole.checked_mul(unit)?;
            let mut scale = unit;
            for digit in fraction.bytes() {
                scale /= 10;
                part = part.checked_add(scale.checked_mul(u128::from(digit - b'0'))?)?;
            }
            total = total.checked_add(part).filter(|sum| *sum <= LONGEST)?;
        }
        u64::try_from(total).ok().map(Duration::from_nanos)
    }
}

/// Digits before and after the point, and nanoseconds of the unit.
type Part<'a> = (&'a str, &'a str, u128);

/// The parts of a duration; none if the text is none.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.').map(digits) {
            None => ("", after),
            Some(("", _)) => return None,
            Some(fraction) => fraction,
        };
        let end = after
            .find(|char: char| !char.is_ascii_lowercase())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        if whole.is_empty() {
            return None;
        }
        parts.push((whole, fraction, unit));
        rest = after;
    }
    (!parts.is_empty()).then_some(parts)
}

/// Splits the leading digits off.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("30s", Some(Duration::from_secs(30)))]
    #[case("1m30s", Some(Duration::from_secs(90)))]
    #[case("1.5h", Some(Duration::from_secs(5_400)))]
    #[case("0.25s", Some(Duration::from_millis(250)))]
    #[case("3us4ns", Some(Duration::from_nanos(3_004)))]
    #[case("0.1ns", Some(Duration::ZERO))]
    #[case("2540400h", Some(Duration::from_secs(2_540_400 * 3_600)))]
    #[case("2600000h", None)]
    #[case("99999999999999999999999999999999999999999999999999999s", None)]
    fn lengths(#[case] duration: GoDuration, #[case] length: Option<Duration>) {
        assert_eq!(duration.length(), length);
    }
}
