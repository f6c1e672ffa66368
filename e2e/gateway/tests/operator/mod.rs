//! An operator that says what the test says.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use apigw_protocol::configuration_service_server::{
    ConfigurationService, ConfigurationServiceServer,
};
use apigw_protocol::*;
use gateway::{Gateway, Options, Waits};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

pub const PATIENCE: Duration = harness::wait::PATIENCE;

/// Answers as the test says; every call but those of the stream is answered at once.
pub struct Operator {
    pub address: SocketAddr,
    script: Script,
    streams: Mutex<mpsc::UnboundedReceiver<Streaming>>,
    acks: Mutex<mpsc::UnboundedReceiver<AcknowledgeConfigurationRequest>>,
    heartbeats: Mutex<mpsc::UnboundedReceiver<HeartbeatRequest>>,
    server: JoinHandle<()>,
}

/// How registrations and heartbeats are answered.
#[derive(Clone)]
pub struct Script {
    pub registration: watch::Sender<RegisterGatewayResponse>,
    pub heartbeat: watch::Sender<HeartbeatResponse>,
}

/// An open stream of configuration.
pub struct Streaming {
    pub request: StreamConfigurationRequest,
    updates: mpsc::UnboundedSender<Result<ConfigurationUpdate, Status>>,
}

impl Streaming {
    pub fn send(&self, update: ConfigurationUpdate) {
        // A gateway that is gone is what some tests are about.
        let _ = self.updates.send(Ok(update));
    }

    /// Ends it with an error; dropping it ends it with OK.
    pub fn end(&self, status: Status) {
        let _ = self.updates.send(Err(status));
    }
}

impl Operator {
    pub async fn start() -> Self {
        Self::serving(None).await
    }

    pub async fn serving(tls: Option<ServerTlsConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (streams, stream) = mpsc::unbounded_channel();
        let (acks, ack) = mpsc::unbounded_channel();
        let (heartbeats, heartbeat) = mpsc::unbounded_channel();
        let script = Script {
            registration: watch::Sender::new(RegisterGatewayResponse {
                success: true,
                ..RegisterGatewayResponse::default()
            }),
            heartbeat: watch::Sender::new(HeartbeatResponse {
                acknowledged: true,
                ..HeartbeatResponse::default()
            }),
        };
        let service = Service {
            script: script.clone(),
            sessions: Arc::default(),
            streams,
            acks,
            heartbeats,
        };
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let serving = server
            .add_service(ConfigurationServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        Self {
            address,
            script,
            streams: Mutex::new(stream),
            acks: Mutex::new(ack),
            heartbeats: Mutex::new(heartbeat),
            server: tokio::spawn(async move { serving.await.unwrap() }),
        }
    }

    pub fn script(&self) -> &Script {
        &self.script
    }

    /// A gateway that dials this operator without long waits.
    pub fn options(&self) -> Options {
        Options {
            start: Waits::QUICK,
            reconnect: Waits::QUICK,
            ..Options::new(self.address.to_string(), "gateway-0")
        }
    }

    /// The next stream that a gateway opens.
    pub async fn stream(&self) -> Streaming {
        within("a stream", self.streams.lock().await.recv()).await
    }

    /// The next acknowledgement, as its version, success and error.
    pub async fn ack(&self) -> (String, bool, String) {
        let ack = within("an acknowledgement", self.acks.lock().await.recv()).await;
        (ack.config_version, ack.success, ack.error_message)
    }

    pub async fn heartbeat(&self) -> HeartbeatRequest {
        within("a heartbeat", self.heartbeats.lock().await.recv()).await
    }

    /// Sends an update and returns how it is acknowledged.
    pub async fn push(&self, stream: &Streaming, update: ConfigurationUpdate) -> (bool, String) {
        let version = update.version.clone();
        stream.send(update);
        let (acked, success, error) = self.ack().await;
        assert_eq!(acked, version);
        (success, error)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn within<T>(what: &str, coming: impl Future<Output = Option<T>>) -> T {
    let came = tokio::time::timeout(PATIENCE, coming).await;
    came.unwrap_or_else(|_| panic!("no {what}"))
        .expect("the server lives")
}

struct Service {
    script: Script,
    sessions: Arc<std::sync::atomic::AtomicU64>,
    streams: mpsc::UnboundedSender<Streaming>,
    acks: mpsc::UnboundedSender<AcknowledgeConfigurationRequest>,
    heartbeats: mpsc::UnboundedSender<HeartbeatRequest>,
}

type Updates = Pin<Box<dyn Stream<Item = Result<ConfigurationUpdate, Status>> + Send>>;

#[tonic::async_trait]
impl ConfigurationService for Service {
    type StreamConfigurationStream = Updates;

    async fn register_gateway(
        &self,
        _: Request<RegisterGatewayRequest>,
    ) -> Result<Response<RegisterGatewayResponse>, Status> {
        let mut answer = self.script.registration.borrow().clone();
        if answer.session_id.is_empty() {
            let next = &self.sessions;
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            answer.session_id = format!("session-{number}");
        }
        if answer.session_id == "(empty)" {
            answer.session_id.clear();
        }
        Ok(Response::new(answer))
    }

    async fn stream_configuration(
        &self,
        request: Request<StreamConfigurationRequest>,
    ) -> Result<Response<Updates>, Status> {
        let (updates, receiver) = mpsc::unbounded_channel();
        let request = request.into_inner();
        // The test has ended.
        let _ = self.streams.send(Streaming { request, updates });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(
            receiver,
        ))))
    }

