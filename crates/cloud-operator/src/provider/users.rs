//! Who uses which provider, kept from the buckets' changes: of thousands few have to be looked at to know it.

use std::sync::Arc;

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use operator_core::{
    cluster::cache::{Cache, Change, Whole},
    decide::key::ObjectKey,
    engines::references::References,
};

use super::{Sessions, provider_of};
use crate::s3bucket::is_held;

/// Who uses a provider. Silent while that is not known yet.
pub trait Users: Send + Sync + 'static {
    /// The objects that need `provider` to take down what they have in AWS, or may come to at any moment, as the replica
    /// knows that works.
    fn needing(&self, provider: &ObjectKey) -> Option<Vec<ObjectKey>>;

    /// The objects that stand in the way of whoever would delete `provider`, which rests on what is stored alone: every
    /// replica says the same.
    fn using(&self, provider: &AWSProvider) -> Option<Vec<ObjectKey>>;

    /// The objects of `provider` that have something in `account`.
    fn settled(&self, provider: &ObjectKey, account: &str) -> Option<Vec<ObjectKey>>;
}

/// The buckets that use a provider.
pub struct BucketsOfProviders {
    references: Arc<References<Held>>,
    buckets: Arc<Cache<Whole<S3Bucket>>>,
    sessions: Arc<Sessions>,
}

/// Whether a bucket has our finalizer.
type Held = bool;

impl BucketsOfProviders {
    /// Those in `buckets`, which must not run yet. `released` is told of a provider that lost one.
    pub fn of(
        buckets: &Arc<Cache<Whole<S3Bucket>>>,
        sessions: Arc<Sessions>,
        released: impl Fn(&ObjectKey) + Send + Sync + 'static,
    ) -> Self {
        let references = Arc::<References<Held>>::default();
        let index = references.clone();
        buckets.observe(Box::new(move |bucket, change| match change {
            Change::Added(object) | Change::Updated { new: object, .. } => {
                index.set(bucket, provider_of(object), is_held(object));
            }
            Change::Deleted(old) => {
                index.remove(bucket);
                released(&provider_of(old));
            }
            Change::Unreadable(_) | Change::UnreadableGone => {}
        }));
        Self {
            references,
            buckets: buckets.clone(),
            sessions,
        }
    }

    /// All that refer to `provider`.
    pub fn all(&self, provider: &ObjectKey) -> Vec<ObjectKey> {
        self.references.users_of(provider)
    }

    fn those(
        &self,
        provider: &ObjectKey,
        wanted: impl Fn(&ObjectKey, Held) -> bool,
    ) -> Option<Vec<ObjectKey>> {
        // A bucket that cannot be read may be among them, too.
        let known = self.buckets.synced() && self.buckets.state().unreadable == 0;
        known.then(|| {
            let users = self.references.notes_of(provider).into_iter();
            let wanted = users.filter(|(key, held)| wanted(key, *held));
            wanted.map(|(key, _)| key).collect()
        })
    }

    fn holds(&self, key: &ObjectKey, wanted: impl Fn(&S3Bucket) -> bool) -> bool {
        self.buckets.get(key).is_some_and(|bucket| wanted(&bucket))
    }
}

impl Users for Arc<BucketsOfProviders> {
    fn needing(&self, provider: &ObjectKey) -> Option<Vec<ObjectKey>> {
        // Whoever may not use a provider must not hold it up either.
        self.those(provider, |key, held| {
            held || self.holds(key, |bucket| {
                is_held(bucket) || self.sessions.serves(bucket)
            })
        })
    }

    fn using(&self, provider: &AWSProvider) -> Option<Vec<ObjectKey>> {
        let key = ObjectKey::of(provider);
        let status = provider.status.as_ref();
        let works = status.is_some_and(|status| status.lifecycle.ready);
        self.those(&key, |user, held| {
            let may_begin = works && provider.spec.allows(&user.namespace, &key.namespace);
            held || may_begin && self.holds(user, |user| user.metadata.deletion_timestamp.is_none())
        })
    }

    fn settled(&self, provider: &ObjectKey, account: &str) -> Option<Vec<ObjectKey>> {
        let is_there = |bucket: &S3Bucket| {
            let record = bucket.status.as_ref().and_then(|it| it.record.as_ref());
            record.is_some_and(|it| it.account_id.as_ref() == account)
        };
        self.those(provider, |key, held| held && self.holds(key, is_there))
    }
}
