//! How the bucket answers as a website. Removed from the spec it does not.

use aws_sdk_s3::types::WebsiteConfiguration;
use serde_json::Value;

use super::{Facet, Wish, sdk, unless, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, object},
};

pub(super) struct BucketWebsite;

impl Facet for BucketWebsite {
    const NAME: &'static str = "website";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wish.spec.website.as_ref().map(wanted_object)
    }

    fn at_rest(_found: &Value) -> Value {
        Value::Null
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = unless(
            reads.get_bucket_website().await,
            "NoSuchWebsiteConfiguration",
        )?;
        Ok(found.map_or(Value::Null, |found| {
            object([
                ("indexDocument", found.index_document.to_json()),
                ("errorDocument", found.error_document.to_json()),
                (
                    "redirectAllRequestsTo",
                    found.redirect_all_requests_to.to_json(),
                ),
                ("routingRules", found.routing_rules.to_json()),
            ])
        }))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let wanted: WebsiteConfiguration = sdk::<Self, _>(value)?;
        writes
            .put_bucket_website(|call| call.website_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_website(|call| call).await
    }
}
