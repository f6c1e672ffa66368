//! AWS as Pods reach it, and as somebody sees it who is no operator.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::{Client, Config};
use harness::moto::AccessKey;
use harness::proxy::Proxy;
use harness::{AwsProxy, Family, Moto};

/// The region of all providers.
pub const REGION: &str = "eu-central-1";
/// The account of every access key.
pub const ACCOUNT: &str = "123456789012";

/// A moto server behind a proxy that Pods reach.
#[derive(Debug)]
pub struct Aws {
    operators: AwsProxy,
    somebody: Client,
    // What somebody does is not on the operators' record.
    _past: AwsProxy,
    moto: Moto,
}

impl Aws {
    /// Starts it where Pods reach this address.
    ///
    /// # Errors
    /// When moto does not start, or the address is not one of this machine, or of the network that this process has entered.
    pub async fn start(address: IpAddr) -> Result<Self> {
        let loopback = Family::of(address).loopback();
        let moto = Moto::start_at(loopback).await?;
        let operators = AwsProxy::start_at(address, moto.url()).await?;
        let past = AwsProxy::start_at(loopback, moto.url()).await?;
        let keys = Credentials::new("AKIASOMEBODYELSE0001", "secret", None, None, "tests");
        let config = Config::builder()
            .behavior_version_latest()
            .credentials_provider(keys)
            .region(Region::new(REGION))
            .endpoint_url(past.url())
            .force_path_style(true)
            .build();
        Ok(Self {
            operators,
            somebody: Client::from_conf(config),
            _past: past,
            moto,
        })
    }

    /// The endpoint for Pods.
    pub fn url(&self) -> String {
        self.operators.url()
    }

    /// What operators have asked.
    pub fn asked(&self) -> &Proxy {
        self.operators.proxy()
    }

    /// A key of a new user of this name.
    ///
    /// # Errors
    /// When there is a user of this name.
    pub async fn key(&self, user: &str) -> Result<AccessKey> {
        self.moto.user(user).await
    }

    /// The tags of a bucket that somebody has tagged, as operators do; `None` where there is no such bucket.
    ///
    /// # Errors
    /// When the answer does not tell.
    pub async fn tags(&self, bucket: &str) -> Result<Option<BTreeMap<String, String>>> {
        let asked = self.somebody.get_bucket_tagging().bucket(bucket);
        match asked.send().await {
            Ok(found) => {
                let tags = found.tag_set.into_iter();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) if error.code() == Some("NoSuchBucket") => Ok(None),
            Err(error) => Err(error).with_context(|| format!("the tags of {bucket}")),
        }
    }
}
