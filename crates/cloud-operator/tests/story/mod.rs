//! The story of a bucket that is told again and again, each time with the operator dying at another point; and
//! what must hold at the end of each, and meanwhile.

#![allow(dead_code, reason = "no test file uses all of it")]

mod guard;
mod strangers;
mod trap;

use std::{
    collections::{BTreeSet, HashSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, ensure};
use cloud_operator::s3bucket::S3Buckets;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use futures::future::{Either, select};
use harness::proxy::{Outcome, Recorded};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Namespace};
use kube::{Api, ResourceExt};
use operator_core::decide::clock::Clock;
use operator_core::engines::external::External;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::scene::{
    Scene,
    outside::{Has, pairs},
};
use guard::Guard;
pub use strangers::Strangers;
use strangers::{MARK, MARKED, PLAIN};
pub use trap::{Point, Server, Trap};

/// Long enough that no real second counts; a test moves the clock over them.
const LEASE: [&str; 3] = [
    "--leader-election-lease-duration=30s",
    "--leader-election-renew-deadline=20s",
    "--leader-election-retry-period=5s",
];
const RETRY: Duration = Duration::from_secs(5);
/// Shorter than a lease request may take: a step must not end one that is under way.
const STEP: Duration = Duration::from_secs(9);

/// One telling.
pub struct Story {
    pub scene: Scene,
    pub trap: Trap,
    strangers: Arc<Strangers>,
    guard: Guard,
    /// Of the operator that runs now, if it runs in this process.
    clock: Mutex<Option<Clock>>,
}

impl Story {
    /// A scene with a trap at `point`.
    pub async fn new(
        prefix: &str,
        strangers: &Arc<Strangers>,
        point: Option<Point>,
    ) -> Result<Self> {
        let scene = Scene::new(prefix).await?;
        let trap = Trap::at(scene.namespace.name(), point);
        let guard = Guard::new(&scene, strangers);
        for (server, proxy) in [
            (Server::Api, scene.api.proxy()),
            (Server::Aws, scene.aws.proxy()),
        ] {
            let (guard, trap) = (guard.clone(), trap.clone());
            proxy.on_request(move |side, call| {
                let (guard, trap) = (guard.clone(), trap.clone());
                async move {
                    guard.check(server, side, &call).await;
                    trap.pass(server, side, &call).await
                }
            });
        }
        Ok(Self {
            scene,
            trap,
            strangers: strangers.clone(),
            guard,
            clock: Mutex::default(),
        })
    }

    /// An operator in this process.
    pub fn operator(&self) -> Result<crate::scene::Running> {
        let running = self.scene.operator_with(&LEASE)?;
        *self.clock.lock() = Some(running.clock.clone());
        Ok(running)
    }

    /// Who holds the lease.
    pub async fn holder(&self) -> Result<Option<String>> {
        let leases = self.scene.api_of::<Lease>();
        let lease = leases.get_opt(cloud_operator::LEASE).await?;
        let spec = lease.and_then(|lease| lease.spec);
        Ok(spec
            .and_then(|spec| spec.holder_identity)
            .filter(|holder| !holder.is_empty()))
    }

    /// Lets the time pass that the lease of `dead` still has, for the operator whose clock this is.
    pub async fn outlive(&self, dead: &str, clock: &Clock) -> Result<()> {
        let proxy = self.scene.api.proxy();
        let mut last = 0;
        let patience = crate::scene::PATIENCE;
        let passing = tokio::time::timeout(patience, async {
            while self.holder().await?.as_deref() == Some(dead) {
                // A step for each look at the lease; should a step come before its answer was taken in, the
                // next look is a retry period away, and another step brings it.
                let looked = proxy.settled(|call| call.about == "leases" && call.seq > last);
                let looked = tokio::time::timeout(Duration::from_millis(200), looked).await;
                last = looked.map_or(last, |looked| looked.call.seq);
                clock.advance(STEP);
            }
            Ok(())
        });
        passing
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the lease of {dead} was not taken over")))
    }

