//! A collector: takes spans by OTLP over gRPC, and keeps them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use futures::StreamExt;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span, status::StatusCode},
};
use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A collector on a free port until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    taken: Taken,
    connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<ResourceSpans>>>);

#[tonic::async_trait]
impl TraceService for Taken {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, taken) = (listener.local_addr()?, Taken::default());
        let connections = Arc::<AtomicUsize>::default();
        let counted = connections.clone();
        let incoming = TcpListenerStream::new(listener).inspect(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let service = TraceServiceServer::new(taken.clone());
        let serving = tokio::spawn(async move {
            let server = Server::builder().add_service(service);
            if let Err(error) = server.serve_with_incoming(incoming).await {
                eprintln!("the collector ended: {error}");
            }
        });
        Ok(Self {
            address,
            taken,
            connections,
            serving,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often somebody came.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What stands for the sender of all spans.
    pub fn resource(&self) -> Result<BTreeMap<String, String>> {
        let taken = self.taken.0.lock();
        let resource = taken.first().context("no span came")?.resource.clone();
        Ok(texts(&resource.context("a resource")?.attributes))
    }

    pub fn spans(&self) -> Vec<Span> {
        let taken = self.taken.0.lock();
        let scopes = taken.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything that came, as text.
    pub fn all(&self) -> String {
        format!("{:?}", self.taken.0.lock())
    }
}

/// The attributes that are text or numbers.
pub fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let text = match attribute.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            _ => return None,
        };
        Some((attribute.key.clone(), text))
    };
    attributes.iter().filter_map(text).collect()
}

pub fn failed(span: &Span) -> bool {
    let status = span.status.as_ref();
    status.is_some_and(|it| it.code == StatusCode::Error as i32)
}
