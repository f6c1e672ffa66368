//! Archives of Intelligent-Tiering: all configurations of the bucket, by their ids.

use aws_sdk_s3::types::IntelligentTieringConfiguration;
use serde_json::Value;

use super::{Each, Wish, sdk_of, sorted, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{
        filter::{flatten, nest},
        wire::Wire,
    },
};

pub(super) struct BucketIntelligentTiering;

impl Each for BucketIntelligentTiering {
    const NAME: &'static str = "intelligentTiering";

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.intelligent_tiering)
    }

    fn compared(item: &Value) -> Value {
        sorted(item, &["tierings"])
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = reads
            .list_bucket_intelligent_tiering_configurations()
            .await?;
        Ok(found.iter().map(Wire::to_json).map(flatten).collect())
    }

    async fn put(writes: &Writes<'_>, id: &str, item: &Value) -> Result<(), Failed> {
        let wanted: IntelligentTieringConfiguration = sdk_of(Self::NAME, &nest(item, None))?;
        writes
            .put_bucket_intelligent_tiering_configuration(|call| {
                call.id(id).intelligent_tiering_configuration(wanted)
            })
            .await
    }

    async fn delete(writes: &Writes<'_>, id: &str) -> Result<(), Failed> {
        writes
            .delete_bucket_intelligent_tiering_configuration(|call| call.id(id))
            .await
    }
}