    /// Tells the story, to the end.
    pub async fn tell(&self) -> Result<()> {
        let scene = &self.scene;
        scene.bucket("data", "account", first_wish()).await?;
        for stranger in [MARKED, PLAIN] {
            let name = json!({ "bucketName": self.strangers.bucket_of(stranger) });
            scene.bucket(stranger, "account", name).await?;
        }
        // One after another wherever a race would make another call now and then.
        for name in ["data", MARKED, PLAIN] {
            scene
                .refused::<S3Bucket>(name, "WaitingForProvider")
                .await?;
        }
        scene.provider("account").await?;
        scene.refused::<S3Bucket>(MARKED, "OwnedByAnother").await?;
        scene.refused::<S3Bucket>(PLAIN, "NotManaged").await?;
        let data = scene.ready::<S3Bucket>("data").await?;
        let parts = [
            ("lifecycle", "<Days>30</Days>"),
            ("requestPayment", "Requester"),
            ("metrics", "<Id>all</Id>"),
        ];
        self.expect(&data, first_wish_granted(), parts).await?;

        if let Some(clock) = &*self.clock.lock() {
            clock.advance(RETRY);
        }
        let renewed = |call: &harness::proxy::Call| {
            call.about == "leases" && call.method == http::Method::PUT
        };
        scene.api.proxy().settled(renewed).await;

        scene
            .patch::<S3Bucket>("data", json!({ "spec": second_wish() }))
            .await?;
        let data = scene.ready::<S3Bucket>("data").await?;
        let parts = [
            ("lifecycle", "NoSuchLifecycleConfiguration"),
            ("requestPayment", "BucketOwner"),
            ("metrics", "<Id>some</Id>"),
        ];
        self.expect(&data, second_wish_granted(), parts).await?;

        for name in [MARKED, PLAIN, "data"] {
            scene.delete::<S3Bucket>(name).await?;
            scene.gone::<S3Bucket>(name).await?;
        }
        scene.delete::<AWSProvider>("account").await?;
        scene.gone::<AWSProvider>("account").await
    }

    /// Tells the story while `death` waits for the trap and has another operator go on in the end; gives what
    /// `death` gives, or nothing if its point was never reached.
    pub async fn tell_with<O>(&self, death: impl Future<Output = Result<O>>) -> Result<Option<O>> {
        match select(pin!(self.tell()), pin!(death)).await {
            Either::Right((next, tale)) => {
                let next = next?;
                tale.await?;
                Ok(Some(next))
            }
            Either::Left((told, death)) => {
                told?;
                // The last calls of all are made when there is nothing left to tell.
                match self.trap.is_sprung() {
                    true => death.await.map(Some),
                    false => Ok(None),
                }
            }
        }
    }

    /// What must hold when the story has been told.
    pub async fn check(&self) -> Result<()> {
        let violations = self.guard.violations();
        ensure!(violations.is_empty(), "{}", violations.join("\n"));
        let left = self.buckets().await?;
        ensure!(left.is_empty(), "buckets are left: {left:?}");
        for operation in ["CreateBucket", "DeleteBucket"] {
            let done = self.forwarded(operation);
            ensure!(
                done.len() == 1,
                "{operation} was done {} times: {done:?}",
                done.len()
            );
        }
        Ok(())
    }

    /// The calls of this operation that came to AWS.
    fn forwarded(&self, operation: &str) -> Vec<Recorded> {
        let mut calls = self.scene.aws.proxy().requests();
        calls.retain(|recorded| {
            recorded.call.about == operation
                && !matches!(recorded.outcome, Outcome::CutBefore | Outcome::LeftBefore)
        });
        calls
    }

