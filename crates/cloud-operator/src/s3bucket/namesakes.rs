//! Which objects name a bucket, kept from their changes: of thousands few have to be looked at.

use std::{collections::HashMap, sync::Arc};

use crd_types::aws::v1alpha1::S3Bucket;
use operator_core::{
    cluster::cache::{Cache, Change, Whole},
    decide::key::ObjectKey,
};
use parking_lot::Mutex;

/// The objects by the names of the buckets that they ask for or have. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Namesakes(Arc<Mutex<HashMap<Box<str>, Vec<ObjectKey>>>>);

impl Namesakes {
    /// Those in `buckets`, which must not run yet.
    pub fn among(buckets: &Cache<Whole<S3Bucket>>) -> Self {
        let namesakes = Self::default();
        let kept = namesakes.clone();
        buckets.observe(Box::new(move |key, change| kept.take(key, change)));
        namesakes
    }

    /// Those that name a bucket of this name.
    pub fn of(&self, bucket: &str) -> Vec<ObjectKey> {
        let named = self.0.lock();
        named.get(bucket).cloned().unwrap_or_default()
    }

    fn take(&self, key: &ObjectKey, change: &Change<'_, S3Bucket>) {
        let (before, after) = match change {
            Change::Added(new) => ([None; 2], names(new)),
            Change::Updated { old, new } => (names(old), names(new)),
            Change::Deleted(old) => (names(old), [None; 2]),
            Change::Unreadable(_) | Change::UnreadableGone => return,
        };
        if before == after {
            return;
        }
        let mut named = self.0.lock();
        for name in before.into_iter().flatten() {
            if let Some(keys) = named.get_mut(name) {
                keys.retain(|known| known != key);
                if keys.is_empty() {
                    named.remove(name);
                }
            }
        }
        for name in after.into_iter().flatten() {
            named.entry(name.into()).or_default().push(key.clone());
        }
    }
}

/// The name that the object asks for, and that of its bucket if it is another one.
fn names(object: &S3Bucket) -> [Option<&str>; 2] {
    let asked = object.spec.bucket_name.as_str();
    let record = object.status.as_ref().and_then(|it| it.record.as_ref());
    let had: Option<&str> = record.map(|record| record.bucket_name.as_ref());
    [Some(asked), had.filter(|had| *had != asked)]
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::S3BucketStatus;
    use serde_json::json;

    use super::*;

    fn asking(bucket: &str) -> Arc<S3Bucket> {
        let object = json!({
            "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
            "metadata": { "name": "any" },
            "spec": { "providerRef": { "name": "p" }, "bucketName": bucket },
        });
        Arc::new(serde_json::from_value(object).expect("an S3Bucket"))
    }

    /// The same object, which has another bucket.
    fn having(bucket: &str, object: &S3Bucket) -> Arc<S3Bucket> {
        let record = json!({
            "bucketName": bucket, "accountID": "111111111111", "region": "eu-central-1", "partition": "aws",
        });
        let status = S3BucketStatus {
            record: Some(serde_json::from_value(record).expect("a record")),
            ..S3BucketStatus::default()
        };
        Arc::new(S3Bucket {
            status: Some(status),
            ..object.clone()
        })
    }

    #[test]
    fn an_object_is_found_by_the_name_that_it_asks_for_now() {
        let (data, logs) = (asking("data"), asking("logs"));
        let [one, two] = ["one", "two"].map(|name| ObjectKey::new("ns", name));
        let namesakes = Namesakes::default();
        namesakes.take(&one, &Change::Added(&data));
        namesakes.take(&two, &Change::Added(&data));
        assert_eq!(namesakes.of("data"), [one.clone(), two.clone()]);
        let renamed = Change::Updated {
            old: &data,
            new: &logs,
        };
        namesakes.take(&one, &renamed);
        assert_eq!(namesakes.of("data"), std::slice::from_ref(&two));
        assert_eq!(namesakes.of("logs"), std::slice::from_ref(&one));
        namesakes.take(&one, &Change::Deleted(&logs));
        namesakes.take(&two, &Change::Deleted(&data));
        assert!(namesakes.0.lock().is_empty());
    }

    #[test]
    fn an_object_is_found_by_the_name_of_the_bucket_that_it_has_too() {
        let logs = asking("logs");
        let (same, other) = (having("logs", &logs), having("data", &logs));
        let (key, namesakes) = (ObjectKey::new("ns", "one"), Namesakes::default());
        namesakes.take(&key, &Change::Added(&other));
        for name in ["logs", "data"] {
            assert_eq!(namesakes.of(name), std::slice::from_ref(&key), "{name}");
        }
        let changed = Change::Updated {
            old: &other,
            new: &same,
        };
        namesakes.take(&key, &changed);
        assert_eq!(namesakes.of("logs"), std::slice::from_ref(&key), "once");
        assert_eq!(namesakes.of("data"), []);
        namesakes.take(&key, &Change::Deleted(&same));
        assert!(namesakes.0.lock().is_empty());
    }
}
