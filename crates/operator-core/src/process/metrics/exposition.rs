//! The two text formats of metrics.
//!
//! The registry writes OpenMetrics 1.0. Most scrapers still read the Prometheus text format 0.0.4, where a
//! counter's family carries the suffix of its samples: HELP and TYPE stand on the `_total` name.

/// The answer to a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposition {
    /// The value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The text.
    pub text: String,
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Exposition {
    /// The form of `open_metrics` that a scrape with this `Accept` header wants.
    pub(super) fn negotiated(accept: Option<&str>, open_metrics: String) -> Self {
        if accept.is_some_and(prefers_open_metrics) {
            Self {
                content_type: OPEN_METRICS,
                text: open_metrics,
            }
        } else {
            Self {
                content_type: PROMETHEUS,
                text: prometheus(&open_metrics),
            }
        }
    }
}

/// Whether an `Accept` header names OpenMetrics, with a weight not below that of plain text.
fn prefers_open_metrics(accept: &str) -> bool {
    let weight = |wanted: &str| {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let same = parts.next()?.eq_ignore_ascii_case(wanted);
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            same.then(|| weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok()))?
        });
        ranges.fold(0.0, f32::max)
    };
    let open_metrics = weight("application/openmetrics-text");
    open_metrics > 0.0 && open_metrics >= weight("text/plain")
}

/// The same metrics in the Prometheus text format 0.0.4.
fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // HELP comes before the TYPE that decides on the family's name.
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            let help = help.take().unwrap_or_default();
            text.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text.extend([without_exemplar(line), "\n"]);
        }
    }
    text
}

/// A sample without what OpenMetrics may add behind it. Label values may hold any text, so only a `#` outside
/// of quotes counts.
fn without_exemplar(sample: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in sample.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return sample[..at].trim_end(),
            _ => {}
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn counters_carry_their_suffix_and_only_known_types_are_named() {
        let open_metrics = "\
# HELP adds Adds.
# TYPE adds counter
adds_total{name=\"a # \\\" b\"} 3 # {trace=\"x\"} 1.0
# HELP age_seconds Age.
# TYPE age_seconds gauge
# UNIT age_seconds seconds
age_seconds 1.5
# HELP build Build.
# TYPE build info
build_info{version=\"1\"} 1
# HELP odd Odd.
# TYPE odd unknown
odd 1
# EOF
";
        let expected = "\
# HELP adds_total Adds.
# TYPE adds_total counter
adds_total{name=\"a # \\\" b\"} 3
# HELP age_seconds Age.
# TYPE age_seconds gauge
age_seconds 1.5
# HELP build_info Build.
# TYPE build_info gauge
build_info{version=\"1\"} 1
# HELP odd Odd.
# TYPE odd untyped
odd 1
";
        assert_eq!(prometheus(open_metrics), expected);
    }

    #[rstest]
    #[case("", false)]
    #[case("*/*", false)]
    #[case("text/plain", false)]
    #[case("application/openmetrics-text", true)]
    #[case(
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        true
    )]
    #[case("application/openmetrics-text;q=0.2, text/plain;q=0.4", false)]
    #[case("application/openmetrics-text;q=0", false)]
    #[case("Application/OpenMetrics-Text; q=1", true)]
    fn the_preferred_form_is_served(#[case] accept: &str, #[case] open_metrics: bool) {
        assert_eq!(prefers_open_metrics(accept), open_metrics);
    }
}
