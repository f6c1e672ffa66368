//! Buckets that carry this installation's mark though no object names them: told, and never touched.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crd_types::aws::v1alpha1::S3Bucket;
use kube::Resource;
use operator_core::{
    cluster::{
        cache::{Cache, Whole},
        leading::Leading,
    },
    decide::{clock::Clock, key::ObjectKey, outcome::Fault},
    engines::external::{Mark, Sweep},
    process::operator::Course,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    facets::{BucketTags, Facet},
    mark::{Marking, of_tags},
    namesakes::Namesakes,
};
use crate::{
    aws::{Bucket, Failed, Session, Store, Tenant},
    provider::Sessions,
};

/// How many buckets of an account have their tags read in one round.
const READS_IN_A_ROUND: usize = 50;

/// Buckets by name, each with its region if AWS tells it.
type Listed = Vec<(String, Option<String>)>;

/// Looks for buckets that were left behind.
pub struct LeftBehind {
    sessions: Arc<Sessions>,
    buckets: Arc<Cache<Whole<S3Bucket>>>,
    namesakes: Namesakes,
    installation: Arc<str>,
    /// Whether objects of a namespace are seen at all.
    watches: Box<dyn Fn(&str) -> bool + Send + Sync>,
    found: Mutex<Found>,
}

struct Found {
    /// The term in which it was found. What has become of it since the end of that, another replica knows.
    term: Option<Leading>,
    sweep: Sweep,
    /// The accounts whose buckets could not be listed, and why.
    unlisted: BTreeMap<String, String>,
    /// By whose credentials they were listed last.
    listers: BTreeMap<String, ObjectKey>,
}

impl Found {
    /// Nothing yet.
    fn within(term: Option<Leading>) -> Self {
        Self {
            term,
            sweep: Sweep::new(READS_IN_A_ROUND),
            unlisted: BTreeMap::new(),
            listers: BTreeMap::new(),
        }
    }

    /// Whether it is still this replica's to know.
    fn holds(&self) -> bool {
        self.term.as_ref().is_some_and(|term| term.check().is_ok())
    }
}

