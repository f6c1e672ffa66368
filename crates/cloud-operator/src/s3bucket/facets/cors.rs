//! CORS rules, in their order. Their ids mean nothing to anybody. Removed from the spec there are none.

use aws_sdk_s3::types::CorsConfiguration;
use serde_json::{Value, json};

use super::{Facet, Wish, numbered, sdk, sorted, unless, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::Wire,
};

pub(super) struct BucketCors;

impl Facet for BucketCors {
    const NAME: &'static str = "corsRules";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.cors_rules)
    }

    fn at_rest(_found: &Value) -> Value {
        json!([])
    }

    fn compared(value: &Value) -> Value {
        let lists = [
            "allowedOrigins",
            "allowedMethods",
            "allowedHeaders",
            "exposeHeaders",
        ];
        numbered(value, |rule| sorted(rule, &lists))
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = unless(reads.get_bucket_cors().await, "NoSuchCORSConfiguration")?;
        let rules = found.and_then(|found| found.cors_rules).unwrap_or_default();
        Ok(rules.to_json())
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let rules: CorsConfiguration = sdk::<Self, _>(value)?;
        writes
            .put_bucket_cors(|call| call.cors_configuration(rules))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_cors(|call| call).await
    }
}
