//! The calls to S3 about what a bucket holds, which are made to empty it.

use aws_sdk_s3::{
    operation::{
        list_multipart_uploads::ListMultipartUploadsOutput,
        list_object_versions::ListObjectVersionsOutput,
    },
    types::{Delete, Error, ObjectIdentifier},
};

use super::{
    failure::Failed,
    fault::Call,
    label::label,
    s3::{Reads, Writes},
    scrub::{is_code, scrub},
};

/// Where the next page of versions begins.
#[derive(Clone, Debug, Default)]
pub struct After {
    /// The last key of the page before.
    pub key: Option<String>,
    /// The last version of that key.
    pub version: Option<String>,
}

/// A version that AWS keeps. Texts are fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeleted {
    /// Key of the object.
    pub key: String,
    /// AWS's code.
    pub code: String,
    /// The same, as metrics name it.
    pub label: &'static str,
    /// AWS's words; empty if none.
    pub message: String,
}

impl From<Error> for Undeleted {
    fn from(error: Error) -> Self {
        let code = error.code.filter(|code| is_code(code)).unwrap_or_default();
        Self {
            key: error.key.unwrap_or_default(),
            label: label(&code),
            code,
            message: scrub(&error.message.unwrap_or_default()),
        }
    }
}

impl Reads<'_> {
    /// Up to 1000 versions and delete markers.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn list_object_versions(
        &self,
        after: After,
    ) -> Result<ListObjectVersionsOutput, Failed> {
        let call = self
            .client
            .list_object_versions()
            .bucket(self.bucket.name.as_ref())
            .expected_bucket_owner(self.bucket.account.as_ref())
            .set_key_marker(after.key)
            .set_version_id_marker(after.version);
        self.ask(Call::read("s3:ListBucketVersions"), call.send())
            .await
    }

    /// Up to 1000 uploads that were begun and not completed.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn list_multipart_uploads(&self) -> Result<ListMultipartUploadsOutput, Failed> {
        let call = self
            .client
            .list_multipart_uploads()
            .bucket(self.bucket.name.as_ref())
            .expected_bucket_owner(self.bucket.account.as_ref());
        self.ask(Call::read("s3:ListBucketMultipartUploads"), call.send())
            .await
    }
}

impl Writes<'_> {
    /// Removes up to 1000 versions for good, and says which could not be removed.
    ///
    /// # Errors
    /// As the other writes.
    pub async fn delete_objects(
        &self,
        versions: Vec<ObjectIdentifier>,
    ) -> Result<Vec<Undeleted>, Failed> {
        let delete = Delete::builder().set_objects(Some(versions)).quiet(true);
        let call = self
            .client
            .delete_objects()
            .bucket(self.bucket.name.as_ref())
            .expected_bucket_owner(self.bucket.account.as_ref())
            .delete(delete.build().expect("a list is given"));
        let action = Call::write("s3:DeleteObjectVersion");
        let done = self.tell(action, call.send()).await?;
        let kept = done.errors.unwrap_or_default();
        Ok(kept.into_iter().map(Undeleted::from).collect())
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// As the other writes.
    pub async fn abort_multipart_upload(&self, key: &str, upload: &str) -> Result<(), Failed> {
        let call = self
            .client
            .abort_multipart_upload()
            .bucket(self.bucket.name.as_ref())
            .expected_bucket_owner(self.bucket.account.as_ref())
            .key(key)
            .upload_id(upload);
        let action = Call::write("s3:AbortMultipartUpload");
        self.tell(action, call.send()).await.map(drop)
    }
}
