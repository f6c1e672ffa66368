//! The calls to S3 that this operator makes, each by the IAM action that grants it.
//!
//! Reads are free. Writes are only to be had with a [`Leading`], which fences every one of them.

use aws_sdk_s3::{
    Client,
    operation::{
        create_bucket::builders::CreateBucketFluentBuilder,
        delete_bucket::builders::DeleteBucketFluentBuilder,
        delete_bucket_encryption::builders::DeleteBucketEncryptionFluentBuilder,
        get_bucket_encryption::GetBucketEncryptionOutput,
        get_bucket_ownership_controls::GetBucketOwnershipControlsOutput,
        get_bucket_tagging::GetBucketTaggingOutput,
        get_bucket_versioning::GetBucketVersioningOutput,
        get_public_access_block::GetPublicAccessBlockOutput, head_bucket::HeadBucketOutput,
        put_bucket_encryption::builders::PutBucketEncryptionFluentBuilder,
        put_bucket_ownership_controls::builders::PutBucketOwnershipControlsFluentBuilder,
        put_bucket_tagging::builders::PutBucketTaggingFluentBuilder,
        put_bucket_versioning::builders::PutBucketVersioningFluentBuilder,
        put_public_access_block::builders::PutPublicAccessBlockFluentBuilder,
    },
};
use operator_core::cluster::leading::Leading;

use super::{bucket::Bucket, failure::Failed, fault::Call, fence::fenced, session::Session};

/// Calls that change nothing, on one bucket.
#[derive(Clone, Debug)]
pub struct Reads<'a> {
    client: Client,
    bucket: &'a Bucket,
}

/// Calls that change something, on one bucket.
#[derive(Clone, Debug)]
pub struct Writes<'a> {
    client: Client,
    bucket: &'a Bucket,
    leading: &'a Leading,
}

impl Session {
    /// Reads of `bucket`.
    pub fn reads<'a>(&self, bucket: &'a Bucket) -> Reads<'a> {
        Reads {
            client: self.s3(&bucket.region),
            bucket,
        }
    }

    /// Writes to `bucket`.
    pub fn writes<'a>(&self, leading: &'a Leading, bucket: &'a Bucket) -> Writes<'a> {
        Writes {
            client: self.s3(&bucket.region),
            bucket,
            leading,
        }
    }
}

/// Every call names the account that we think owns the bucket, so that a bucket of this name that somebody
/// else has created meanwhile is never taken for ours (Amazon S3 User Guide, "Verifying bucket ownership").
macro_rules! reads {
    ($($(#[$doc:meta])* $method:ident = $action:literal -> $output:ty;)*) => {
        impl Reads<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// AWS's answer, or why there was none.
                pub async fn $method(&self) -> Result<$output, Failed> {
                    let call = self.client.$method().bucket(self.bucket.name.as_ref()).expected_bucket_owner(self.bucket.account.as_ref());
                    call.send().await.map_err(|error| Failed::new(Call::read($action), error))
                }
            )*
        }
    };
}

macro_rules! writes {
    ($($(#[$doc:meta])* $method:ident = $action:literal, $builder:ty;)*) => {
        impl Writes<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// AWS's answer, or why there was none; also when this replica no longer leads.
                pub async fn $method(&self, fill: impl FnOnce($builder) -> $builder) -> Result<(), Failed> {
                    let call = self.client.$method().bucket(self.bucket.name.as_ref()).expected_bucket_owner(self.bucket.account.as_ref());
                    fenced(self.leading, Call::write($action), fill(call).send()).await
                }
            )*
        }
    };
}

reads! {
    /// Whether the bucket is there and within reach.
    head_bucket = "s3:ListBucket" -> HeadBucketOutput;
    /// Its tags.
    get_bucket_tagging = "s3:GetBucketTagging" -> GetBucketTaggingOutput;
    /// Its versioning.
    get_bucket_versioning = "s3:GetBucketVersioning" -> GetBucketVersioningOutput;
    /// Its default encryption.
    get_bucket_encryption = "s3:GetEncryptionConfiguration" -> GetBucketEncryptionOutput;
    /// Its public access block.
    get_public_access_block = "s3:GetBucketPublicAccessBlock" -> GetPublicAccessBlockOutput;
    /// Its object ownership.
    get_bucket_ownership_controls = "s3:GetBucketOwnershipControls" -> GetBucketOwnershipControlsOutput;
}

writes! {
    /// Deletes the bucket, which must be empty.
    delete_bucket = "s3:DeleteBucket", DeleteBucketFluentBuilder;
    /// Replaces all tags.
    put_bucket_tagging = "s3:PutBucketTagging", PutBucketTaggingFluentBuilder;
    /// Sets versioning.
    put_bucket_versioning = "s3:PutBucketVersioning", PutBucketVersioningFluentBuilder;
    /// Replaces the default encryption.
    put_bucket_encryption = "s3:PutEncryptionConfiguration", PutBucketEncryptionFluentBuilder;
    /// Goes back to AWS's own default encryption.
    delete_bucket_encryption = "s3:PutEncryptionConfiguration", DeleteBucketEncryptionFluentBuilder;
    /// Replaces the public access block.
    put_public_access_block = "s3:PutBucketPublicAccessBlock", PutPublicAccessBlockFluentBuilder;
    /// Replaces the object ownership.
    put_bucket_ownership_controls = "s3:PutBucketOwnershipControls", PutBucketOwnershipControlsFluentBuilder;
}

impl Writes<'_> {
    /// Creates the bucket.
    ///
    /// # Errors
    /// As the other writes.
    pub async fn create_bucket(
        &self,
        fill: impl FnOnce(CreateBucketFluentBuilder) -> CreateBucketFluentBuilder,
    ) -> Result<(), Failed> {
        let call = fill(
            self.client
                .create_bucket()
                .bucket(self.bucket.name.as_ref()),
        );
        fenced(self.leading, Call::write("s3:CreateBucket"), call.send()).await
    }
}

impl Reads<'_> {
    /// The region of the bucket if it belongs to the credentials' own account; none if it does not.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn region_among_own(&self) -> Result<Option<String>, Failed> {
        let name = self.bucket.name.as_ref();
        let mut pages = self
            .client
            .list_buckets()
            .prefix(name)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| Failed::new(Call::read("s3:ListAllMyBuckets"), error))?;
            let found = page
                .buckets()
                .iter()
                .find(|bucket| bucket.name() == Some(name));
            if let Some(bucket) = found {
                return Ok(Some(bucket.bucket_region().unwrap_or_default().to_owned()));
            }
        }
        Ok(None)
    }
}
