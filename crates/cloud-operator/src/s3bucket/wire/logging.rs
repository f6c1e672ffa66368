//! The form of where the use of a bucket is written down.

use super::tables::structures;

structures! {
    LoggingEnabled(checked) { target_bucket => set_target_bucket, target_prefix => set_target_prefix }
}
