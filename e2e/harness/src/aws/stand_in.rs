//! Amazon S3 and STS in this process, for more buckets than moto can bear.
//!
//! It stands under the same [`overlay`] as moto does, so that what AWS demands and refuses is written down once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;

use super::operation::{Scope, classify};
use super::overlay::kept::{Kept, Without, document, element, kept};
use super::overlay::{self, judged::JUDGED};
use super::refusal;
use super::s3::S3Call;
use crate::proxy::{Answer, Upstream, answer};

/// The parts that its buckets have. Where AWS documents what it answers where there is nothing: API Reference, the
/// page of the `Get…` operation.
static PARTS: [Kept; 6] = [
    kept("tagging", "Tagging", Without::Code("NoSuchTagSet")),
    kept("versioning", "VersioningConfiguration", Without::Empty("")),
    kept(
        "encryption",
        "ServerSideEncryptionConfiguration",
        // Which the overlay corrects to what AWS encrypts with by itself.
        Without::Code("ServerSideEncryptionConfigurationNotFoundError"),
    ),
    kept(
        "publicAccessBlock",
        "PublicAccessBlockConfiguration",
        Without::Code("NoSuchPublicAccessBlockConfiguration"),
    ),
    kept(
        "ownershipControls",
        "OwnershipControls",
        Without::Code("OwnershipControlsNotFoundError"),
    ),
    kept(
        "lifecycle",
        "LifecycleConfiguration",
        Without::Code("NoSuchLifecycleConfiguration"),
    ),
];

/// Buckets without objects, kept in memory as they are written, with tags, versioning, encryption, a public access
/// block, ownership controls and lifecycle rules; and who asks for them (`GetCallerIdentity`). Everything else is
/// refused: `NotImplemented` (501). Answers take no time.
///
/// It believes every signature. An access key whose last twelve characters are digits belongs to the account of that
/// number.
///
/// Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct StandIn {
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Debug)]
struct Bucket {
    account: String,
    region: String,
    /// The XML of each part that was written, by the query that names it.
    parts: BTreeMap<&'static str, String>,
}

impl StandIn {
    /// A part of a bucket (`versioning`) as XML; `None` where there is no such bucket, or it has no such part.
    pub fn part(&self, bucket: &str, part: &str) -> Option<String> {
        self.buckets.lock().get(bucket)?.parts.get(part).cloned()
    }

    /// Replaces a part of a bucket by this XML, as somebody would who does not call through the proxy.
    ///
    /// # Errors
    /// When there is no such bucket, or buckets have no such part.
    pub fn set_part(&self, bucket: &str, part: &str, xml: String) -> Result<()> {
        let found = PARTS.iter().find(|it| it.part == part);
        let part = found.with_context(|| format!("buckets have no part {part}"))?;
        let mut buckets = self.buckets.lock();
        let found = buckets.get_mut(bucket);
        let bucket = found.with_context(|| format!("there is no bucket {bucket}"))?;
        bucket.parts.insert(part.part, xml);
        Ok(())
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        match S3Call::of(request) {
            Some(call) => {
                let answered = self.about_bucket(&call, request.method());
                let mut corrections = overlay::corrections();
                match corrections.find(|it| it.operation == call.operation) {
                    Some(it) => (it.correct)(answered),
                    None => answered,
                }
            }
            None => match (Scope::of(request), classify(request).1.as_str()) {
                (Some(scope), "GetCallerIdentity") => caller_identity(&scope),
                (_, other) => not_implemented(other),
            },
        }
    }

    fn about_bucket(&self, call: &S3Call, method: &Method) -> Response<Bytes> {
        let caller = account_of(&call.scope);
        let mut buckets = self.buckets.lock();
        if call.operation == "CreateBucket" {
            return create(&mut buckets, call, caller);
        }
        let Some(bucket) = buckets.get_mut(&call.bucket) else {
            let message = "The specified bucket does not exist";
            return refusal::s3(StatusCode::NOT_FOUND, "NoSuchBucket", message);
        };
        let seen = overlay::Bucket {
            region: bucket.region.clone(),
            owned: bucket.account == caller,
            caller,
        };
        if let Some(refused) = overlay::guards().find_map(|guard| guard(call, &seen)) {
            return refused;
        }
        if let Some(refused) = bucket.judge(call) {
            return refused;
        }
        let part = PARTS.iter().find(|it| names(&call.query, it.part));
        match (part, call.operation.as_str()) {
            (Some(part), _) if call.key.is_empty() => bucket.about(part, call, method),
            (_, "HeadBucket") => seen.with_region(Response::new(Bytes::new())),
            (_, "DeleteBucket") => {
                buckets.remove(&call.bucket);
                done(StatusCode::NO_CONTENT)
            }
            (_, other) => not_implemented(other),
        }
    }
}

