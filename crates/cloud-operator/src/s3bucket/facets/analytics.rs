//! Analyses of the use of objects: all of the bucket, by their ids.

use aws_sdk_s3::types::{AnalyticsConfiguration, StorageClassAnalysis};
use serde_json::Value;

use super::{Each, Wish, each, sdk_of, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::Wire,
    },
};

pub(super) struct BucketAnalytics;

impl Each for BucketAnalytics {
    const NAME: &'static str = "analytics";

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.analytics)
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.list_bucket_analytics_configurations().await?;
        let found = found.iter().map(Wire::to_json).map(flatten).collect();
        // The only thing that an export has.
        Ok(each(&found, |mut item| {
            if let Some(destination) = item.pointer_mut("/export/destination").map(Value::take) {
                item["export"] = destination;
            }
            item
        }))
    }

    async fn put(writes: &Writes<'_>, id: &str, item: &Value) -> Result<(), Failed> {
        let mut item = nest(item, None);
        if let Some(export) = item.get_mut("export").map(Value::take) {
            item["export"] = serde_json::json!({ "destination": export });
        }
        let mut wanted: AnalyticsConfiguration = sdk_of(Self::NAME, &item)?;
        wanted
            .storage_class_analysis
            .get_or_insert_with(|| StorageClassAnalysis::builder().build());
        writes
            .put_bucket_analytics_configuration(|call| call.id(id).analytics_configuration(wanted))
            .await
    }

    async fn delete(writes: &Writes<'_>, id: &str) -> Result<(), Failed> {
        writes
            .delete_bucket_analytics_configuration(|call| call.id(id))
            .await
    }
}
