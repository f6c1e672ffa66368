//! The connections to the API server.
//!
//! As kube makes them by default, but for three things. Requests leave at once: with Nagle's algorithm the first
//! one of each connection waits for an acknowledgement, 40 ms. Connections that a burst has opened are closed
//! soon after it, as each holds some 30 kB here and more in the API server. And nothing is tried again, nor logged:
//! whoever calls knows what is worth repeating, and for how long, and what is worth telling; the rest is in spans.

use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Builder, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{ClientBuilder, ConfigExt},
};
use tower::{BoxError, ServiceBuilder};

const CONNECT: Duration = Duration::from_secs(10);
const WRITE: Duration = Duration::from_secs(30);
/// A guard against dead connections only: it outlasts a watch that nothing happens in.
/// A pass has a deadline of its own.
const READ: Duration = Duration::from_secs(300);
/// By default a leader's renewals keep one connection in use; where none is, the next request makes it, in milliseconds.
const IDLE: Duration = Duration::from_secs(5);

/// The client of the cluster that `config` names; its proxy, its timeouts and whether it tries again are not
/// asked for.
///
/// # Errors
/// If certificates or credentials cannot be used.
pub(super) fn connected(config: &Config) -> kube::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_write_timeout(Some(WRITE));
    connector.set_read_timeout(Some(READ));
    // Otherwise the time that a pooled connection was idle counts against its next answer.
    connector.set_reset_reader_on_write(true);
    let http = Builder::new(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}