impl Bucket {
    /// A refusal on account of what the bucket has.
    fn judge(&self, call: &S3Call) -> Option<Response<Bytes>> {
        let judged = JUDGED.iter().find(|it| it.operation == call.operation)?;
        let part = |part: &&str| self.parts.get(part).cloned().unwrap_or_default();
        let seen: Vec<String> = judged.sees.iter().map(part).collect();
        (judged.judge)(call, &seen)
    }

    /// Reads, writes or removes a part.
    fn about(&mut self, part: &Kept, call: &S3Call, method: &Method) -> Response<Bytes> {
        match *method {
            Method::GET => match self.parts.get(part.part) {
                Some(xml) => document(xml),
                None => part.nothing(),
            },
            Method::PUT => match std::str::from_utf8(&call.body).map(|it| element(it, part.root)) {
                Ok(Some(xml)) => {
                    self.parts.insert(part.part, xml.to_owned());
                    // API Reference, `PutBucketTagging`, "Response Syntax"; the other parts answer 200.
                    done(match part.part {
                        "tagging" => StatusCode::NO_CONTENT,
                        _ => StatusCode::OK,
                    })
                }
                _ => {
                    let message = "The XML you provided was not well-formed";
                    refusal::s3(StatusCode::BAD_REQUEST, "MalformedXML", message)
                }
            },
            Method::DELETE if matches!(part.without, Without::Code(_)) => {
                self.parts.remove(part.part);
                done(StatusCode::NO_CONTENT)
            }
            _ => not_implemented(&call.operation),
        }
    }
}

impl Upstream for StandIn {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Answer>> {
        let answered = answer(self.answer(&request));
        Box::pin(async move { Ok(answered) })
    }
}

/// API Reference, `CreateBucket`, "Errors".
fn create(
    buckets: &mut HashMap<String, Bucket>,
    call: &S3Call,
    account: String,
) -> Response<Bytes> {
    let conflict = |code, message| refusal::s3(StatusCode::CONFLICT, code, message);
    match buckets.get(&call.bucket) {
        Some(bucket) if bucket.account == account => {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return conflict("BucketAlreadyOwnedByYou", message);
        }
        Some(_) => {
            let message = "The requested bucket name is not available.";
            return conflict("BucketAlreadyExists", message);
        }
        None => {}
    }
    let mut parts = BTreeMap::new();
    for complete in overlay::completions() {
        match complete(call) {
            Ok(Some(setting)) => {
                parts.insert(setting.part, setting.body);
            }
            Ok(None) => {}
            Err(refused) => return *refused,
        }
    }
    let region = call.scope.region.clone();
    let bucket = Bucket {
        account,
        region,
        parts,
    };
    buckets.insert(call.bucket.clone(), bucket);
    done(StatusCode::OK)
}

/// STS API Reference, `GetCallerIdentity`, "Example".
fn caller_identity(scope: &Scope) -> Response<Bytes> {
    let account = account_of(scope);
    refusal::xml(
        StatusCode::OK,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{account}:user/somebody</Arn><UserId>AIDASOMEBODY</UserId><Account>{account}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

fn not_implemented(operation: &str) -> Response<Bytes> {
    let message = format!("the stand-in for AWS does not know {operation}");
    refusal::s3(StatusCode::NOT_IMPLEMENTED, "NotImplemented", &message)
}

fn done(status: StatusCode) -> Response<Bytes> {
    let mut done = Response::new(Bytes::new());
    *done.status_mut() = status;
    done
}

fn account_of(scope: &Scope) -> String {
    let key = scope.access_key.as_str();
    let last = key.len().checked_sub(12).and_then(|at| key.get(at..));
    let digits = last.filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    digits.unwrap_or("123456789012").to_owned()
}

/// Whether the query names this part.
fn names(query: &str, part: &str) -> bool {
    let mut names = query.split('&').map(|pair| pair.split('=').next());
    names.any(|name| name == Some(part))
}
