//! CORS rules, in their order. Their ids mean nothing to anybody. Removed from the spec there are none.

use aws_sdk_s3::types::CorsConfiguration;
use serde_json::{Value, json};

use super::{Facet, Wish, numbered, sdk, sorted, unless, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::{Wire, structures},
};

pub(super) struct BucketCors;

structures! {
    CorsRule(checked) {
        allowed_origins => set_allowed_origins, allowed_methods => set_allowed_methods,
        allowed_headers => set_allowed_headers, expose_headers => set_expose_headers,
        max_age_seconds => set_max_age_seconds,
    }
}

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
        let rules = CorsConfiguration::builder().set_cors_rules(Some(sdk::<Self, _>(value)?));
        let rules = rules.build().expect("a list is given");
        writes
            .put_bucket_cors(|call| call.cors_configuration(rules))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_cors(|call| call).await
    }
}
