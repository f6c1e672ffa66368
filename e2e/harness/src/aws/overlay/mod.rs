//! What AWS does and moto does not. An entry is pure and has a file of its own; the [`TABLE`] has
//! them all.

mod create_tags;
mod default_encryption;
mod default_ownership;
mod default_public_access_block;
mod expected_owner;
mod foreign_account;
mod server;
mod versioning;
mod wrong_region;

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::RwLock;

use super::refusal;
use super::s3::S3Call;
use crate::proxy::{Answer, Forwarder, Upstream, answer, whole};
use server::Server;

/// One thing that AWS does.
enum Entry {
    Guard(Guard),
    Complete(Complete),
    Correct(Correct),
}

/// Answers a request about a bucket that exists, or lets it pass.
type Guard = fn(&S3Call, &Bucket) -> Option<Response<Bytes>>;
/// Says what moto must be told about a bucket that it has just made; an `Err` refuses its making.
type Complete = fn(&S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>>;
/// Puts AWS's answer to an operation in the place of moto's.
struct Correct {
    operation: &'static str,
    correct: fn(Response<Bytes>) -> Response<Bytes>,
}

/// In the order in which they act.
static TABLE: [Entry; 8] = [
    Entry::Guard(wrong_region::redirect),
    Entry::Guard(foreign_account::deny),
    Entry::Guard(expected_owner::check),
    Entry::Complete(create_tags::tags),
    Entry::Complete(default_ownership::controls),
    Entry::Complete(default_public_access_block::block),
    Entry::Correct(default_encryption::CORRECT),
    Entry::Correct(versioning::CORRECT),
];

/// What a guard knows about the request's bucket.
struct Bucket {
    region: String,
    /// The account of the request's credential.
    caller: String,
    /// Whether that account owns the bucket.
    owned: bool,
}

impl Bucket {
    /// What AWS says to whom it denies the bucket. The region is no secret: API Reference,
    /// `HeadBucket`.
    fn denied(&self) -> Response<Bytes> {
        let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
        self.with_region(denied)
    }

    fn with_region(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let region = HeaderValue::from_str(&self.region).expect("it came in a header");
        response.headers_mut().insert("x-amz-bucket-region", region);
        response
    }
}

/// A part of a bucket's configuration: the query that names it, and its XML.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    part: &'static str,
    body: String,
}

/// The overlay over a moto server.
#[derive(Clone)]
pub(super) struct Overlay {
    server: Arc<Server>,
    /// Written while a bucket is made in several steps: nobody sees it half made.
    whole_buckets: Arc<RwLock<()>>,
}

impl Overlay {
    pub(super) fn new(server: Forwarder<HttpConnector>) -> Self {
        Self {
            server: Arc::new(Server::new(server)),
            whole_buckets: Arc::default(),
        }
    }

    async fn handle(self, request: Request<Bytes>) -> Result<Answer> {
        let call = S3Call::of(&request);
        if let Some(call) = call
            .as_ref()
            .filter(|call| call.operation == "CreateBucket")
        {
            let _alone = self.whole_buckets.write().await;
            return Ok(answer(self.create(call, request).await?));
        }
        let _whole = self.whole_buckets.read().await;
        match call {
            Some(call) => self.about_bucket(&call, request).await,
            None => self.server.pass(request).await,
        }
    }

    async fn about_bucket(&self, call: &S3Call, request: Request<Bytes>) -> Result<Answer> {
        if let Some(bucket) = self.server.bucket(call).await?
            && let Some(refusal) = guards().find_map(|guard| guard(call, &bucket))
        {
            return Ok(answer(refusal));
        }
        let reply = self.server.pass(request).await?;
        match corrections().find(|it| it.operation == call.operation) {
            Some(it) => Ok(answer((it.correct)(whole(reply).await?))),
            None => Ok(reply),
        }
    }

    async fn create(&self, call: &S3Call, request: Request<Bytes>) -> Result<Response<Bytes>> {
        // In us-east-1 the owner may create a bucket again: nothing changes then.
        let new = !self.server.exists(call).await?;
        let mut settings = Vec::new();
        for complete in completions() {
            match complete(call) {
                Ok(setting) => settings.extend(setting),
                Err(refusal) => return Ok(*refusal),
            }
        }
        let created = whole(self.server.pass(request).await?).await?;
        if !new || !created.status().is_success() {
            return Ok(created);
        }
        for setting in settings {
            let told = self.server.tell(call, &setting).await?;
            if !told.status().is_success() {
                // To AWS it is one request: a bucket that is refused was never made.
                let unmade = self.server.unmake(call).await;
                unmade.with_context(|| format!("bucket {} stays half made", call.bucket))?;
                return Ok(told);
            }
        }
        Ok(created)
    }
}

impl Upstream for Overlay {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Answer>> {
        Box::pin(self.clone().handle(request))
    }
}

fn guards() -> impl Iterator<Item = Guard> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Guard(guard) => Some(*guard),
        _ => None,
    })
}

fn completions() -> impl Iterator<Item = Complete> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Complete(complete) => Some(*complete),
        _ => None,
    })
}

fn corrections() -> impl Iterator<Item = &'static Correct> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Correct(correct) => Some(correct),
        _ => None,
    })
}
