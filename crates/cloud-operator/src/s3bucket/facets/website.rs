//! How the bucket answers as a website. Removed from the spec it does not.

use aws_sdk_s3::types::WebsiteConfiguration;
use serde_json::Value;

use super::{Facet, Wish, sdk, unless, wanted_object};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, object, structures, words, wrappers},
};

pub(super) struct BucketWebsite;

words!(Protocol);
wrappers! {
    IndexDocument(checked) { suffix => set_suffix }
    ErrorDocument(checked) { key => set_key }
}
structures! {
    WebsiteConfiguration {
        index_document => set_index_document, error_document => set_error_document,
        redirect_all_requests_to => set_redirect_all_requests_to, routing_rules => set_routing_rules,
    }
    RedirectAllRequestsTo(checked) { host_name => set_host_name, protocol => set_protocol }
    RoutingRule { condition => set_condition, redirect => set_redirect }
    Condition {
        http_error_code_returned_equals => set_http_error_code_returned_equals,
        key_prefix_equals => set_key_prefix_equals,
    }
    Redirect {
        host_name => set_host_name, http_redirect_code => set_http_redirect_code, protocol => set_protocol,
        replace_key_prefix_with => set_replace_key_prefix_with, replace_key_with => set_replace_key_with,
    }
}

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
