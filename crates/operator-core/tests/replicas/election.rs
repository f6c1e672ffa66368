//! Replicas with a real Lease between them.

use std::{future::pending, time::Duration};

use harness::{ControlPlane, Namespace, wait::PATIENCE};
use kube::Client;
use operator_core::{
    cluster::election::{Candidacy, Election, Leadership},
    decide::{clock::Clock, key::ObjectKey, lease::Timings},
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    replica::{Replica, held},
    stage::{Authority, Holder, listen},
};

/// Four times the default, so that a busy machine does not lose a lease.
const LEASE: Duration = Duration::from_secs(60);
const RENEW_DEADLINE: Duration = Duration::from_secs(40);
const RETRY: Duration = Duration::from_secs(2);

/// A leadership in an election that nobody takes part in.
pub async fn nobody_leads(clock: &Clock) -> Leadership {
    let cluster = ControlPlane::shared().await.unwrap();
    let candidacy = Candidacy {
        lease: ObjectKey::new("nowhere", "nothing"),
        identity: "nobody".to_owned(),
        timings: Timings::default(),
        address: None,
    };
    let (election, leadership) = Election::new(cluster.client().unwrap(), clock.clone(), candidacy);
    // One that is not run, and does not end.
    tokio::spawn(async move {
        let _election = election;
        pending::<()>().await;
    });
    leadership
}

/// A replica that stands for election.
struct Candidate {
    replica: Replica,
    leadership: Leadership,
    resign: oneshot::Sender<()>,
    election: JoinHandle<()>,
}

impl Candidate {
    async fn start(
        name: &'static str,
        client: Client,
        namespace: &Namespace,
        holder: &Holder,
        clock: &Clock,
    ) -> Self {
        let listening = listen().await;
        let candidacy = Candidacy {
            lease: ObjectKey::new(namespace.name(), "operator"),
            identity: name.to_owned(),
            timings: Timings::new(LEASE, RENEW_DEADLINE, RETRY).unwrap(),
            address: Some(listening.address().to_string()),
        };
        let (election, leadership) = Election::new(client, clock.clone(), candidacy);
        let (resign, resigned) = oneshot::channel();
        let election = tokio::spawn(election.run(async move {
            if resigned.await.is_err() {
                pending().await
            }
        }));
        let leader = leadership.leader();
        let replica = Replica::start(name, holder, clock, listening, leadership.clone(), leader);
        Self {
            replica,
            leadership,
            resign,
            election,
        }
    }

    async fn leads(&self) {
        let mut terms = self.leadership.watch();
        let leads = terms.wait_for(Option::is_some);
        timeout(PATIENCE, leads).await.expect("it leads").unwrap();
    }

    /// Gives the lease back and goes on serving receivers.
    async fn resign(self) -> Replica {
        let _ = self.resign.send(());
        let ended = timeout(PATIENCE, self.election).await;
        ended.expect("the election ended").unwrap();
        self.replica
    }
}

#[tokio::test]
async fn reports_follow_the_lease() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = cluster.namespace("replicas").await.unwrap();
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let start = async |name| {
        let client = cluster.client().unwrap();
        Candidate::start(name, client, &namespace, &holder, &clock).await
    };
    let first = start("a").await;
    first.leads().await;
    assert!(!first.leadership.is_inherited(), "it made the Lease");
    let second = start("b").await;
    let third = start("c").await;
    let has = held(&[("x", 1)]);
    for (candidate, receiver) in [(&first, "one"), (&second, "two"), (&third, "three")] {
        candidate.replica.joins(receiver);
        candidate.replica.has(receiver, &has);
    }
    let of = |receiver, replica| (receiver, replica, Some(&has));
    let (one, two, three) = (of("one", "a"), of("two", "b"), of("three", "c"));
    let whole = [one, two, three];
    first.replica.comes_to_know(&whole).await;
    second.replica.comes_to_know(&[two]).await;
    third.replica.comes_to_know(&[three]).await;

    let resigned = first.resign().await;
    let (leader, other) = tokio::select! {
        () = second.leads() => (second, third),
        () = third.leads() => (third, second),
    };
    // Who has resigned takes part in no election, and so hears of no other leader.
    resigned.comes_to_know(&[one]).await;
    let rest = [two, three];
    leader.replica.comes_to_know(&rest).await;
    other.replica.leaves("two");
    other.replica.leaves("three");
    let own = if leader.replica.name == "b" {
        two
    } else {
        three
    };
    leader.replica.comes_to_know(&[own]).await;

    // Whoever comes only now finds a Lease that nobody holds, and yet is not alone.
    let Candidate {
        resign, election, ..
    } = other;
    election.abort();
    drop(resign);
    leader.resign().await;
    let late = start("d").await;
    late.leads().await;
    assert!(late.leadership.is_inherited());
}
