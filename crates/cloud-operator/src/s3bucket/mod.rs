//! The kind `S3Bucket`: what a bucket is called, what is wanted of it, what it has, and the calls that change it.

mod change;
mod compare;
mod desired;
mod empty;
mod facets;
mod filter;
mod identity;
mod leave;
mod mark;
mod namesakes;
mod observe;
mod policy;
pub mod reasons;
mod refusals;
mod report;
mod shape;
mod sweep;
mod wire;

use std::{collections::BTreeSet, sync::Arc};

use crd_types::{
    aws::v1alpha1::{AccountId, S3Bucket, S3BucketStatus},
    lifecycle::FieldPath,
    rules::InvalidField,
};
use futures::FutureExt;
use kube::ResourceExt;
use operator_core::{
    cluster::leading::Leading,
    decide::{outcome::Fault, reason::Reason},
    engines::external::{
        Blame, Claim, Creation, Deletion, Diff, Drifted, External, Facets, Mark, Presence, Purpose,
        Record, Trouble, Unresolved, Wishes,
    },
};

pub use self::{
    desired::{Desired, Step},
    namesakes::Namesakes,
    observe::Observed,
    sweep::LeftBehind,
};
use crate::{
    aws::{Bucket, Session, Store, Tenant, reasons::CALL_FAILED},
    drift::Drift,
    provider::{Sessions, provider_of},
};

/// Buckets, over the sessions of their providers.
#[derive(Clone, Debug)]
pub struct S3Buckets {
    sessions: Arc<Sessions>,
    drift: Drift,
}

impl S3Buckets {
    /// Buckets whose providers' sessions are in `sessions`.
    pub fn new(sessions: Arc<Sessions>) -> Self {
        Self {
            sessions,
            drift: Drift::new("s3bucket", facet_names()),
        }
    }

    /// How often what has drifted.
    pub fn drift(&self) -> &Drift {
        &self.drift
    }
}

/// The names of all facets, in the order of writing.
pub(crate) fn facet_names() -> impl Iterator<Item = &'static str> {
    facets::TABLE.iter().map(|facet| facet.name())
}

/// Whether `object` has a bucket, or may have, that is to be taken down before it goes.
pub fn is_held(object: &S3Bucket) -> bool {
    object
        .finalizers()
        .iter()
        .any(|held| held == S3Buckets::FINALIZER)
}

impl External for S3Buckets {
    type Kind = S3Bucket;
    type Context = Tenant;
    type Identity = Bucket;
    type Desired = Desired;
    type Observed = Observed;
    type Step = Step;

