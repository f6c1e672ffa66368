//! Inventories: all of the bucket, by their ids.

use aws_sdk_s3::types::InventoryConfiguration;
use serde_json::Value;

use super::{Each, Wish, sdk_of, sorted, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::Wire,
};

pub(super) struct BucketInventory;

impl Each for BucketInventory {
    const NAME: &'static str = "inventory";

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.inventory)
    }

    fn compared(item: &Value) -> Value {
        sorted(item, &["optionalFields"])
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads.list_bucket_inventory_configurations().await?;
        Ok(found.to_json())
    }

    async fn put(writes: &Writes<'_>, id: &str, item: &Value) -> Result<(), Failed> {
        let mut item = item.clone();
        item["enabled"] = item["enabled"].as_bool().unwrap_or_default().into();
        let wanted: InventoryConfiguration = sdk_of(Self::NAME, &item)?;
        writes
            .put_bucket_inventory_configuration(|call| call.id(id).inventory_configuration(wanted))
            .await
    }

    async fn delete(writes: &Writes<'_>, id: &str) -> Result<(), Failed> {
        writes
            .delete_bucket_inventory_configuration(|call| call.id(id))
            .await
    }
}
