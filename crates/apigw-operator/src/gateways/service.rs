//! The calls that gateways make.

use std::{pin::Pin, sync::Arc, time::Duration};

use apigw_protocol::{
    AcknowledgeConfigurationRequest, AcknowledgeConfigurationResponse, ConfigurationSnapshot,
    ConfigurationUpdate, GetConfigurationRequest, HeartbeatRequest, HeartbeatResponse,
    RegisterGatewayRequest, RegisterGatewayResponse, StreamConfigurationRequest,
    configuration_service_server::ConfigurationService,
};
use futures::{Stream, StreamExt};
use operator_core::decide::clock::Clock;
use prost_types::Timestamp;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{GatewayId, Gateways, NotTaken, Wire};
use crate::{plan::Planner, snapshot::Snapshot};

/// How long a gateway waits for the first plan. It gives up after 10 s, and dials again.
const PATIENCE: Duration = Duration::from_secs(8);

/// How much of a gateway's own version is kept, in characters.
const VERSION: usize = 64;

/// The service that gateways call.
#[derive(Clone)]
pub struct Service {
    gateways: Arc<Gateways>,
    planner: Arc<Planner>,
    clock: Clock,
}

impl Service {
    /// The service of these gateways.
    pub fn new(gateways: Arc<Gateways>, planner: Arc<Planner>, clock: Clock) -> Self {
        Self {
            gateways,
            planner,
            clock,
        }
    }

    /// As a server takes it. Gateways send little, and know no compression.
    pub fn into_server(self) -> Wire {
        Wire::new(self)
    }

    /// What every gateway must have, once that is known.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, Status> {
        let mut snapshots = self.planner.snapshots();
        let known = snapshots.wait_for(Option::is_some);
        let deadline = self.clock.now() + PATIENCE;
        let known = self.clock.until(deadline, known).await;
        let snapshot = known.and_then(|known| known.ok()?.clone());
        snapshot.ok_or_else(|| {
            Status::unavailable("not every object was seen yet: try again, here or elsewhere")
        })
    }

    fn wall(&self) -> Option<Timestamp> {
        let now = self.clock.wall();
        Some(Timestamp {
            seconds: now.as_second(),
            nanos: now.subsec_nanosecond(),
        })
    }
}

impl From<NotTaken> for Status {
    fn from(why: NotTaken) -> Self {
        Self::unavailable(why.to_string())
    }
}

#[tonic::async_trait]
impl ConfigurationService for Service {
    async fn register_gateway(
        &self,
        request: Request<RegisterGatewayRequest>,
    ) -> Result<Response<RegisterGatewayResponse>, Status> {
        let request = request.into_inner();
        let id = match GatewayId::of(request.gateway.as_ref()) {
            Ok(id) => id,
            Err(why) => {
                return Ok(Response::new(RegisterGatewayResponse {
                    success: false,
                    error_message: why.to_string(),
                    ..RegisterGatewayResponse::default()
                }));
            }
        };
        // A gateway that registers is owed the whole snapshot, never one that was not seen whole.
        self.snapshot().await?;
        let version = request.gateway.map(|info| info.version);
        let version = version.map(|version| version.chars().take(VERSION).collect::<String>());
        let session = Uuid::new_v4().to_string();
        self.gateways
            .register(id, version.unwrap_or_default(), session.as_str().into())?;
        // Neither an interval, for it knows its own, nor a first configuration: the stream brings it.
        Ok(Response::new(RegisterGatewayResponse {
            success: true,
            session_id: session,
            ..RegisterGatewayResponse::default()
        }))
    }

    type StreamConfigurationStream =
        Pin<Box<dyn Stream<Item = Result<ConfigurationUpdate, Status>> + Send>>;

    async fn stream_configuration(
        &self,
        request: Request<StreamConfigurationRequest>,
    ) -> Result<Response<Self::StreamConfigurationStream>, Status> {
        let request = request.into_inner();
        let fresh = request.last_config_version.is_empty();
        let updates = self.gateways.open(&request.session_id, fresh)?;
        let gateways = self.gateways.clone();
        let sent = ReceiverStream::new(updates).map(move |update| {
            gateways.pushes(&request.session_id, &update.version);
            Ok(update)
        });
        Ok(Response::new(Box::pin(sent)))
    }

    async fn get_configuration(
        &self,
        _: Request<GetConfigurationRequest>,
    ) -> Result<Response<ConfigurationSnapshot>, Status> {
        Ok(Response::new(self.snapshot().await?.message()))
    }

    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let known = self
            .gateways
            .heartbeat(&request.session_id, &request.last_applied_version);
        let message = match known {
            true => String::new(),
            false => NotTaken::Unknown.to_string(),
        };
        // A gateway that is told to reconnect falls silent instead.
        Ok(Response::new(HeartbeatResponse {
            acknowledged: true,
            server_time: self.wall(),
            should_reconnect: false,
            message,
        }))
    }

    async fn acknowledge_configuration(
        &self,
        request: Request<AcknowledgeConfigurationRequest>,
    ) -> Result<Response<AcknowledgeConfigurationResponse>, Status> {
        let request = request.into_inner();
        let answer = match request.success {
            true => Ok(()),
            false => Err(request.error_message),
        };
        self.gateways
            .answered(&request.session_id, &request.config_version, answer);
        Ok(Response::new(AcknowledgeConfigurationResponse {
            received: true,
            server_time: self.wall(),
        }))
    }
}
