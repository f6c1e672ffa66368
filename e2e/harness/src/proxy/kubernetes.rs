//! The proxy before an API server.

mod attributes;
mod refusal;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kube::Config;
use kube::client::ConfigExt;
use kube::config::Kubeconfig;
use serde_json::json;

pub use attributes::{Attributes, is_list};
pub use refusal::{no_streamed_lists, refusal, watch_expired, watch_failed};

use super::{Forwarder, Proxy};
use crate::cluster::write_kubeconfig;
use attributes::classify;

/// A [`Proxy`] before an API server. It speaks plain HTTP on loopback, and TLS to the server.
///
/// The credentials are the clients' own: the proxy has none.
#[derive(Clone, Debug)]
pub struct ApiProxy {
    proxy: Proxy,
    config: Config,
}

impl ApiProxy {
    /// Starts a proxy before the API server that `config` names.
    ///
    /// # Errors
    /// When the server's certificate authority cannot be read, or when
    /// [`config_for`](Self::config_for) refuses `config`.
    pub async fn start(config: &Config) -> Result<Self> {
        let mut server = config.clone();
        server.auth_info = kube::config::AuthInfo::default();
        let connector = server
            .rustls_https_connector()
            .context("cannot prepare TLS to the API server")?;
        let proxy = Proxy::start(Forwarder::new(&config.cluster_url, connector)?, classify).await?;
        let config = retarget(config, &proxy)?;
        Ok(Self { proxy, config })
    }

    /// The proxy itself: its records and its rules.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The configuration that the proxy was started with, pointing at the proxy.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// A user's configuration for the same API server, pointing at the proxy.
    ///
    /// # Errors
    /// When the user identifies itself by a client certificate, which belongs to one connection and
    /// cannot be passed on; a token can.
    pub fn config_for(&self, user: &Config) -> Result<Config> {
        retarget(user, &self.proxy)
    }

    /// Writes a kubeconfig that leads a user to the proxy, for a process that a test starts.
    ///
    /// # Errors
    /// As [`config_for`](Self::config_for), and when the file cannot be written.
    pub fn write_kubeconfig(&self, user: &Config, file: &Path) -> Result<()> {
        let config = self.config_for(user)?;
        let kubeconfig: Kubeconfig = serde_json::from_value(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": self.proxy.url()}}],
            "users": [{"name": "proxy", "user": config.auth_info}],
            "contexts": [{"name": "proxy", "context": {
                "cluster": "proxy",
                "user": "proxy",
                "namespace": config.default_namespace,
            }}],
            "current-context": "proxy",
        }))?;
        write_kubeconfig(&kubeconfig, file)
    }
}

fn retarget(user: &Config, proxy: &Proxy) -> Result<Config> {
    let auth = &user.auth_info;
    if auth.client_certificate.is_some() || auth.client_certificate_data.is_some() {
        bail!(
            "the user of {} identifies itself by a client certificate, which a proxy cannot pass on: \
             use a token, for instance of a ServiceAccount",
            user.cluster_url
        );
    }
    let mut config = user.clone();
    config.cluster_url = proxy.url().parse()?;
    config.root_cert = None;
    config.root_cert_file = None;
    config.tls_server_name = None;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_certificate_is_refused_with_a_way_out() {
        let proxy = tokio::runtime::Runtime::new().unwrap().block_on(async {
            let upstream = Forwarder::plain("http://127.0.0.1:1").unwrap();
            Proxy::start(upstream, classify).await.unwrap()
        });
        let mut user = Config::new("https://127.0.0.1:6443".parse().unwrap());
        user.auth_info.client_certificate_data = Some("eA==".into());
        let error = retarget(&user, &proxy).unwrap_err().to_string();
        assert!(error.contains("ServiceAccount"), "{error}");
    }
}
