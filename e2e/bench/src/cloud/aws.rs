//! The AWS end: what was asked of it and when, and somebody else who changes what is there.

use std::{collections::BTreeMap, future::ready};

use anyhow::{Context, Result, ensure};
use harness::{
    AwsProxy,
    aws::StandIn,
    proxy::{Point, Verb, Verdict},
};
use operator_core::decide::clock::{Clock, Moment};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use super::PATIENCE;

/// The calls of one look at a whole bucket of this measure: one each.
pub const LOOK: [&str; 6] = [
    "HeadBucket",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketEncryption",
    "GetPublicAccessBlock",
    "GetBucketLifecycleConfiguration",
];

/// How often each operation was asked for.
pub type Calls = BTreeMap<String, usize>;

/// S3 and STS in this process.
pub struct Aws {
    stand_in: StandIn,
    proxy: AwsProxy,
    writes: UnboundedReceiver<Write>,
}

/// A write that has just taken effect.
pub struct Write {
    pub bucket: String,
    pub at: Moment,
}

impl Aws {
    pub async fn start(clock: &Clock) -> Result<Self> {
        let stand_in = StandIn::default();
        let proxy = AwsProxy::before(&stand_in).await?;
        let (written, writes) = mpsc::unbounded_channel();
        let clock = clock.clone();
        proxy.proxy().on_request(move |point, call| {
            if point == Point::After && call.verb == Verb::Write {
                let bucket = call.path.trim_matches('/').to_owned();
                // Nobody listens any more: the measure is over.
                let _ = written.send(Write {
                    bucket,
                    at: clock.now(),
                });
            }
            ready(Verdict::Pass)
        });
        Ok(Self {
            stand_in,
            proxy,
            writes,
        })
    }

    pub fn url(&self) -> String {
        self.proxy.url()
    }

    /// From now on only what happens from now on counts.
    pub fn forget(&mut self) {
        self.proxy.proxy().clear();
        while self.writes.try_recv().is_ok() {}
    }

    /// The next write.
    pub async fn write(&mut self) -> Result<Write> {
        let next = timeout(PATIENCE, self.writes.recv()).await;
        next.context("nothing is written")?.context("no proxy")
    }

    /// When the next write to this bucket has taken effect.
    pub async fn written(&mut self, bucket: &str) -> Result<Moment> {
        loop {
            let write = self.write().await?;
            if write.bucket == bucket {
                return Ok(write.at);
            }
        }
    }

    /// What was asked about buckets.
    pub fn calls(&self) -> Calls {
        let counts = self.proxy.proxy().counts();
        let of_buckets = counts
            .iter()
            .filter(|(_, it, _)| *it != "GetCallerIdentity");
        of_buckets
            .map(|(_, operation, count)| (operation.to_owned(), count))
            .collect()
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.proxy.proxy().counts().of(Verb::Write)
    }

    /// Whether so many buckets were looked at as a whole.
    pub fn looked_at(&self, buckets: usize) -> bool {
        let counts = self.proxy.proxy().counts();
        let mut calls = LOOK.iter().map(|it| counts.about(Verb::Read, it));
        calls.all(|count| count >= buckets)
    }

    /// Somebody else sets a tag of a bucket to something else.
    pub fn spoil_tags(&self, bucket: &str) -> Result<()> {
        let tags = self.stand_in.part(bucket, "tagging");
        let tags = tags.with_context(|| format!("{bucket} has no tags"))?;
        let (ours, theirs) = ("<Value>platform</Value>", "<Value>spoiled</Value>");
        ensure!(tags.contains(ours), "{bucket}: {tags}");
        let spoiled = tags.replace(ours, theirs);
        self.stand_in.set_part(bucket, "tagging", spoiled)
    }

    /// Somebody else suspends a bucket's versioning.
    pub fn spoil_versioning(&self, bucket: &str) -> Result<()> {
        let suspended =
            "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        self.stand_in
            .set_part(bucket, "versioning", suspended.to_owned())
    }

    /// Refuses to go on where the operator has asked for what the stand-in does not know.
    pub fn check(&self) -> Result<()> {
        let traffic = self.proxy.proxy().traffic();
        let unknown: Vec<_> = traffic.keys().filter(|kind| kind.status == 501).collect();
        ensure!(
            unknown.is_empty(),
            "the stand-in for AWS does not know {unknown:?}"
        );
        Ok(())
    }
}
