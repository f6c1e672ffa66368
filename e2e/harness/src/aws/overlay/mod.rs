//! What AWS does and moto does not. An entry is pure and has a file of its own; the [`TABLE`] has
//! them all. What moto loses is [`kept`], and what it should refuse is [`judged`].

mod bucket_name;
mod create_tags;
mod default_encryption;
mod default_ownership;
mod default_public_access_block;
mod default_retention;
mod expected_owner;
mod foreign_account;
pub(super) mod judged;
mod keeper;
pub(super) mod kept;
mod notified;
mod server;
mod system_tags;
mod versioning;
mod wrong_region;

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::RwLock;

use super::refusal;
use super::s3::S3Call;
use crate::proxy::{Answer, Forwarder, Upstream, answer, whole};
use judged::JUDGED;
use keeper::Keeper;
use kept::{Kept, Without};
use server::Server;

/// One thing that AWS does.
enum Entry {
    Guard(Guard),
    Complete(Complete),
    Correct(Correct),
}

/// Answers a request about a bucket that exists, or lets it pass.
pub(super) type Guard = fn(&S3Call, &Bucket) -> Option<Response<Bytes>>;
/// Says what moto must be told about a bucket that it has just made; an `Err` refuses its making.
pub(super) type Complete = fn(&S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>>;
/// Puts AWS's answer to an operation in the place of moto's.
pub(super) struct Correct {
    pub(super) operation: &'static str,
    pub(super) correct: fn(Response<Bytes>) -> Response<Bytes>,
}

/// In the order in which they act.
static TABLE: [Entry; 11] = [
    Entry::Guard(wrong_region::redirect),
    Entry::Guard(foreign_account::deny),
    Entry::Guard(expected_owner::check),
    Entry::Complete(bucket_name::check),
    Entry::Complete(create_tags::tags),
    Entry::Complete(default_ownership::controls),
    Entry::Complete(default_public_access_block::block),
    Entry::Correct(default_encryption::CORRECT),
    Entry::Correct(default_retention::CORRECT),
    Entry::Correct(versioning::CORRECT),
    Entry::Correct(system_tags::CORRECT),
];

/// What a guard knows about the request's bucket.
pub(super) struct Bucket {
    pub(super) region: String,
    /// The account of the request's credential.
    pub(super) caller: String,
    /// Whether that account owns the bucket.
    pub(super) owned: bool,
}

impl Bucket {
    /// What AWS says to whom it denies the bucket. The region is no secret: API Reference,
    /// `HeadBucket`.
    fn denied(&self) -> Response<Bytes> {
        let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
        self.with_region(denied)
    }

    pub(super) fn with_region(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let region = HeaderValue::from_str(&self.region).expect("it came in a header");
        response.headers_mut().insert("x-amz-bucket-region", region);
        response
    }
}

/// A part of a bucket's configuration: the query that names it, and its XML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) part: &'static str,
    pub(super) body: String,
}

/// The overlay over a moto server.
#[derive(Clone)]
pub(super) struct Overlay {
    server: Arc<Server>,
    keeper: Arc<Keeper>,
    /// Written while a bucket is made in several steps: nobody sees it half made.
    whole_buckets: Arc<RwLock<()>>,
    /// Whether the request that makes a bucket is heard in what it says of tags.
    tags_at_creation: bool,
}

impl Overlay {
    pub(super) fn new(server: Forwarder<HttpConnector>) -> Self {
        Self {
            server: Arc::new(Server::new(server)),
            keeper: Arc::new(Keeper::new()),
            whole_buckets: Arc::default(),
            tags_at_creation: true,
        }
    }

    pub(super) fn without_tags_at_creation(self) -> Self {
        Self {
            tags_at_creation: false,
            ..self
        }
    }

    async fn handle(self, request: Request<Bytes>) -> Result<Answer> {
        let call = S3Call::of(&request);
        if let Some(call) = call
            .as_ref()
            .filter(|call| call.operation == "CreateBucket")
        {
            let _alone = self.whole_buckets.write().await;
            let heard = match self.tags_at_creation {
                true => call.clone(),
                // Nothing but tags is read of it.
                false => S3Call {
                    body: Bytes::new(),
                    ..call.clone()
                },
            };
            return Ok(answer(self.create(&heard, request).await?));
        }
        let _whole = self.whole_buckets.read().await;
        match call {
            Some(call) => self.about_bucket(&call, request).await,
            None => self.server.pass(request).await,
        }
    }

