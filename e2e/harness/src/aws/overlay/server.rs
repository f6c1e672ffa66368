//! The moto server, asked and told in the name of a request's sender.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use hyper_util::client::legacy::connect::HttpConnector;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{Bucket, Setting};
use crate::aws::operation::Scope;
use crate::aws::s3::S3Call;
use crate::proxy::{Answer, Forwarder, Upstream};

pub(super) struct Server {
    forwarder: Forwarder<HttpConnector>,
    /// The account of each access key: it never changes.
    accounts: Mutex<HashMap<String, String>>,
}

impl Server {
    pub(super) fn new(forwarder: Forwarder<HttpConnector>) -> Self {
        Self {
            forwarder,
            accounts: Mutex::default(),
        }
    }

    /// Passes a client's request on.
    pub(super) async fn pass(&self, request: Request<Bytes>) -> Result<Answer> {
        self.forwarder.send(request).await
    }

    /// The bucket that a request is about; `None` when there is none.
    pub(super) async fn bucket(&self, call: &S3Call) -> Result<Option<Bucket>> {
        let expected = &call.scope.region;
        let caller = self.account(&call.scope).await?;
        // One question in the usual case: moto lists an account's own buckets only.
        if self.lists(call, expected).await? {
            return Ok(Some(Bucket {
                region: expected.clone(),
                caller,
                owned: true,
            }));
        }
        let Some(region) = self.region(call).await? else {
            return Ok(None);
        };
        let owned = self.lists(call, &region).await?;
        Ok(Some(Bucket {
            region,
            caller,
            owned,
        }))
    }

    pub(super) async fn exists(&self, call: &S3Call) -> Result<bool> {
        Ok(self.region(call).await?.is_some())
    }

    /// Sets a part of a bucket's configuration.
    pub(super) async fn tell(&self, call: &S3Call, setting: &Setting) -> Result<Response<Bytes>> {
        let path = format!("/{}?{}", call.bucket, setting.part);
        let body = setting.body.clone();
        self.ask(&call.scope, Method::PUT, &path, "application/xml", body)
            .await
    }

    /// A part of a bucket's configuration as moto has it; empty where it has none.
    pub(super) async fn part(&self, call: &S3Call, part: &str) -> Result<String> {
        let path = format!("/{}?{part}", call.bucket);
        let found = self
            .ask(&call.scope, Method::GET, &path, "", String::new())
            .await?;
        if !found.status().is_success() {
            return Ok(String::new());
        }
        Ok(String::from_utf8(found.body().to_vec())?)
    }

    /// Whether there is a queue or topic of this ARN, in the caller's account and region.
    pub(super) async fn has_target(&self, scope: &Scope, arn: &str) -> Result<bool> {
        let parts: Vec<&str> = arn.split(':').collect();
        let [_, _, service, _, _, name] = parts.as_slice() else {
            return Ok(false);
        };
        let form = match *service {
            "sqs" => format!("Action=GetQueueUrl&Version=2012-11-05&QueueName={name}"),
            "sns" => format!("Action=GetTopicAttributes&Version=2010-03-31&TopicArn={arn}"),
            // Functions run in containers, which tests do not have.
            _ => return Ok(true),
        };
        let scope = Scope {
            service: (*service).to_owned(),
            ..scope.clone()
        };
        let content = "application/x-www-form-urlencoded";
        let answer = self.ask(&scope, Method::POST, "/", content, form).await?;
        Ok(answer.status().is_success())
    }

    /// Removes a bucket that was just made.
    pub(super) async fn unmake(&self, call: &S3Call) -> Result<()> {
        let path = format!("/{}", call.bucket);
        let removed = self
            .ask(&call.scope, Method::DELETE, &path, "", String::new())
            .await?;
        ensure!(
            removed.status().is_success(),
            "moto answered {}",
            removed.status()
        );
        Ok(())
    }

    async fn region(&self, call: &S3Call) -> Result<Option<String>> {
        let path = format!("/{}", call.bucket);
        let head = self
            .ask(&call.scope, Method::HEAD, &path, "", String::new())
            .await?;
        if head.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let region = head.headers().get("x-amz-bucket-region");
        let region = region.with_context(|| {
            let (bucket, status) = (&call.bucket, head.status());
            format!("moto answered {status} without a region to HeadBucket of {bucket}")
        })?;
        Ok(Some(region.to_str()?.to_owned()))
    }

    /// Whether the caller's account owns the bucket and it is in this region.
    async fn lists(&self, call: &S3Call, region: &str) -> Result<bool> {
        let path = format!("/?prefix={}&bucket-region={region}", call.bucket);
        let listed = self
            .ask(&call.scope, Method::GET, &path, "", String::new())
            .await?;
        let buckets: ListBuckets = read(&listed)?;
        Ok(buckets
            .buckets
            .bucket
            .iter()
            .any(|bucket| bucket.name == call.bucket))
    }

    async fn account(&self, scope: &Scope) -> Result<String> {
        if let Some(known) = self.accounts.lock().get(&scope.access_key) {
            return Ok(known.clone());
        }
        let sts = Scope {
            service: "sts".into(),
            ..scope.clone()
        };
        let form = "application/x-www-form-urlencoded";
        let action = "Action=GetCallerIdentity&Version=2011-06-15".to_owned();
        let answer = self.ask(&sts, Method::POST, "/", form, action).await?;
        let account = read::<GetCallerIdentity>(&answer)?.result.account;
        let key = scope.access_key.clone();
        self.accounts.lock().insert(key, account.clone());
        Ok(account)
    }

    pub(super) async fn ask(
        &self,
        scope: &Scope,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<Response<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, scope.authorization());
        if !content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.forwarder.ask(request.body(body.into())?).await
    }
}

pub(super) fn read<'a, T: Deserialize<'a>>(answer: &'a Response<Bytes>) -> Result<T> {
    let text = std::str::from_utf8(answer.body())?;
    quick_xml::de::from_str(text).with_context(|| {
        format!(
            "moto's answer ({}) is not understood: {text}",
            answer.status()
        )
    })
}

#[derive(Deserialize)]
struct ListBuckets {
    #[serde(rename = "Buckets")]
    buckets: Buckets,
}

#[derive(Deserialize)]
struct Buckets {
    #[serde(rename = "Bucket", default)]
    bucket: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "Name")]
    name: String,
}

#[derive(Deserialize)]
struct GetCallerIdentity {
    #[serde(rename = "GetCallerIdentityResult")]
    result: Identity,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "Account")]
    account: String,
}
