//! Requests that are counted by themselves: all configurations of the bucket, by their ids.

use aws_sdk_s3::types::MetricsConfiguration;
use serde_json::Value;

use super::{Each, Wish, sdk_of, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::Wire,
    },
};

pub(super) struct Metrics;

impl Each for Metrics {
    const NAME: &'static str = "metrics";

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.metrics)
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.list_bucket_metrics_configurations().await?;
        Ok(found.iter().map(Wire::to_json).map(flatten).collect())
    }

    async fn put(writes: &Writes<'_>, id: &str, item: &Value) -> Result<(), Failed> {
        let wanted: MetricsConfiguration = sdk_of(Self::NAME, &nest(item, None))?;
        writes
            .put_bucket_metrics_configuration(|call| call.id(id).metrics_configuration(wanted))
            .await
    }

    async fn delete(writes: &Writes<'_>, id: &str) -> Result<(), Failed> {
        writes
            .delete_bucket_metrics_configuration(|call| call.id(id))
            .await
    }
}
