//! Which objects ask for a bucket of the same name, kept from their changes: of thousands few have to be looked at.

use std::{collections::HashMap, sync::Arc};

use crd_types::aws::v1alpha1::S3Bucket;
use operator_core::{
    cluster::cache::{Cache, Change, Whole},
    decide::key::ObjectKey,
};
use parking_lot::Mutex;

/// The objects by the names of their buckets.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesakes(Arc<Mutex<HashMap<Box<str>, Vec<ObjectKey>>>>);

impl Namesakes {
    /// Those in `buckets`, which must not run yet.
    pub(super) fn among(buckets: &Cache<Whole<S3Bucket>>) -> Self {
        let namesakes = Self::default();
        let kept = namesakes.clone();
        buckets.observe(Box::new(move |key, change| kept.take(key, change)));
        namesakes
    }

    /// Those that ask for a bucket of the name that `object` asks for, itself among them if it is stored.
    pub(super) fn of(&self, object: &S3Bucket) -> Vec<ObjectKey> {
        let named = self.0.lock();
        named.get(name(object)).cloned().unwrap_or_default()
    }

    fn take(&self, key: &ObjectKey, change: &Change<'_, S3Bucket>) {
        let (before, after) = match change {
            Change::Added(new) => (None, Some(name(new))),
            Change::Updated { old, new } => (Some(name(old)), Some(name(new))),
            Change::Deleted(old) => (Some(name(old)), None),
            Change::Unreadable(_) | Change::UnreadableGone => return,
        };
        if before == after {
            return;
        }
        let mut named = self.0.lock();
        if let Some(before) = before
            && let Some(keys) = named.get_mut(before)
        {
            keys.retain(|known| known != key);
            if keys.is_empty() {
                named.remove(before);
            }
        }
        if let Some(after) = after {
            named.entry(after.into()).or_default().push(key.clone());
        }
    }
}

fn name(object: &S3Bucket) -> &str {
    object.spec.bucket_name.as_str()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_object_is_found_by_the_name_that_it_asks_for_now() {
        let (data, logs) = (asking("data"), asking("logs"));
        let [one, two] = ["one", "two"].map(|name| ObjectKey::new("ns", name));
        let namesakes = Namesakes::default();
        namesakes.take(&one, &Change::Added(&data));
        namesakes.take(&two, &Change::Added(&data));
        assert_eq!(namesakes.of(&data), [one.clone(), two.clone()]);
        let renamed = Change::Updated {
            old: &data,
            new: &logs,
        };
        namesakes.take(&one, &renamed);
        assert_eq!(namesakes.of(&data), std::slice::from_ref(&two));
        assert_eq!(namesakes.of(&logs), std::slice::from_ref(&one));
        namesakes.take(&one, &Change::Deleted(&logs));
        namesakes.take(&two, &Change::Deleted(&data));
        assert!(namesakes.0.lock().is_empty());
    }
}
