//! A bucket as AWS has it, past the operator.

use anyhow::{Context, Result, bail};
use harness::plain;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One bucket.
///
/// The documents are those of the Amazon S3 API Reference, `GetBucketVersioning`, `GetBucketEncryption`,
/// `GetBucketTagging`.
pub struct Bucket {
    url: String,
    authorization: String,
}

impl Bucket {
    /// The bucket `name` in a region of AWS's stand-in at `endpoint`, which believes every signature.
    pub fn new(endpoint: &str, region: &str, name: &str) -> Self {
        Self {
            url: format!("{endpoint}/{name}"),
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential=somebody/20260101/{region}/s3/aws4_request, \
                 SignedHeaders=host, Signature=0"
            ),
        }
    }

    /// Whether it exists.
    ///
    /// # Errors
    /// When the answer is neither yes nor no.
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
    /// When the answer does not tell.
    pub async fn versioning(&self) -> Result<Option<String>> {
        Ok(self.read::<Versioning>("versioning").await?.status)
    }

    /// Suspends versioning, as somebody in a hurry would.
    ///
    /// # Errors
    /// When it is refused.
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

    /// Keys and values, in the order of the answer.
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
        plain::ask(
            method,
            &format!("{}?{part}", self.url),
            &self.authorization,
            body,
        )
        .await
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
