//! Analyses of the use of objects: all of the bucket, by their ids.

use aws_sdk_s3::types::{AnalyticsConfiguration, StorageClassAnalysis};
use serde_json::Value;

use super::{Each, Wish, each, sdk_of, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::{Wire, constants, structures, unions, wrappers},
    },
};

pub(super) struct BucketAnalytics;

constants!(
    AnalyticsS3ExportFileFormat::Csv,
    StorageClassAnalysisSchemaVersion::V1
);
wrappers! {
    StorageClassAnalysis { data_export => set_data_export }
    AnalyticsExportDestination { s3_bucket_destination => set_s3_bucket_destination }
}
structures! {
    AnalyticsConfiguration(checked) {
        id => set_id, filter => set_filter, storage_class_analysis = "export" => set_storage_class_analysis,
    }
    AnalyticsAndOperator { prefix => set_prefix, tags => set_tags }
    StorageClassAnalysisDataExport(checked) {
        output_schema_version => set_output_schema_version, destination => set_destination,
    }
    AnalyticsS3BucketDestination(checked) {
        format => set_format, bucket => set_bucket, bucket_account_id = "accountID" => set_bucket_account_id,
        prefix => set_prefix,
    }
}
unions! {
    AnalyticsFilter { Prefix = "prefix", Tag = "tag", And = "and" }
}

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
