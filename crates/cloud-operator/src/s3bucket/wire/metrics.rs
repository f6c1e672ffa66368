//! The form of requests that are counted by themselves.

use super::tables::{structures, unions};

structures! {
    MetricsConfiguration(checked) { id => set_id, filter => set_filter }
    MetricsAndOperator {
        prefix => set_prefix, tags => set_tags, access_point_arn => set_access_point_arn,
    }
}
unions! {
    MetricsFilter { Prefix = "prefix", Tag = "tag", AccessPointArn = "accessPointARN", And = "and" }
}