    const FINALIZER: &'static str = "aws-infra-operator.runner.codes/s3bucket-finalizer";
    const EARLIER_FINALIZERS: &'static [&'static str] =
        &["aws-infra-operator.runner.codes/s3bucket-finalizer-clean"];
    const READY: Reason = reasons::BUCKET_READY;

    fn lane(object: &S3Bucket) -> Arc<str> {
        provider_of(object).to_string().into()
    }

    fn resolve(&self, object: &S3Bucket, purpose: Purpose) -> Result<Tenant, Unresolved> {
        let tenant = self.sessions.resolve(object, purpose)?;
        let recorded = object
            .status
            .as_ref()
            .and_then(|status| status.record.as_ref());
        let Some(record) = recorded else {
            return Ok(tenant);
        };
        if record.account_id != tenant.caller.account {
            let fault = account_changed(&record.account_id, &tenant.caller.account);
            return Err(Unresolved::Refused(fault));
        }
        match &record.store {
            Some(store) if Store::recorded(store.clone()) != tenant.store() => {
                Err(Unresolved::Refused(endpoint_changed(store, &tenant)))
            }
            _ => Ok(tenant),
        }
    }

    fn identity(&self, object: &S3Bucket, tenant: &Tenant) -> Result<Bucket, Fault> {
        identity::identity(object, tenant)
    }

    fn desired(&self, object: &S3Bucket, tenant: &Tenant, mark: &Mark) -> Result<Desired, Fault> {
        Desired::new(object, &tenant.default_tags, mark)
    }

    fn wishes(desired: &Desired) -> Wishes {
        desired.digests()
    }

    fn leave(desired: &Desired, ignored: &[FieldPath], observed: Option<&Observed>) -> Desired {
        leave::leave(desired, ignored, observed.map(|observed| &observed.facets))
    }

    async fn observe(
        &self,
        tenant: &Tenant,
        bucket: &Bucket,
        claim: &Claim,
        facets: &Facets,
    ) -> Result<Presence<Observed>, Fault> {
        observe::observe(tenant, bucket, claim, facets)
            .boxed()
            .await
            .map_err(not_ready)
    }

    async fn glance(
        &self,
        tenant: &Tenant,
        bucket: &Bucket,
        claim: &Claim,
        facet: &str,
    ) -> Result<Option<Observed>, Fault> {
        observe::glance(tenant, bucket, claim, facet)
            .await
            .map_err(not_ready)
    }

    fn unread(observed: &Observed) -> Vec<(&'static str, Fault)> {
        observed.unread.clone()
    }

    fn diff(&self, desired: &Desired, observed: Option<&Observed>, owned: &Facets) -> Vec<Diff> {
        match observed {
            Some(observed) => desired::diff(desired, &observed.facets, owned),
            None => desired::draft(desired),
        }
    }

    fn plan(&self, desired: &Desired, diffs: &[Diff]) -> Vec<Step> {
        desired::plan(desired, diffs)
    }

    async fn refusals(
        &self,
        tenant: &Tenant,
        bucket: &Bucket,
        steps: &[Step],
    ) -> Vec<(&'static str, Fault)> {
        refusals::refusals(tenant, bucket, steps).await
    }

    fn facet(step: &Step) -> &'static str {
        step.facet.name()
    }

    fn guards(step: &Step) -> &'static [&'static str] {
        step.guards()
    }

    async fn before_creation(
        &self,
        leading: &Leading,
        tenant: &Tenant,
        bucket: &Bucket,
    ) -> Result<(), Fault> {
        let writes = tenant.writes(leading, bucket);
        writes.before_creation().await.map_err(not_created)?;
        // Of all calls CreateBucket alone cannot name the account that is to own the bucket, and what the Pod or a file
        // gives may have become another account's since the provider was looked at.
        let caller = tenant.verify().await?;
        if caller.account != bucket.account {
            return Err(account_changed(&bucket.account, &caller.account));
        }
        Ok(())
    }

    async fn create(
        &self,
        leading: &Leading,
        tenant: &Tenant,
        bucket: &Bucket,
        desired: &Desired,
    ) -> Result<Creation, Fault> {
        let created = change::create(leading, tenant, bucket, desired)
            .boxed()
            .await;
        created.map_err(not_created)
    }

    async fn perform(
        &self,
        leading: &Leading,
        tenant: &Tenant,
        bucket: &Bucket,
        step: &Step,
    ) -> Result<(), Fault> {
        change::perform(leading, tenant, bucket, step)
            .await
            .map_err(not_ready)
    }

    async fn delete(
        &self,
        leading: &Leading,
        tenant: &Tenant,
        bucket: &Bucket,
        object: &S3Bucket,
        status: &mut S3BucketStatus,
        marked: bool,
    ) -> Result<Deletion, Fault> {
        if object.spec.empty_on_delete && marked {
            let so_far = status.emptying.get_or_insert_default();
            let emptied = empty::empty(leading, tenant, bucket, so_far).boxed().await;
            if let Some(task) = emptied.map_err(not_ready)? {
                return Ok(Deletion::Underway { task });
            }
        }
        let deleted = change::delete(leading, tenant, bucket).boxed().await;
        deleted.map_err(not_ready).map(|()| Deletion::Asked)
    }

    async fn unmark(
        &self,
        leading: &Leading,
        tenant: &Tenant,
        bucket: &Bucket,
        observed: &Observed,
    ) -> Result<(), Fault> {
        change::unmark(leading, tenant, bucket, observed)
            .boxed()
            .await
            .map_err(not_ready)
    }

    fn record(status: &S3BucketStatus) -> Option<Record<Bucket>> {
        status.record.as_ref().map(identity::recorded)
    }

    fn set_record(status: &mut S3BucketStatus, record: Record<Bucket>) {
        status.record = Some(identity::stored(record));
    }

    fn clear_record(status: &mut S3BucketStatus) {
        status.record = None;
    }

    fn report(
        &self,
        tenant: &Tenant,
        bucket: &Bucket,
        desired: &Desired,
        _observed: &Observed,
        trouble: &Trouble,
        status: &mut S3BucketStatus,
    ) {
        report::report(tenant, bucket, desired, trouble, status);
    }

    fn provider_failed(&self, object: &S3Bucket, fault: &Fault) -> Blame {
        self.sessions.failed(&provider_of(object), fault)
    }

    fn drifted(&self, facets: &BTreeSet<&'static str>, drifted: Drifted) {
        self.drift.note(facets, drifted);
    }

    fn not_set_back(&self) {
        self.drift.note_left();
    }
}

fn not_ready(fault: Fault) -> Fault {
    named(fault, reasons::BUCKET_NOT_READY)
}

fn not_created(fault: impl Into<Fault>) -> Fault {
    named(fault.into(), reasons::CREATION_FAILED)
}

/// The same fault; under `reason`, if it has none of its own.
fn named(fault: Fault, reason: Reason) -> Fault {
    if fault.reason == CALL_FAILED {
        fault.with_reason(reason)
    } else {
        fault
    }
}

fn invalid(field: InvalidField) -> Fault {
    Fault::terminal(reasons::INVALID_SPEC, field.to_string())
}

/// Another account is another bucket: it is never followed.
fn account_changed(recorded: &AccountId, found: &AccountId) -> Fault {
    Fault::terminal(
        reasons::ACCOUNT_CHANGED,
        format!(
            "spec.providerRef: this object's bucket is in the account {recorded}, but the provider now works in \
             {found}; let the provider, or another one, work in {recorded}"
        ),
    )
}

/// Another store has other buckets, also where it calls account and bucket alike.
fn endpoint_changed(recorded: &str, session: &Session) -> Fault {
    Fault::terminal(
        reasons::ENDPOINT_CHANGED,
        format!(
            "spec.providerRef: this object's bucket is in the store {recorded}, but the provider now works with {}; \
             let the provider, or another one, work with {recorded}",
            session.store()
        ),
    )
}
