//! A bucket as moto has it, past the operator.

use anyhow::{Context, Result, bail};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::plain;

/// One bucket in one moto server.
///
/// Requests are not signed: moto does not ask who comes. The documents are those of the Amazon S3 API Reference,
/// `GetBucketVersioning`, `GetBucketEncryption`, `GetBucketTagging`.
pub struct Bucket {
    url: String,
}

impl Bucket {
    /// The bucket `name` of the moto server at `moto`.
    pub fn new(moto: &str, name: &str) -> Self {
        Self {
            url: format!("{moto}/{name}"),
        }
    }

    /// Whether it exists.
    ///
    /// # Errors
    /// When moto answers neither yes nor no.
    pub async fn exists(&self) -> Result<bool> {
        match self.ask(Method::HEAD, "", "").await? {
            (StatusCode::OK, _) => Ok(true),
            (StatusCode::NOT_FOUND, _) => Ok(false),
            (status, _) => bail!("HEAD {}: {status}", self.url),
        }
    }

    /// `Enabled`, `Suspended`, or nothing if it never was enabled.
    ///
    /// # Errors
    /// When moto does not tell.
    pub async fn versioning(&self) -> Result<Option<String>> {
        Ok(self.read::<Versioning>("versioning").await?.status)
    }

    /// Suspends versioning, as somebody in a hurry would.
    ///
    /// # Errors
    /// When moto refuses.
    pub async fn suspend_versioning(&self) -> Result<()> {
        let body = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        match self.ask(Method::PUT, "versioning", body).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, answer) => bail!("PUT {}?versioning: {status}: {answer}", self.url),
        }
    }

    /// The algorithm of the default encryption.
    ///
    /// # Errors
    /// As [`versioning`](Self::versioning).
    pub async fn encryption(&self) -> Result<String> {
        Ok(self
            .read::<Encryption>("encryption")
            .await?
            .rule
            .apply
            .algorithm)
    }

    /// Keys and values, in moto's order.
    ///
    /// # Errors
    /// As [`versioning`](Self::versioning).
    pub async fn tags(&self) -> Result<Vec<(String, String)>> {
        let tags = self.read::<Tagging>("tagging").await?.set.tags;
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn read<D: DeserializeOwned>(&self, part: &str) -> Result<D> {
        let (status, answer) = self.ask(Method::GET, part, "").await?;
        let what = || format!("GET {}?{part}: {status}: {answer}", self.url);
        quick_xml::de::from_str(&answer).with_context(what)
    }

    async fn ask(&self, method: Method, part: &str, body: &str) -> Result<(StatusCode, String)> {
        plain::ask(method, &format!("{}?{part}", self.url), body).await
    }
}

#[derive(Deserialize)]
struct Versioning {
    #[serde(rename = "Status")]
    status: Option<String>,
}

#[derive(Deserialize)]
struct Encryption {
    #[serde(rename = "Rule")]
    rule: EncryptionRule,
}

#[derive(Deserialize)]
struct EncryptionRule {
    #[serde(rename = "ApplyServerSideEncryptionByDefault")]
    apply: EncryptionDefault,
}

#[derive(Deserialize)]
struct EncryptionDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
}

#[derive(Deserialize)]
struct Tagging {
    #[serde(rename = "TagSet")]
    set: TagSet,
}

#[derive(Deserialize)]
struct TagSet {
    #[serde(rename = "Tag", default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}
