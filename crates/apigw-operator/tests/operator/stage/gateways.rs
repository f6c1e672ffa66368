//! Gateways of a stage.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use gateway::{Gateway, Identity, KeepAlive, Options, Tls, Waits};
use harness::wait;
use k8s_openapi::api::core::v1::Secret;

use super::{GATEWAY_CERT, OPERATOR_CERT, PATIENCE, Stage};

impl Stage {
    /// A gateway with a data plane that dials this stage's operator, with a certificate that was issued for it.
    /// Waits until there is one; the operator must run.
    pub async fn gateway(&self, name: &str) -> Result<Gateway> {
        Gateway::start(self.gateway_options(name).await?).await
    }

    /// What a gateway of this stage is started with.
    pub async fn gateway_options(&self, name: &str) -> Result<Options> {
        let own = self.secret_files(GATEWAY_CERT, &["ca.crt", "tls.crt", "tls.key"]);
        let [ca_file, cert_file, key_file] = own.await?.try_into().expect("as many");
        let identity = Some(Identity {
            cert_file,
            key_file,
        });
        Ok(self.options(name, Tls { ca_file, identity }))
    }

    /// What a gateway without a certificate of its own is started with.
    pub async fn nameless_options(&self, name: &str) -> Result<Options> {
        let files = self.secret_files(OPERATOR_CERT, &["ca.crt"]).await?;
        let tls = Tls {
            ca_file: files[0].clone(),
            identity: None,
        };
        Ok(self.options(name, tls))
    }

    fn options(&self, name: &str, tls: Tls) -> Options {
        let service = "avapigw-operator";
        Options {
            tls: Some(tls),
            pod: format!("{name}-0"),
            listen: Some(([127, 0, 0, 1], 0).into()),
            resolve: [(service.to_owned(), self.port.address())].into(),
            start: Waits::QUICK,
            reconnect: Waits::QUICK,
            // A busy machine may be slow to answer a ping, and is not gone.
            keep_alive: KeepAlive {
                timeout: PATIENCE,
                ..KeepAlive::default()
            },
            ..Options::new(format!("{service}:{}", self.port.number()), name)
        }
    }

    /// Writes values of a Secret into files, as a mounted volume would have them.
    async fn secret_files(&self, name: &str, keys: &[&str]) -> Result<Vec<PathBuf>> {
        let has_all = |secret: &Secret| {
            let data = secret.data.as_ref();
            let has = |key: &&str| data.is_some_and(|data| data.contains_key(*key));
            keys.iter().all(has)
        };
        let secret = wait::wait_for(
            &self.api_of::<Secret>(),
            name,
            "it holds what is mounted",
            PATIENCE,
            has_all,
        )
        .await?;
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        let data = secret.data.context("it holds something")?;
        let write = |key: &&str| {
            let file = folder.join(key);
            fs::write(&file, &data[*key].0)?;
            Ok(file)
        };
        keys.iter().map(write).collect()
    }
}
