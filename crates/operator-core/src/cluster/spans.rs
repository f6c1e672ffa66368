//! Spans for traces: what is asked of the API server, and how long it takes.
//!
//! What is traced and what is logged are apart: spans of the target [`TRACES`] never reach the log, and where nobody
//! takes traces they are never made. No span holds a value of an object, a Secret or an error's words.

use kube::Resource;
use tracing::{Instrument, Span, debug_span, field::Empty};

use super::refusal::code;

/// The target of spans that are for traces alone.
pub const TRACES: &str = "traces";

/// What is asked of the API server, as RBAC calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub verb: &'static str,
    /// `status` and the like; empty for the object itself.
    pub subresource: &'static str,
}

impl Ask {
    pub const CREATE: Self = Self::of("create");
    pub const GET: Self = Self::of("get");
    pub const LIST: Self = Self::of("list");
    pub const PATCH: Self = Self::of("patch");

    const fn of(verb: &'static str) -> Self {
        Self {
            verb,
            subresource: "",
        }
    }

    /// The span of a request about a `K`.
    fn span<K: Resource<DynamicType = ()>>(self) -> Span {
        let Self { verb, subresource } = self;
        debug_span!(
            target: TRACES,
            "api",
            otel.name = %format_args!("api.{verb}"),
            otel.kind = "client",
            otel.status_code = Empty,
            k8s.resource = %K::plural(&()),
            k8s.group = %K::group(&()),
            k8s.subresource = subresource,
            http.response.status_code = Empty,
        )
    }
}

/// The same request in a span of its own.
pub(super) fn traced<K: Resource<DynamicType = ()>, T>(
    ask: Ask,
    request: impl Future<Output = kube::Result<T>>,
) -> impl Future<Output = kube::Result<T>> {
    let span = ask.span::<K>();
    let told = span.clone();
    async move {
        let answer = request.await;
        if let Err(error) = &answer {
            told.record("otel.status_code", "ERROR");
            told.record("http.response.status_code", code(error));
        }
        answer
    }
    .instrument(span)
}
