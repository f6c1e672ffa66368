//! Which events reach the log.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::LogLevel;

/// The most that a library may say: below `LOG_LEVEL=trace`, and at it. The longest matching prefix counts.
///
/// Below trace they are quiet because what matters is returned to the operator, which says it with its
/// context. What may hold a secret stays out at every level.
const LIBRARIES: &[(&str, LevelFilter, LevelFilter)] = &[
    // Shows requests with their session tokens, answers of STS, and access keys in refusals of S3.
    ("aws_", LevelFilter::WARN, LevelFilter::WARN),
    // For traces alone.
    ("traces", LevelFilter::OFF, LevelFilter::OFF),
    ("h2", LevelFilter::WARN, LevelFilter::TRACE),
    ("hyper", LevelFilter::WARN, LevelFilter::TRACE),
    ("kube_client", LevelFilter::INFO, LevelFilter::TRACE),
    // Logs an answer that it cannot decode whole, and that may be a Secret.
    ("kube_client::client", LevelFilter::OFF, LevelFilter::OFF),
    (
        "kube_client::client::builder",
        LevelFilter::OFF,
        LevelFilter::TRACE,
    ),
    ("kube_runtime", LevelFilter::WARN, LevelFilter::TRACE),
    ("rustls", LevelFilter::WARN, LevelFilter::TRACE),
    ("tower", LevelFilter::WARN, LevelFilter::TRACE),
];

/// The filter for a level.
pub(super) fn targets(level: LogLevel) -> Targets {
    let limits = LIBRARIES.iter().map(|(target, quiet, most)| match level {
        LogLevel::Trace => (*target, *most),
        _ => (*target, (*quiet).min(level.into())),
    });
    Targets::new()
        .with_default(LevelFilter::from(level))
        .with_targets(limits)
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tracing::Level;

    use super::*;

    #[rstest]
    #[case(LogLevel::Info, "cloud_operator", Level::INFO, true)]
    #[case(LogLevel::Info, "cloud_operator", Level::DEBUG, false)]
    #[case(LogLevel::Debug, "operator_core::engines", Level::DEBUG, true)]
    #[case(LogLevel::Debug, "aws_config::imds", Level::INFO, false)]
    #[case(LogLevel::Debug, "hyper_util::client", Level::DEBUG, false)]
    #[case(LogLevel::Error, "aws_config", Level::WARN, false)]
    #[case(LogLevel::Trace, "hyper::proto", Level::TRACE, true)]
    #[case(LogLevel::Debug, "kube_client::config", Level::INFO, true)]
    fn libraries_are_quiet(
        #[case] level: LogLevel,
        #[case] target: &str,
        #[case] event: Level,
        #[case] logged: bool,
    ) {
        assert_eq!(targets(level).would_enable(target, &event), logged);
    }

    #[rstest]
    fn what_may_hold_secrets_is_never_logged(
        #[values(LogLevel::Info, LogLevel::Debug, LogLevel::Trace)] level: LogLevel,
    ) {
        let targets = targets(level);
        for event in [Level::ERROR, Level::WARN, Level::DEBUG, Level::TRACE] {
            assert!(!targets.would_enable("kube_client::client", &event));
        }
        for event in [Level::INFO, Level::DEBUG, Level::TRACE] {
            assert!(!targets.would_enable("aws_smithy_runtime::client::orchestrator", &event));
            assert!(!targets.would_enable("aws_sigv4::http_request::sign", &event));
        }
    }
}
