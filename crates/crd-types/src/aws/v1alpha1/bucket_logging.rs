use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket_name::BucketName;
use crate::{rules::checks, stored::Stored};

/// Where S3 writes down who used the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    /// Name of the bucket that gets the logs: of the same account and region, and with a policy that lets
    /// logging.s3.amazonaws.com write.
    pub target_bucket: Stored<BucketName>,
    /// What the keys of the logs begin with.
    #[serde(default)]
    #[schemars(length(max = 800))]
    pub target_prefix: String,
}

checks!(Logging {
    target_bucket: ".targetBucket"
});
