//! Routes and backends of AVAPIGW gateways as Kubernetes objects.

pub mod compile;
pub mod conditions;
mod config;
pub mod gateways;
mod kinds;
pub mod metrics;
pub mod plan;
pub mod rbac;
pub mod reasons;
mod server;
pub mod session;
pub mod snapshot;
mod status;

use std::{future::Future, sync::Arc, time::Duration};

use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use kube::Client;
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::clock::Clock,
    engines::fanout::Refusals,
    process::{build::build, http, operator::Operator},
};
use serde_json::json;

pub use self::config::Config;
use self::{
    gateways::{GatewayBoard, Gateways, Service},
    metrics::{Live, Metrics},
    plan::{Planner, ServiceNames},
    server::Server,
    status::Passes,
};
pub use operator_core::process::operator::OperatorError;

/// The operator's name: its field manager and the reporter of its events.
pub const NAME: &str = "avapigw-operator";
/// The Lease that its replicas share; the name that earlier operators for these kinds used.
pub const LEASE: &str = "avapigw-operator-leader.avapigw.io";

/// Runs the operator until `stop`. Dropping the future stops it at once, as a crash would.
///
/// # Errors
/// When it cannot start, or a part of it ends by itself.
pub async fn run(
    config: Config,
    client: Client,
    clock: Clock,
    stop: impl Future<Output = ()>,
) -> Result<(), OperatorError> {
    let grpc = config.grpc()?;
    let election = config.common.election.as_ref();
    let look = election.map_or(Duration::ZERO, |it| it.timings.longest_candidate_retry());
    let mut operator = Operator::new(
        NAME,
        build!(),
        LEASE,
        config.common.clone(),
        client,
        clock.clone(),
    );
    operator.gated(&config.feature_gates);
    let (certificates, upkeep) = config.certificates(operator.writer.clone(), clock.clone())?;
    let routes: Arc<Cache<Whole<APIRoute>>> = operator.cache("apiroute");
    let backends: Arc<Cache<Whole<Backend>>> = operator.cache("backend");

    let services = operator.projection::<ServiceNames>("service");
    let refusals = Arc::new(Refusals::default());
    let planner = Planner::new(refusals.clone(), routes.clone(), services, clock.clone());
    planner.read_texts(operator.client.clone());
    // Before the controllers: a pass finds the wish that woke it.
    planner.follow(&routes);
    planner.follow(&backends);
    let board = Arc::new(GatewayBoard::new(look, clock.now()));
    let metrics = Metrics::register(&operator.metrics, clock.clone());
    let passes = Arc::new(Passes::new(
        &mut operator,
        &routes,
        &backends,
        &planner,
        &board,
        &metrics,
    ));

    let gateways = Arc::new(Gateways::new(
        planner.clone(),
        board.clone(),
        metrics.clone(),
        clock.clone(),
    ));
    let live = Live {
        routes,
        backends,
        planner: planner.clone(),
        gateways: gateways.clone(),
        certificates: certificates.clone(),
        provider: config.cert_provider,
        clock: clock.clone(),
    };
    live.register(&operator.metrics);
    operator.state.section("gateways", {
        let gateways = gateways.clone();
        move || gateways.shown()
    });
    operator.state.section("configMaps", {
        let planner = planner.clone();
        move || json!(planner.config_maps())
    });
    operator.state.section("certificates", {
        let certificates = certificates.clone();
        move || json!(certificates.state())
    });
    operator.ready("certificate", {
        let certificates = certificates.clone();
        move || certificates.check()
    });
    if let Some(address) = grpc {
        let listening = http::bind("GRPC_BIND_ADDRESS", &address).await?;
        tracing::info!(address = %listening.address(), "gateways are served");
        if let Some(address) = config.reached_at(listening.address()) {
            operator.takes_reports_at(address.to_string());
        }
        let server = Server {
            listening,
            certificates,
            clients: config.clients(),
            names: config.server_names()?,
            replica: operator.identity().into(),
            service: Service::new(gateways.clone(), planner.clone(), clock.clone()),
            gateways: gateways.clone(),
            board: board.clone(),
            metrics,
            refusals,
            clock: clock.clone(),
        };
        operator.drained(|course| server.run(course));
    }
    operator.drained(|course| upkeep.run(course.leadership, course.stop));
    operator.part({
        let (planner, synced) = (planner.clone(), operator.synced());
        async move { planner.run(synced).await }
    });
    operator.part({
        let passes = passes.clone();
        async move { planner.tell(|id| passes.over(id)).await }
    });
    operator.part(async move { gateways.reap().await });
    operator.part(async move { board.run(&clock, |wake| passes.wake(wake)).await });
    operator.run(stop).await
}
