//! The client of the API server.

use std::path::{Path, PathBuf};

use http::{HeaderValue, header::USER_AGENT};
use kube::{
    Client, Config,
    config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::{Common, connection::connected};

/// Why there is no client of the API server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The kubeconfig file does not say how to reach a cluster.
    #[error("--kubeconfig {}: {reason}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: Box<KubeconfigError>,
    },
    /// The file is no kubeconfig.
    #[error("--kubeconfig {}: it is no kubeconfig in YAML; kubectl config view --kubeconfig says where not", file.display())]
    NoKubeconfig {
        /// The file.
        file: PathBuf,
    },
    /// There is no Pod around this process.
    #[error(
        "this process does not run in a Pod ({0}) and no --kubeconfig FILE names a cluster; KUBECONFIG is \
         ignored on purpose: it may point at another cluster than the one that is meant"
    )]
    NotInCluster(Box<InClusterError>),
    /// The kubeconfig file wants a proxy.
    #[error(
        "--kubeconfig {}: the cluster has a proxy-url, but the API server is only reached directly", file.display()
    )]
    Proxy {
        /// The file.
        file: PathBuf,
    },
    /// The operator's name or version cannot stand in an HTTP header.
    #[error("the user agent {0:?} cannot stand in an HTTP header")]
    UserAgent(String),
    /// The client could not be built: certificates, or credentials.
    #[error("cannot build a client of the API server: {0}")]
    Build(Box<kube::Error>),
}

/// The client of the cluster that the settings name: of an explicit kubeconfig file, or of the cluster that
/// this Pod runs in. It shows itself as `<operator>/<version>`.
///
/// HTTPS_PROXY is for what is outside: the API server is reached directly.
pub async fn client(
    settings: &Common,
    operator: &str,
    version: &str,
) -> Result<Client, ClientError> {
    let mut config = match &settings.kubeconfig {
        Some(file) => explicit(file).await?,
        None => {
            Config::incluster().map_err(|reason| ClientError::NotInCluster(Box::new(reason)))?
        }
    };
    let agent = format!("{operator}/{version}");
    let agent = HeaderValue::from_str(&agent).map_err(|_| ClientError::UserAgent(agent))?;
    config.headers.push((USER_AGENT, agent));
    connected(&config).map_err(|reason| ClientError::Build(Box::new(reason)))
}

/// What an explicit kubeconfig file says.
///
/// # Errors
/// If it cannot be read, or asks for a way that is not gone.
pub(in crate::process) fn kubeconfig(file: &Path) -> Result<Kubeconfig, ClientError> {
    let kubeconfig = Kubeconfig::read_from(file).map_err(|reason| match reason {
        // It quotes the lines around the fault, which may hold a token.
        KubeconfigError::Parse(_) => ClientError::NoKubeconfig {
            file: file.to_owned(),
        },
        reason => ClientError::Kubeconfig {
            file: file.to_owned(),
            reason: Box::new(reason),
        },
    })?;
    match wants_proxy(&kubeconfig) {
        true => Err(ClientError::Proxy {
            file: file.to_owned(),
        }),
        false => Ok(kubeconfig),
    }
}

async fn explicit(file: &Path) -> Result<Config, ClientError> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig(file)?, &options).await;
    let mut config = config.map_err(|reason| ClientError::Kubeconfig {
        file: file.to_owned(),
        reason: Box::new(reason),
    })?;
    // From the environment, which kube looks at only here.
    config.proxy_url = None;
    Ok(config)
}

fn wants_proxy(kubeconfig: &Kubeconfig) -> bool {
    let current = kubeconfig.current_context.as_deref();
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|it| Some(it.name.as_str()) == current);
    let name = context
        .and_then(|it| it.context.as_ref())
        .map(|it| &it.cluster);
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|it| Some(&it.name) == name);
    let proxy = cluster.and_then(|it| it.cluster.as_ref()?.proxy_url.as_ref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_proxy(current: &str, proxy: &str) -> Kubeconfig {
        let text = format!(
            r#"{{ "current-context": "{current}",
                "contexts": [
                    {{ "name": "plain", "context": {{ "cluster": "one", "user": "u" }} }},
                    {{ "name": "proxied", "context": {{ "cluster": "two", "user": "u" }} }}
                ],
                "clusters": [
                    {{ "name": "one", "cluster": {{ "server": "https://127.0.0.1:1" }} }},
                    {{ "name": "two", "cluster": {{ "server": "https://127.0.0.1:2", "proxy-url": "{proxy}" }} }}
                ] }}"#
        );
        Kubeconfig::from_yaml(&text).expect("a kubeconfig")
    }

    #[test]
    fn a_proxy_counts_only_where_the_cluster_in_use_names_it() {
        let proxy = "http://user:canary@proxy.example";
        assert!(!wants_proxy(&with_proxy("plain", proxy)));
        assert!(wants_proxy(&with_proxy("proxied", proxy)));
        assert!(!wants_proxy(&with_proxy("proxied", "")));
        assert!(!wants_proxy(&with_proxy("missing", proxy)));
    }
}
