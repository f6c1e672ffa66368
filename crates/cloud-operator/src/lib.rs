//! AWS accounts and resources as Kubernetes objects.

pub mod aws;
pub mod provider;
pub mod s3bucket;
