//! Where the use of the bucket is written down. Removed from the spec it is nowhere.

use aws_sdk_s3::types::BucketLoggingStatus;
use serde_json::Value;

use super::{Facet, Wish, sdk, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, said},
};

pub(super) struct BucketLogging;

impl Facet for BucketLogging {
    const NAME: &'static str = "logging";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.logging.as_ref().map(wanted_object)
    }

    fn at_rest(_found: &Value) -> Value {
        Value::Null
    }

    fn compared(value: &Value) -> Value {
        said(value.clone())
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        Ok(reads.get_bucket_logging().await?.logging_enabled.to_json())
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let mut value = value.clone();
        // To AWS a prefix of nothing is one all the same.
        value["targetPrefix"] = value["targetPrefix"].as_str().unwrap_or_default().into();
        let wanted = BucketLoggingStatus::builder().logging_enabled(sdk::<Self, _>(&value)?);
        writes
            .put_bucket_logging(|call| call.bucket_logging_status(wanted.build()))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        let nowhere = BucketLoggingStatus::builder().build();
        writes
            .put_bucket_logging(|call| call.bucket_logging_status(nowhere))
            .await
    }
}
