//! The form of analyses of the use of objects.

use super::tables::{constants, structures, unions, wrappers};

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
