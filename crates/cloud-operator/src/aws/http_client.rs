//! The HTTP client that all sessions share: one pool of connections, one set of trusted authorities.

use std::{collections::HashMap, fmt, time::Duration};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{self, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use parking_lot::Mutex;

use super::network::Network;

/// Connect and read timeout: what a connector is built with.
type Timeouts = (Option<Duration>, Option<Duration>);

/// Unlike the SDK's own client, this one has a proxy for each scheme, and builds no connector only to see
/// whether it could, which costs a service client of every provider the whole list of authorities.
struct Client {
    network: Network,
    trust: TlsContext,
    connectors: Mutex<HashMap<Timeouts, SharedHttpConnector>>,
}

/// A client that reaches the outside by `network`.
pub(super) fn http_client(network: Network) -> SharedHttpClient {
    SharedHttpClient::new(Client {
        trust: network.trust(),
        network,
        connectors: Mutex::default(),
    })
}

impl Client {
    fn connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
        proxy: ProxyConfig,
    ) -> Connector {
        let mut connector = Connector::builder()
            .connector_settings(settings.clone())
            .proxy_config(proxy);
        connector.set_sleep_impl(components.sleep_impl());
        connector
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(self.trust.clone())
            .build()
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock();
        let connector = connectors.entry(timeouts).or_insert_with(|| {
            let connector = |proxy| self.connector(settings, components, proxy);
            SharedHttpConnector::new(ByScheme {
                https: connector(self.network.for_https()),
                http: connector(self.network.for_http()),
            })
        });
        connector.clone()
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some("1.x".into())))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// Each scheme has a proxy of its own.
struct ByScheme {
    https: Connector,
    http: Connector,
}

impl HttpConnector for ByScheme {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match request.uri().starts_with("https:") {
            true => self.https.call(request),
            false => self.http.call(request),
        }
    }
}

impl fmt::Debug for ByScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A connector would show its proxy, password and all.
        f.write_str("ByScheme(..)")
    }
}
