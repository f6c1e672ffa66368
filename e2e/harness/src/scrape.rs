//! Somebody who scrapes an operator's metrics as they are served by default: over HTTPS, with a token.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{core::v1::Secret, rbac::v1::PolicyRule};
use kube::Api;
use parking_lot::Mutex;

use crate::wait::{PATIENCE, until};
use crate::{Cluster, User, UserRules, https, port::Port};

/// Metrics that an operator serves over HTTPS, with a certificate that it keeps in a Secret.
#[derive(Debug)]
pub struct Scrape {
    cluster: Cluster,
    namespace: String,
    secret: String,
    port: Port,
}

impl Scrape {
    /// Those of an operator of this name in this namespace, on a free port.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn of(cluster: &Cluster, namespace: &str, operator: &str) -> Result<Self> {
        Ok(Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            secret: format!("{operator}-serving-cert"),
            port: Port::reserve()?,
        })
    }

    /// The operator's settings.
    pub fn settings(&self) -> Vec<String> {
        vec![
            format!("--metrics-bind-address={}", self.port.address()),
            "--metrics-secure=true".to_owned(),
            format!("--pod-namespace={}", self.namespace),
            "--serving-cert-dns-names=127.0.0.1".to_owned(),
        ]
    }

    /// The Secret of the operator's certificate.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// A user with these rules for the whole cluster, and nothing else.
    ///
    /// # Errors
    /// As [`Cluster::user`].
    pub async fn user(&self, cluster: Vec<PolicyRule>) -> Result<User> {
        let rules = UserRules {
            cluster,
            ..UserRules::default()
        };
        self.cluster.user("scraper", rules).await
    }

    /// Waits until the page is answered, and returns the status and the text.
    ///
    /// # Errors
    /// When nothing is served there within a minute by a server with the certificate in the Secret.
    pub async fn get(&self, token: Option<&str>, path: &str) -> Result<(u16, String)> {
        let secrets: Api<Secret> = Api::namespaced(self.cluster.client()?, &self.namespace);
        let answer = Mutex::new(None);
        let ask = || async {
            let kept = secrets.get_opt(&self.secret).await?;
            let data = kept.and_then(|kept| kept.data).unwrap_or_default();
            let authorities = data.get("ca.crt").context("there is no certificate yet")?;
            let answered = https::get(self.port.address(), &authorities.0, token, path).await;
            *answer.lock() = Some(answered?);
            anyhow::Ok(())
        };
        let asked = || async { ask().await.map_err(|error| format!("{error:#}")) };
        until(&format!("{path} to be answered"), PATIENCE, asked).await?;
        answer.into_inner().context("an answer")
    }

    /// Asks for `/metrics` as somebody with these rights for the whole cluster, as somebody with none, and without a
    /// token, and gives what the first was told. All that the others may be told is why they are not.
    ///
    /// # Errors
    /// When somebody is answered otherwise.
    pub async fn guarded(&self, rights: Vec<PolicyRule>) -> Result<String> {
        let reader = self.user(rights).await?;
        let nobody = self.user(Vec::new()).await?;
        let (status, page) = self.get(Some(reader.token()), "/metrics").await?;
        ensure!(status == 200, "{status}: {page}");
        for (token, expected) in [(Some(nobody.token()), 403), (None, 401)] {
            let (status, text) = self.get(token, "/metrics").await?;
            ensure!(status == expected, "{status} and not {expected}: {text}");
            ensure!(!text.contains("# HELP"), "{text}");
        }
        Ok(page)
    }
}
