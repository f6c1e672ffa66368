//! AWS as everybody else sees it: past the operator and past the proxy that records the operator.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client, Config,
    config::Region,
    primitives::ByteStream,
    types::{BucketLocationConstraint, CreateBucketConfiguration, Tag, Tagging},
};
use harness::{AwsProxy, Moto};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The account of every access key that moto does not know.
pub const ACCOUNT: &str = "123456789012";
pub const OTHER_ACCOUNT: &str = "210987654321";
/// The region of every scene's providers.
pub const REGION: &str = "eu-central-1";

/// What the tags of an ownership mark begin with.
const MARK: &str = "aws-infra-operator.runner.codes/";

/// Somebody with credentials of an account, working in a region.
pub struct Somebody {
    pub s3: Client,
    proxy: AwsProxy,
}

/// What a bucket has in AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct Has {
    pub tags: BTreeMap<String, String>,
    /// The parts of the ownership mark, without their common prefix.
    pub mark: BTreeMap<String, String>,
    /// None: it never was on.
    pub versioning: Option<String>,
    /// Algorithm, key, and whether there is a bucket key.
    pub encryption: (String, Option<String>, bool),
    /// Block ACLs, ignore ACLs, block policy, restrict buckets.
    pub public_access_block: [bool; 4],
    pub ownership: String,
}

impl Somebody {
    /// Somebody of the account that scenes use.
    pub async fn new(moto: &Moto) -> Result<Self> {
        Self::in_region(moto, REGION).await
    }

    pub async fn in_region(moto: &Moto, region: &str) -> Result<Self> {
        let keys = Credentials::new("AKIASOMEBODYELSE0001", "secret", None, None, "tests");
        Self::with(moto, region, keys).await
    }

    pub async fn in_account(moto: &Moto, account: &str) -> Result<Self> {
        Self::at(moto, account, REGION).await
    }

    /// Somebody of this account, working in this region.
    pub async fn at(moto: &Moto, account: &str, region: &str) -> Result<Self> {
        let sts = aws_sdk_sts::Config::builder()
            .behavior_version_latest()
            .credentials_provider(Credentials::new("AKIAX", "secret", None, None, "tests"))
            .region(aws_sdk_sts::config::Region::new(REGION))
            .endpoint_url(moto.url())
            .build();
        let assumed = aws_sdk_sts::Client::from_conf(sts)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/tests"))
            .role_session_name("tests")
            .send()
            .await?;
        let found = assumed.credentials.context("credentials")?;
        let token = Some(found.session_token);
        let keys = Credentials::new(
            found.access_key_id,
            found.secret_access_key,
            token,
            None,
            "tests",
        );
        Self::with(moto, region, keys).await
    }

    async fn with(moto: &Moto, region: &str, keys: Credentials) -> Result<Self> {
        let proxy = AwsProxy::start(moto.url()).await?;
        let config = Config::builder()
            .behavior_version_latest()
            .credentials_provider(keys)
            .region(Region::new(region.to_owned()))
            .endpoint_url(proxy.url())
            .force_path_style(true)
            .build();
        Ok(Self {
            s3: Client::from_conf(config),
            proxy,
        })
    }