    /// Exactly one bucket of our own, exactly as wished, with our mark; and the finalizer that holds it.
    async fn expect(
        &self,
        data: &S3Bucket,
        mut wanted: Has,
        parts: [(&str, &str); 3],
    ) -> Result<()> {
        let held = data
            .finalizers()
            .iter()
            .any(|held| held == S3Buckets::FINALIZER);
        ensure!(
            held,
            "a bucket is there and no finalizer holds it: {:?}",
            data.finalizers()
        );
        let namespace = self.scene.namespace.name();
        let uid = data.uid().unwrap_or_default();
        let installation = self.installation().await?;
        let mark = [
            installation.as_str(),
            "S3Bucket.aws-infra-operator.runner.codes",
            namespace,
            "data",
            &uid,
        ];
        wanted.mark = MARK
            .into_iter()
            .zip(mark)
            .map(|(part, value)| (part.to_owned(), value.to_owned()))
            .collect();
        let bucket = self.scene.bucket_name("data");
        let found = self.scene.somebody.has(&bucket).await?;
        ensure!(found == wanted, "{bucket} is {found:?}, not {wanted:?}");
        for (part, has) in parts {
            let path = format!("{bucket}?{part}");
            let found = self.scene.somebody.ask("GET", &path, "", "").await?;
            ensure!(found.contains(has), "{part}: no {has} in {found}");
        }
        let all = self.buckets().await?;
        ensure!(all == [bucket].into(), "more than one bucket: {all:?}");
        Ok(())
    }

    /// The buckets of this story.
    async fn buckets(&self) -> Result<BTreeSet<String>> {
        let list = self.scene.somebody.s3.list_buckets();
        let listed = list.prefix(self.scene.namespace.name()).send().await?;
        let names = listed.buckets().iter().filter_map(|bucket| bucket.name());
        Ok(names.map(str::to_owned).collect())
    }

    async fn installation(&self) -> Result<String> {
        let namespaces: Api<Namespace> = Api::all(self.scene.api_of::<Lease>().into_client());
        Ok(namespaces
            .get("kube-system")
            .await?
            .uid()
            .unwrap_or_default())
    }
}

/// The points of a story in which nobody dies.
pub async fn recorded(strangers: &Arc<Strangers>) -> Result<Vec<Point>> {
    let story = Story::new("recorded", strangers, None).await?;
    let operator = story.operator()?;
    story.tell().await?;
    story.check().await?;
    let points = story.trap.points();
    operator.stop().await?;
    let distinct: HashSet<&Point> = points.iter().collect();
    ensure!(
        distinct.len() == points.len(),
        "a point is not known by its name"
    );
    Ok(points)
}

fn first_wish() -> Value {
    json!({
        "versioning": { "enabled": true },
        "encryption": { "algorithm": "AES256" },
        "publicAccessBlock": {
            "blockPublicAcls": true, "ignorePublicAcls": true,
            "blockPublicPolicy": true, "restrictPublicBuckets": true,
        },
        "tags": { "team": "a" },
        "lifecycleRules": [{ "id": "old", "enabled": true, "expiration": { "days": 30 } }],
        "requestPayment": { "payer": "Requester" },
        "metrics": [{ "id": "all" }],
    })
}

fn first_wish_granted() -> Has {
    Has {
        tags: pairs([("team", "a")]),
        mark: pairs([]),
        versioning: Some("Enabled".to_owned()),
        encryption: ("AES256".to_owned(), None, false),
        public_access_block: [true; 4],
        ownership: "BucketOwnerEnforced".to_owned(),
    }
}

/// One facet less, one more, one other; as a merge patch.
fn second_wish() -> Value {
    json!({
        "versioning": null,
        "ownershipControls": { "objectOwnership": "BucketOwnerPreferred" },
        "publicAccessBlock": { "blockPublicAcls": false },
        "lifecycleRules": null,
        "requestPayment": { "payer": "BucketOwner" },
        "metrics": [{ "id": "some", "prefix": "a/" }],
    })
}

fn second_wish_granted() -> Has {
    Has {
        versioning: Some("Suspended".to_owned()),
        public_access_block: [false, true, true, true],
        ownership: "BucketOwnerPreferred".to_owned(),
        ..first_wish_granted()
    }
}
