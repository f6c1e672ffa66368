//! Who pays for requests. Removed from the spec it is the bucket's owner.

use aws_sdk_s3::types::{Payer, RequestPaymentConfiguration};
use crd_types::aws::v1alpha1::RequestPayment;
use serde_json::{Value, json};

use super::{Facet, Wish, wanted_object};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketRequestPayment;

fn paid_by(payer: &Payer) -> Value {
    json!({ "payer": payer.as_str() })
}

impl Facet for BucketRequestPayment {
    const NAME: &'static str = "requestPayment";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        let spec: &RequestPayment = wish.spec.request_payment.as_ref()?;
        Some(wanted_object(spec))
    }

    fn at_rest(_found: &Value) -> Value {
        paid_by(&Payer::BucketOwner)
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let payer = reads.get_bucket_request_payment().await?.payer;
        Ok(paid_by(&payer.unwrap_or(Payer::BucketOwner)))
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        let payer = value["payer"].as_str().unwrap_or_default();
        let wanted = RequestPaymentConfiguration::builder().payer(Payer::from(payer));
        let wanted = wanted.build().expect("the payer is given");
        writes
            .put_bucket_request_payment(|call| call.request_payment_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &paid_by(&Payer::BucketOwner)).await
    }
}
