//! What this replica serves to gateways and to other replicas, and what it reports itself.

use std::sync::Arc;

use operator_core::{
    decide::clock::Clock,
    engines::fanout::{
        Refusals,
        replicas::{Dialling, Replicas, Reporter},
    },
    process::{
        certs::{Certificates, ClientCertificates},
        grpc,
        http::Listening,
        operator::Course,
    },
};
use rustls::pki_types::ServerName;
use tonic::service::Routes;

use crate::{
    gateways::{GatewayBoard, Gateways, Service},
    metrics::Metrics,
    snapshot::ItemId,
};

/// HTTP/2, which gRPC speaks.
const H2: &[&[u8]] = &[b"h2"];

/// How many gateways and replicas are connected at once: a thousand gateways, each with an old connection or two
/// that nobody has ended yet, and as many again.
const CONNECTIONS: usize = 4096;

/// Everything that is served on one port.
pub struct Server {
    /// Where.
    pub listening: Listening,
    /// By which certificate.
    pub certificates: Certificates,
    /// Whom.
    pub clients: ClientCertificates,
    /// The names that all replicas have.
    pub names: Vec<ServerName<'static>>,
    /// This replica's own name.
    pub replica: Arc<str>,
    /// Whose streams end with the server.
    pub gateways: Arc<Gateways>,
    /// What gateways call.
    pub service: Service,
    /// What is reported.
    pub board: Arc<GatewayBoard>,
    /// What is reported, too.
    pub refusals: Arc<Refusals<ItemId>>,
    /// Counts what gateways call.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
}

impl Server {
    /// Serves until the operator is to stop, and every call has ended.
    pub async fn run(self, mut course: Course) {
        let replicas = Arc::new(Replicas {
            board: self.board.clone(),
            refusals: self.refusals.clone(),
            leadership: course.leadership.clone(),
            names: self.names.clone(),
            clock: self.clock.clone(),
            stop: course.stop.clone(),
        });
        let reporter = Reporter {
            replica: self.replica,
            board: self.board,
            refusals: self.refusals,
            clock: self.clock.clone(),
        };
        let dialling = self.names.first().map(|name| Dialling {
            tls: self.certificates.client_config(H2),
            server_name: name.clone(),
        });
        let leader = course.leadership.leader();
        let report = {
            let stop = course.stop.clone();
            async move {
                if let Some(dialling) = dialling {
                    reporter.run(leader, dialling, stop).await;
                }
            }
        };
        let called = self
            .metrics
            .counted(Routes::new(self.service.into_server()));
        let routes = called.add_service(replicas.clone().into_server());
        let tls = self.certificates.server_config(self.clients, H2);
        let stop = course.stop.clone();
        let serve = grpc::serve(self.listening, tls, routes, CONNECTIONS, self.clock, stop);
        // First the streams end, each in order, and then the server.
        let close = async {
            course.stopped().await;
            self.gateways.close();
        };
        tokio::select! {
            _ = async { tokio::join!(serve, report, close) } => {}
            () = replicas.run() => {}
        }
    }
}