    /// Asks S3 by plain HTTP: about a part of a bucket's configuration, by its XML.
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<String> {
        let url = self.proxy.url();
        let host = url.trim_start_matches("http://");
        let region = self.s3.config().region().context("a region")?;
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/xml\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIASOMEBODYELSE0001/20260101/{region}/s3/aws4_request, \
             SignedHeaders=host, Signature=00\r\n{headers}\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Makes a bucket that no operator knows of.
    pub async fn create(&self, bucket: &str) -> Result<()> {
        let region = self.s3.config().region().context("a region")?.to_string();
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region.as_str()))
            .build();
        self.s3
            .create_bucket()
            .bucket(bucket)
            .create_bucket_configuration(place)
            .send()
            .await?;
        Ok(())
    }

    pub async fn delete(&self, bucket: &str) -> Result<()> {
        self.s3.delete_bucket().bucket(bucket).send().await?;
        Ok(())
    }

    pub async fn put(&self, bucket: &str, key: &str) -> Result<()> {
        let body = ByteStream::from_static(b"content");
        let put = self.s3.put_object().bucket(bucket).key(key).body(body);
        put.send().await?;
        Ok(())
    }

    pub async fn remove(&self, bucket: &str, key: &str) -> Result<()> {
        let remove = self.s3.delete_object().bucket(bucket).key(key);
        remove.send().await?;
        Ok(())
    }

    /// Every tag, those of a mark included.
    pub async fn tags(&self, bucket: &str) -> Result<BTreeMap<String, String>> {
        match self.s3.get_bucket_tagging().bucket(bucket).send().await {
            Ok(found) => Ok(found
                .tag_set
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect()),
            Err(error) if code(&error) == Some("NoSuchTagSet") => Ok(BTreeMap::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts these tags in the place of all that are there.
    pub async fn set_tags(&self, bucket: &str, tags: &BTreeMap<String, String>) -> Result<()> {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<Vec<_>, _>>()?;
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build()?;
        let put = self.s3.put_bucket_tagging().bucket(bucket).tagging(tagging);
        put.send().await?;
        Ok(())
    }

    /// Tags the bucket as CloudFormation does what it makes, and keeps the tags that it has.
    pub async fn tag_as_aws(&self, bucket: &str, key: &str, value: &str) -> Result<()> {
        let mut tags = self.tags(bucket).await?;
        tags.insert(key.to_owned(), value.to_owned());
        let tags: String = tags
            .iter()
            .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
            .collect();
        let body = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        let (path, by_aws) = (format!("{bucket}?tagging"), "x-overlay-by-aws: yes\r\n");
        let done = self.ask("PUT", &path, by_aws, &body).await?;
        ensure!(done.starts_with("HTTP/1.1 2"), "{done}");
        Ok(())
    }

    pub async fn exists(&self, bucket: &str) -> Result<bool> {
        match self.s3.head_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|r| r.status().as_u16() == 404) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All that a bucket has.
    pub async fn has(&self, bucket: &str) -> Result<Has> {
        let (mut tags, mut mark) = (BTreeMap::new(), BTreeMap::new());
        for (key, value) in self.tags(bucket).await? {
            match key.strip_prefix(MARK) {
                Some(part) => mark.insert(part.to_owned(), value),
                None => tags.insert(key, value),
            };
        }
        let versioning = self
            .s3
            .get_bucket_versioning()
            .bucket(bucket)
            .send()
            .await?;
        let encryption = self
            .s3
            .get_bucket_encryption()
            .bucket(bucket)
            .send()
            .await?;
        let rule = encryption
            .server_side_encryption_configuration
            .and_then(|found| found.rules.into_iter().next())
            .context("a bucket is always encrypted")?;
        let default = rule
            .apply_server_side_encryption_by_default
            .context("by some algorithm")?;
        let block = self
            .s3
            .get_public_access_block()
            .bucket(bucket)
            .send()
            .await?;
        let block = block
            .public_access_block_configuration
            .context("a public access block")?;
        let controls = self
            .s3
            .get_bucket_ownership_controls()
            .bucket(bucket)
            .send()
            .await?;
        let control = controls
            .ownership_controls
            .and_then(|found| found.rules.into_iter().next())
            .context("ownership controls")?;
        Ok(Has {
            tags,
            mark,
            versioning: versioning.status.map(|it| it.as_str().to_owned()),
            encryption: (
                default.sse_algorithm.as_str().to_owned(),
                default.kms_master_key_id,
                rule.bucket_key_enabled.unwrap_or_default(),
            ),
            public_access_block: [
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            ]
            .map(Option::unwrap_or_default),
            ownership: control.object_ownership.as_str().to_owned(),
        })
    }
}

/// Tags from pairs.
pub fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn code<E>(error: &aws_sdk_s3::error::SdkError<E>) -> Option<&str>
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|error| error.code())
}