impl LeftBehind {
    /// Nothing was looked at yet.
    pub fn new(
        sessions: Arc<Sessions>,
        buckets: Arc<Cache<Whole<S3Bucket>>>,
        namesakes: Namesakes,
        installation: Arc<str>,
        watches: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            sessions,
            buckets,
            namesakes,
            installation,
            watches: Box::new(watches),
            found: Mutex::new(Found::within(None)),
        }
    }

    /// How many buckets are known to be left behind; none where this replica does not lead.
    pub fn count(&self) -> u64 {
        let found = self.found.lock();
        match found.holds() {
            true => found.sweep.unclaimed().count() as u64,
            false => 0,
        }
    }

    /// What is known, for `/debug/state`.
    pub fn state(&self) -> Value {
        let found = self.found.lock();
        if !found.holds() {
            return json!({ "unclaimed": {}, "unlisted": {} });
        }
        let unclaimed: BTreeMap<&str, String> = found
            .sweep
            .unclaimed()
            .map(|(bucket, mark)| (bucket, mark.to_string()))
            .collect();
        json!({ "unclaimed": unclaimed, "unlisted": found.unlisted })
    }

    /// Makes a round once an `interval`, while this replica leads.
    pub async fn run(self: Arc<Self>, clock: Clock, interval: Duration, course: Course) {
        let rounds = async {
            let mut due = clock.now() + interval;
            loop {
                clock.sleep_until(due).await;
                due = clock.now() + interval;
                if let Some(leading) = course.leadership.current() {
                    self.round(leading).await;
                }
            }
        };
        let mut stop = course.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = rounds => {}
        }
    }

    async fn round(&self, leading: Leading) {
        let mut places: BTreeMap<String, Vec<Tenant>> = BTreeMap::new();
        for tenant in self.sessions.ready() {
            places.entry(tenant.place()).or_default().push(tenant);
        }
        {
            let names = places.keys().cloned().collect();
            let mut found = self.found.lock();
            if !found.holds() {
                *found = Found::within(Some(leading));
            }
            found.sweep.retain(&names);
            found.unlisted.retain(|place, _| names.contains(place));
            found.listers.retain(|place, _| names.contains(place));
        }
        for (place, tenants) in places {
            match self.list(&place, tenants).await {
                Ok((tenant, listed)) => {
                    {
                        let mut found = self.found.lock();
                        found.unlisted.remove(&place);
                        found.listers.insert(place.clone(), tenant.provider.clone());
                    }
                    self.look_through(&place, &tenant, listed).await;
                }
                Err(failed) => {
                    let why = Fault::from(failed).message;
                    self.found.lock().unlisted.insert(place, why);
                }
            }
        }
    }

    /// All buckets of an account, whose are the same for each of its providers: of those, the first that can list them,
    /// and whoever did the last time before all.
    async fn list(
        &self,
        place: &str,
        mut tenants: Vec<Tenant>,
    ) -> Result<(Tenant, Listed), Failed> {
        let last = self.found.lock().listers.get(place).cloned();
        tenants.sort_by_key(|tenant| {
            let provider = tenant.provider.clone();
            (last.as_ref() != Some(&provider), provider)
        });
        let mut tenants = tenants.into_iter().peekable();
        loop {
            let tenant = tenants.next().expect("a place is one of a provider");
            match tenant.own_buckets().await {
                Ok(listed) => return Ok((tenant, listed)),
                Err(_) if tenants.peek().is_some() => {}
                Err(failed) => return Err(failed),
            }
        }
    }

    async fn look_through(&self, place: &str, tenant: &Tenant, listed: Listed) {
        let mut regions = BTreeMap::new();
        for (bucket, region) in listed {
            if !self.is_named(&bucket, tenant) {
                regions.insert(bucket, region);
            }
            // Of many buckets each has its objects looked at.
            tokio::task::consume_budget().await;
        }
        let nameless = regions.keys().cloned().collect();
        let turn = self.found.lock().sweep.turn(place, &nameless);
        for name in turn {
            let region = regions.get(&name).and_then(Option::as_deref);
            let Some(bucket) = bucket(tenant, &name, region) else {
                continue;
            };
            // One that does not show its tags is somebody else's business.
            let Ok(tags) = BucketTags::read(&tenant.reads(&bucket)).await else {
                continue;
            };
            let ours = match of_tags(&tags) {
                Marking::Whole(mark) if self.is_ours(&mark) => Some(mark),
                _ => None,
            };
            let owner = ours.as_ref().map(ToString::to_string);
            let is_news = self.found.lock().sweep.read(place, &name, ours);
            if let Some(owner) = owner.filter(|_| is_news) {
                tracing::warn!(
                    bucket = name,
                    account = %tenant.caller.account,
                    "a bucket carries the mark of {owner}, and no object names it: it is left as it is"
                );
            }
        }
    }

    /// Whether an object names the bucket of this name that `session` has listed, or has written it down.
    fn is_named(&self, bucket: &str, session: &Session) -> bool {
        let keys = self.namesakes.of(bucket).into_iter();
        let mut objects = keys.filter_map(|key| self.buckets.get(&key));
        objects.any(|object| may_be_of(&object, session))
    }

    /// Whether an object of ours would be seen here if it were there.
    fn is_ours(&self, mark: &Mark) -> bool {
        let kind = format!("{}.{}", S3Bucket::kind(&()), S3Bucket::group(&()));
        *mark.installation == *self.installation
            && mark.kind == kind
            && (self.watches)(&mark.namespace)
            // Objects that cannot be read may name it.
            && self.buckets.state().unreadable == 0
    }
}

/// Whether the bucket of `object` may be in the place of `session`: in another store it is another one.
fn may_be_of(object: &S3Bucket, session: &Session) -> bool {
    let record = object.status.as_ref().and_then(|it| it.record.as_ref());
    record.is_none_or(|record| {
        let store = record.store.clone().map(Store::recorded);
        record.account_id == session.caller.account && store.is_none_or(|it| it == session.store())
    })
}

fn bucket(session: &Session, name: &str, region: Option<&str>) -> Option<Bucket> {
    Some(Bucket {
        name: name.parse().ok()?,
        account: session.caller.account.clone(),
        region: match region {
            Some(region) => region.parse().ok()?,
            None => session.region.clone(),
        },
        partition: session.caller.partition.clone(),
        store: Some(session.store()),
    })
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::S3BucketStatus;

    use super::*;

    const ACCOUNT: &str = "111111111111";

    #[test]
    fn a_bucket_of_another_store_is_another_one() {
        let object = json!({
            "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
            "metadata": { "name": "any" },
            "spec": { "providerRef": { "name": "p" }, "bucketName": "data" },
        });
        let mut object: S3Bucket = serde_json::from_value(object).expect("an S3Bucket");
        let session = Session::idle(ObjectKey::new("ns", "p"), ACCOUNT);
        assert!(may_be_of(&object, &session), "it may come to be");
        let own = session.store().to_string();
        for (account, store, expected) in [
            (ACCOUNT, Some(own.as_str()), true),
            (ACCOUNT, None, true),
            (ACCOUNT, Some("https://store.example"), false),
            ("222222222222", Some(own.as_str()), false),
        ] {
            let record = json!({
                "bucketName": "data", "accountID": account, "region": "cn-north-1", "partition": "aws-cn",
                "store": store,
            });
            object.status = Some(S3BucketStatus {
                record: Some(serde_json::from_value(record).expect("a record")),
                ..S3BucketStatus::default()
            });
            assert_eq!(
                may_be_of(&object, &session),
                expected,
                "{account} {store:?}"
            );
        }
    }
}
