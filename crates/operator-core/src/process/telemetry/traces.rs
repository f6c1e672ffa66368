//! Traces, sent by OTLP over gRPC to where the environment says; without that, nothing is made.
//!
//! The variables are OpenTelemetry's own and mean what its libraries make of them: `OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_SDK_DISABLED`.

use std::env;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracerProvider, Tracer},
};
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, Filtered, filter_fn},
    registry::LookupSpan,
};

use crate::cluster::spans::TRACES;

/// Where spans are sent: the signal's own variable comes before the one of all signals.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];

/// Traces cannot be sent as the environment says.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A protocol that is not spoken.
    #[error("{name}: {value:?} is not allowed; allowed: grpc")]
    Protocol {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// An endpoint that is not spoken to.
    #[error(
        "{name}: allowed: http://HOST:PORT, without TLS, as of a collector on the same node or in the cluster"
    )]
    Endpoint {
        /// The variable. Its value may hold a password.
        name: &'static str,
    },
    /// What OpenTelemetry says.
    #[error("traces cannot be sent: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Who takes spans.
pub(super) type TracesLayer<S> =
    Filtered<OpenTelemetryLayer<S, Tracer>, FilterFn<fn(&Metadata<'_>) -> bool>, S>;

/// A variable that is there and says something.
fn set(name: &'static str) -> Option<(&'static str, String)> {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    value.map(|value| (name, value))
}

/// Whether the environment says where to send spans.
pub(super) fn are_wanted() -> Result<bool, TracesError> {
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|(_, it)| it.eq_ignore_ascii_case("true"));
    let Some((name, endpoint)) = ENDPOINTS.into_iter().find_map(set).filter(|_| !disabled) else {
        return Ok(false);
    };
    if !endpoint.starts_with("http://") {
        return Err(TracesError::Endpoint { name });
    }
    let protocol = PROTOCOLS.into_iter().find_map(set);
    match protocol.filter(|(_, value)| value != "grpc") {
        Some((name, value)) => Err(TracesError::Protocol { name, value }),
        None => Ok(true),
    }
}

/// What sends spans, if the environment says where to. `operator` is the service's name unless the environment has
/// another. Needs a runtime to be entered, and lives as long as that.
pub(super) fn provider(operator: &'static str) -> Result<Option<SdkTracerProvider>, TracesError> {
    if !are_wanted()? {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let named = set("OTEL_SERVICE_NAME").is_some()
        || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|(_, it)| it.contains("service.name="));
    let resource = match named {
        true => Resource::builder(),
        false => Resource::builder().with_service_name(operator),
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build());
    Ok(Some(provider.build()))
}

/// Takes the spans that are for traces: ours, and the AWS SDK's, one for each operation.
pub(super) fn layer<S>(provider: &SdkTracerProvider, operator: &'static str) -> TracesLayer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(operator))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_traced as fn(&Metadata<'_>) -> bool))
}

/// Never an event: its words are for the log.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    metadata.is_span() && (target == TRACES || target.starts_with("aws_sdk_"))
}
