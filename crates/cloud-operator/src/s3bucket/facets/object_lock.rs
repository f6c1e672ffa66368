//! Object lock. AWS never turns it off: removed from the spec it keeps no default for new objects.

use aws_sdk_s3::types::{ObjectLockConfiguration, ObjectLockEnabled};
use serde_json::{Value, json};

use super::{Facet, Wish, sdk, unless, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::Wire,
};

pub(in crate::s3bucket) struct BucketObjectLock;

impl Facet for BucketObjectLock {
    const NAME: &'static str = "objectLock";
    /// Null where it is off.
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.object_lock.as_ref().map(wanted_object)
    }

    fn at_rest(found: &Value) -> Value {
        match found {
            Value::Null => Value::Null,
            _ => json!({ "enabled": true }),
        }
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.get_object_lock_configuration().await;
        let found = unless(found, "ObjectLockConfigurationNotFoundError")?;
        let found = found.and_then(|found| found.object_lock_configuration);
        let on = |found: &ObjectLockConfiguration| {
            found.object_lock_enabled == Some(ObjectLockEnabled::Enabled)
        };
        Ok(found.filter(on).to_json())
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let wanted: ObjectLockConfiguration = sdk::<Self, _>(value)?;
        writes
            .put_object_lock_configuration(|call| call.object_lock_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &json!({ "enabled": true })).await
    }
}
