//! Where objects are copied to: all rules of the bucket, by their ids. Removed from the spec it is nowhere.

mod configuration;

use serde_json::{Value, json};

use self::configuration::{of_sdk, to_sdk};
use super::{Facet, Wish, keyed, unless, wanted_object};
use crate::aws::{Failed, Reads, Writes};

pub(in crate::s3bucket) struct BucketReplication;

impl Facet for BucketReplication {
    const NAME: &'static str = "replication";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.replication.as_ref().map(wanted_object)
    }

    fn at_rest(_found: &Value) -> Value {
        Value::Null
    }

    fn compared(value: &Value) -> Value {
        match value {
            Value::Null => Value::Null,
            _ => {
                json!({ "roleARN": value["roleARN"], "rules": keyed(&value["rules"], Clone::clone) })
            }
        }
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = unless(
            reads.get_bucket_replication().await,
            "ReplicationConfigurationNotFoundError",
        )?;
        let found = found.and_then(|found| found.replication_configuration);
        Ok(found.as_ref().map_or(Value::Null, of_sdk))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let wanted = to_sdk(value)?;
        writes
            .put_bucket_replication(|call| call.replication_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_replication(|call| call).await
    }
}
