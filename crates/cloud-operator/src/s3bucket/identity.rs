//! Which bucket an object stands for, and the record of it in the status.

use crd_types::aws::v1alpha1::{BucketRecord, S3Bucket};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use operator_core::{decide::outcome::Fault, engines::external::Record};

use super::invalid;
use crate::aws::{Bucket, Session, Store};

/// The bucket that `object` names, in the account and region of `session`.
pub(super) fn identity(object: &S3Bucket, session: &Session) -> Result<Bucket, Fault> {
    Ok(Bucket {
        name: object
            .spec
            .bucket_name
            .parse_at("spec.bucketName")
            .map_err(invalid)?,
        account: session.caller.account.clone(),
        region: session.region.clone(),
        partition: session.caller.partition.clone(),
        store: Some(session.store()),
    })
}

/// The record as it is used.
pub(super) fn recorded(stored: &BucketRecord) -> Record<Bucket> {
    let BucketRecord {
        bucket_name,
        account_id,
        region,
        partition,
        store,
        provider,
        object_uid,
        created,
        creation_began_at,
        adopted,
        owned_facets,
        settled_facets,
    } = stored.clone();
    Record {
        identity: Bucket {
            name: bucket_name,
            account: account_id,
            region,
            partition,
            store: store.map(Store::recorded),
        },
        uid: object_uid,
        lane: provider,
        created,
        began: creation_began_at.map(|time| time.0),
        adopted,
        owned: owned_facets.into_iter().collect(),
        settled: settled_facets.to_map(),
    }
}

/// The record as it is stored.
pub(super) fn stored(record: Record<Bucket>) -> BucketRecord {
    let Record {
        identity:
            Bucket {
                name,
                account,
                region,
                partition,
                store,
            },
        uid,
        lane,
        created,
        began,
        adopted,
        owned,
        settled,
    } = record;
    BucketRecord {
        bucket_name: name,
        account_id: account,
        region,
        partition,
        store: store.map(|store| store.to_string()),
        provider: lane,
        object_uid: uid,
        created,
        creation_began_at: began.map(Time),
        adopted,
        owned_facets: owned.into_iter().collect(),
        settled_facets: settled.into(),
    }
}