    async fn get_configuration(
        &self,
        _: Request<GetConfigurationRequest>,
    ) -> Result<Response<ConfigurationSnapshot>, Status> {
        Err(Status::unimplemented("no gateway calls this"))
    }

    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        let _ = self.heartbeats.send(request.into_inner());
        Ok(Response::new(self.script.heartbeat.borrow().clone()))
    }

    async fn acknowledge_configuration(
        &self,
        request: Request<AcknowledgeConfigurationRequest>,
    ) -> Result<Response<AcknowledgeConfigurationResponse>, Status> {
        let _ = self.acks.send(request.into_inner());
        Ok(Response::new(AcknowledgeConfigurationResponse::default()))
    }
}

/// A resource of namespace `ns` from its spec, which holds its name.
pub fn resource(kind: ResourceType, spec: &Value) -> ConfigurationResource {
    ConfigurationResource {
        r#type: kind.into(),
        namespace: "ns".into(),
        name: spec["name"].as_str().unwrap_or_default().into(),
        spec_json: spec.to_string().into(),
        ..ConfigurationResource::default()
    }
}

pub fn snapshot(routes: &[Value], backends: &[Value]) -> ConfigurationSnapshot {
    let all = |kind, specs: &[Value]| specs.iter().map(|spec| resource(kind, spec)).collect();
    ConfigurationSnapshot {
        api_routes: all(ResourceType::ApiRoute, routes),
        backends: all(ResourceType::Backend, backends),
        total_resources: i32::try_from(routes.len() + backends.len()).unwrap(),
        ..ConfigurationSnapshot::default()
    }
}

pub fn full_sync(version: &str, routes: &[Value], backends: &[Value]) -> ConfigurationUpdate {
    ConfigurationUpdate {
        r#type: UpdateType::FullSync.into(),
        version: version.into(),
        snapshot: Some(snapshot(routes, backends)),
        ..ConfigurationUpdate::default()
    }
}

pub fn step(
    kind: UpdateType,
    version: &str,
    sequence: i64,
    resource: ConfigurationResource,
) -> ConfigurationUpdate {
    ConfigurationUpdate {
        r#type: kind.into(),
        version: version.into(),
        sequence,
        resource: Some(resource),
        ..ConfigurationUpdate::default()
    }
}

/// A route that answers by itself.
pub fn route(name: &str) -> Value {
    json!({
        "name": name,
        "match": [{"uri": {"prefix": format!("/{name}")}}],
        "directResponse": {"status": 200, "body": name},
    })
}

/// The status and body of a GET at the gateway.
pub async fn get(gateway: &Gateway, path: &str) -> (u16, String) {
    let request = http::Request::get(format!("{}{path}", gateway.url()));
    let answer = ask(request.body(String::new()).unwrap()).await;
    (answer.status().as_u16(), answer.into_body())
}

pub async fn ask(request: http::Request<String>) -> http::Response<String> {
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build_http();
    let answer = client.request(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    http::Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}
