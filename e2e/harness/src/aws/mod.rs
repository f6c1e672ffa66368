//! The proxy before AWS's stand-ins: moto, or one of our own in this process.

mod operation;
mod overlay;
pub mod permission;
pub mod refusal;
mod s3;
mod stand_in;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;

use crate::proxy::{Forwarder, Proxy};
use overlay::Overlay;
pub use stand_in::StandIn;

/// A [`Proxy`] before a moto server, which also supplies what AWS does and moto does not:
///
/// | what AWS does | where AWS documents it |
/// |---|---|
/// | a bucket is created with tags | API Reference, `CreateBucketConfiguration`, `Tags` |
/// | a bucket in another region redirects (301) | API Reference, "Error responses", `PermanentRedirect` |
/// | a bucket of another account is denied (403) | User Guide, "Identity and access management in Amazon S3" |
/// | the expected bucket owner is checked (403) | User Guide, "Verifying bucket ownership with bucket owner condition" |
/// | a bucket is always encrypted | User Guide, "Setting default server-side encryption behavior for Amazon S3 buckets" |
/// | a new bucket enforces its owner's ownership | User Guide, "Setting Object Ownership when you create a bucket" |
/// | a new bucket blocks public access | User Guide, "Default settings for new S3 buckets FAQ" |
/// | lifecycle rules keep sizes and `NewerNoncurrentVersions`, and their ids differ | API Reference, `LifecycleRule` |
/// | replication rules keep their filters, and need versioning | API Reference, `PutBucketReplication` |
/// | notifications go to EventBridge too, and only to targets that are there | API Reference, `PutBucketNotificationConfiguration` |
/// | acceleration, request payment, ABAC, Intelligent-Tiering, metrics, inventories and analytics are configured | API Reference, their `Put…` and `List…` operations |
/// | a policy is well-formed, and public only where that is not blocked | User Guide, "Blocking public access to your Amazon S3 storage" |
/// | ACLs are refused where the owner's ownership is enforced or public ones are blocked | User Guide, "Controlling ownership of objects and disabling ACLs for your bucket" |
/// | object lock and replication keep versioning on | User Guide, "Using versioning in S3 buckets" |
/// | tags of AWS's own (`aws:`) stay with a bucket, and are sent along with the others (400); a test makes them by the header `x-overlay-by-aws` | API Reference, `PutBucketTagging`, "InvalidTag" |
/// | tags are not replaced while ABAC is enabled | API Reference, `PutBucketAbac` |
/// | versioning is answered as a `VersioningConfiguration` | API Reference, `GetBucketVersioning` |
///
/// What it adds, it keeps in moto: several proxies before one moto, and a proxy after another,
/// agree. Only signed requests (`Authorization` header) are treated so; a bucket policy that lets
/// another account in is not modelled.
#[derive(Clone, Debug)]
pub struct AwsProxy {
    proxy: Proxy,
}

impl AwsProxy {
    /// Starts a proxy before the moto server at this URL, `http://HOST:PORT`.
    ///
    /// # Errors
    /// When the URL is not of that form, or no port of 127.0.0.1 is free.
    pub async fn start(moto: &str) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), moto).await
    }

    /// The same on a port of this address, which must be one of a network that the test made, or that somebody has named
    /// for it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_at(address: IpAddr, moto: &str) -> Result<Self> {
        let overlay = Overlay::new(Forwarder::plain(moto)?);
        let proxy = Proxy::start_at(address, overlay, operation::classify).await?;
        Ok(Self { proxy })
    }

    /// As [`start`](Self::start), for a store other than AWS's that hears nothing of the tags with which a bucket is to
    /// be created.
    ///
    /// # Errors
    /// As there.
    pub async fn of_a_store_without_tags_at_creation(moto: &str) -> Result<Self> {
        let overlay = Overlay::new(Forwarder::plain(moto)?).without_tags_at_creation();
        let proxy = Proxy::start(overlay, operation::classify).await?;
        Ok(Self { proxy })
    }

    /// Starts a proxy before AWS's stand-in in this process.
    ///
    /// # Errors
    /// When no port of 127.0.0.1 is free.
    pub async fn before(stand_in: &StandIn) -> Result<Self> {
        let proxy = Proxy::start(stand_in.clone(), operation::classify).await?;
        Ok(Self { proxy })
    }

    /// The endpoint URL for AWS clients. S3 clients use path style.
    pub fn url(&self) -> String {
        self.proxy.url()
    }

    /// The proxy itself: its records and its rules.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}