    async fn about_bucket(&self, call: &S3Call, request: Request<Bytes>) -> Result<Answer> {
        let bucket = self.server.bucket(call).await?;
        if let Some(bucket) = &bucket
            && let Some(refusal) = guards().find_map(|guard| guard(call, bucket))
        {
            return Ok(answer(refusal));
        }
        if bucket.is_some()
            && let Some(judged) = JUDGED.iter().find(|it| it.operation == call.operation)
        {
            let mut seen = Vec::new();
            for part in judged.sees {
                seen.push(self.part(call, part).await?);
            }
            if let Some(refusal) = (judged.judge)(call, &seen) {
                return Ok(answer(refusal));
            }
        }
        if call.key.is_empty()
            && let Some(kept) = Kept::of(&call.query)
        {
            let kept = match bucket {
                Some(_) => self.keep(call, kept, request.method()).await?,
                None => {
                    let message = "The specified bucket does not exist";
                    refusal::s3(StatusCode::NOT_FOUND, "NoSuchBucket", message)
                }
            };
            return Ok(answer(kept));
        }
        let request = match system_tags::hide(call) {
            Some(body) => with_body(request, body),
            None => request,
        };
        let reply = self.server.pass(request).await?;
        if call.operation == "DeleteBucket" && reply.status().is_success() {
            self.keeper.forget(&self.server, &call.bucket).await?;
        }
        match corrections().find(|it| it.operation == call.operation) {
            Some(it) => Ok(answer((it.correct)(whole(reply).await?))),
            None => Ok(reply),
        }
    }

    /// A part of the bucket as XML; empty where it has none.
    async fn part(&self, call: &S3Call, part: &str) -> Result<String> {
        match Kept::of(part) {
            None => self.server.part(call, part).await,
            Some(_) => {
                let found = self
                    .keeper
                    .get(&self.server, &call.bucket, part, "")
                    .await?;
                Ok(found.unwrap_or_default())
            }
        }
    }

    /// Reads, writes or removes what the overlay keeps.
    async fn keep(&self, call: &S3Call, kept: &Kept, method: &Method) -> Result<Response<Bytes>> {
        let Self { server, keeper, .. } = self;
        let (bucket, part, id) = (&*call.bucket, kept.part, call.parameter("id"));
        match *method {
            Method::PUT => {
                let body = std::str::from_utf8(&call.body)?;
                let Some(xml) = kept::element(body, kept.root) else {
                    let message = "The XML you provided was not well-formed";
                    return Ok(refusal::s3(
                        StatusCode::BAD_REQUEST,
                        "MalformedXML",
                        message,
                    ));
                };
                for arn in notified::targets(kept, xml) {
                    if !server.has_target(&call.scope, arn).await? {
                        return Ok(notified::refusal());
                    }
                }
                keeper.put(server, bucket, part, id, xml.to_owned()).await?;
                if let Some(beside) = &kept.beside {
                    let said = beside.said(call);
                    keeper.put(server, bucket, beside.name, id, said).await?;
                }
                Ok(Response::new(Bytes::new()))
            }
            Method::DELETE => {
                keeper.remove(server, bucket, part, id).await?;
                let mut done = Response::new(Bytes::new());
                *done.status_mut() = StatusCode::NO_CONTENT;
                Ok(done)
            }
            _ if matches!(kept.without, Without::Listed(_)) && id.is_empty() => {
                let mut all = Vec::new();
                for id in keeper.ids(server, bucket, part).await? {
                    all.extend(keeper.get(server, bucket, part, &id).await?);
                }
                let from = call.parameter("continuation-token").parse().unwrap_or(0);
                Ok(kept.page(&all, from))
            }
            _ => {
                let Some(xml) = keeper.get(server, bucket, part, id).await? else {
                    return Ok(kept.nothing());
                };
                let mut found = kept::document(&xml);
                if let Some(beside) = &kept.beside
                    && let Some(said) = keeper.get(server, bucket, beside.name, id).await?
                {
                    let said = HeaderValue::from_str(&said)?;
                    found.headers_mut().insert(beside.name, said);
                }
                Ok(found)
            }
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
        // Somebody may have removed an earlier bucket of this name behind the overlay's back.
        self.keeper.forget(&self.server, &call.bucket).await?;
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

/// The request with another body, of which nothing of before is said any more.
fn with_body(request: Request<Bytes>, body: String) -> Request<Bytes> {
    let (mut head, _) = request.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    Request::from_parts(head, body.into())
}

pub(super) fn guards() -> impl Iterator<Item = Guard> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Guard(guard) => Some(*guard),
        _ => None,
    })
}

pub(super) fn completions() -> impl Iterator<Item = Complete> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Complete(complete) => Some(*complete),
        _ => None,
    })
}

pub(super) fn corrections() -> impl Iterator<Item = &'static Correct> {
    TABLE.iter().filter_map(|entry| match entry {
        Entry::Correct(correct) => Some(correct),
        _ => None,
    })
}
