//! Traces, sent by OTLP over gRPC to where the environment says; without that, nothing is made.
//!
//! The variables are OpenTelemetry's own and mean what its libraries make of them: `OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_CERTIFICATE` (believed besides the system's authorities),
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_SDK_DISABLED`.

use std::{
    env,
    path::{Path, PathBuf},
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithTonicConfig};
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

use super::collector::{self, CollectorError};
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

/// Files of authorities that a collector's certificate is believed by besides.
const CERTIFICATES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
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
        "{name}: allowed: https://HOST:PORT, or http://HOST:PORT for no TLS, as of a collector on the same node"
    )]
    Endpoint {
        /// The variable. Its value may hold a password.
        name: &'static str,
    },
    /// An endpoint that cannot be reached over TLS.
    #[error("{name}: {why}")]
    Tls {
        /// The variable. Its value may hold a password.
        name: &'static str,
        /// Why not.
        why: CollectorError,
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

/// Where spans are sent.
enum Collector {
    Plain,
    Tls {
        /// The variable that names it.
        name: &'static str,
        endpoint: String,
        /// Files of authorities that are believed besides the system's.
        bundles: Vec<PathBuf>,
    },
}

/// Where the environment says that spans are sent, if it does.
fn wanted(bundle: Option<&Path>) -> Result<Option<Collector>, TracesError> {
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|(_, it)| it.eq_ignore_ascii_case("true"));
    let Some((name, endpoint)) = ENDPOINTS.into_iter().find_map(set).filter(|_| !disabled) else {
        return Ok(None);
    };
    let collector = if endpoint.starts_with("https://") {
        let named = CERTIFICATES.into_iter().find_map(set);
        let named = named.map(|(_, file)| file.into());
        let bundles = bundle.map(Path::to_owned).into_iter().chain(named);
        Collector::Tls {
            name,
            endpoint,
            bundles: bundles.collect(),
        }
    } else if endpoint.starts_with("http://") {
        Collector::Plain
    } else {
        return Err(TracesError::Endpoint { name });
    };
    let protocol = PROTOCOLS.into_iter().find_map(set);
    match protocol.filter(|(_, value)| value != "grpc") {
        Some((name, value)) => Err(TracesError::Protocol { name, value }),
        None => Ok(Some(collector)),
    }
}

/// Whether spans could be sent as the environment says, if it does.
pub(super) fn check(bundle: Option<&Path>) -> Result<(), TracesError> {
    match wanted(bundle)? {
        Some(Collector::Tls {
            name,
            endpoint,
            bundles,
        }) => collector::check(&endpoint, &bundles).map_err(|why| TracesError::Tls { name, why }),
        Some(Collector::Plain) | None => Ok(()),
    }
}

/// What sends spans, if the environment says where to. `operator` is the service's name unless the environment has
/// another. Needs a runtime to be entered, and lives as long as that.
pub(super) fn provider(
    operator: &'static str,
    bundle: Option<&Path>,
) -> Result<Option<SdkTracerProvider>, TracesError> {
    let exporter = SpanExporter::builder().with_tonic();
    let exporter = match wanted(bundle)? {
        None => return Ok(None),
        Some(Collector::Plain) => exporter,
        Some(Collector::Tls {
            name,
            endpoint,
            bundles,
        }) => {
            let channel = collector::channel(&endpoint, &bundles);
            exporter.with_channel(channel.map_err(|why| TracesError::Tls { name, why })?)
        }
    };
    let exporter = exporter.build()?;
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
