//! One lease, several candidates: never two leaders, and always one in the end.

use std::{future::pending, time::Duration};

use harness::{
    UserRules,
    proxy::{Action, Call, Gate, Point, Rule, Verb, kubernetes::Attributes},
    wait::{PATIENCE, until},
};
use k8s_openapi::api::{coordination::v1::Lease, rbac::v1::PolicyRule};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use operator_core::{
    cluster::{
        election::{Candidacy, Election, LEADER_ADDRESS, LeaderAddress, Leadership},
        leading::{Leading, NotLeading},
    },
    decide::{
        clock::{Clock, Moment},
        lease::Timings,
    },
};
use serde_json::json;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);
/// Four times the default, so that a busy machine does not lose a lease.
const LEASE: Duration = Duration::from_secs(60);
const RENEW_DEADLINE: Duration = Duration::from_secs(40);
const RETRY: Duration = Duration::from_secs(2);

/// A candidate at work.
struct Candidate {
    leadership: Leadership,
    resign: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Candidate {
    fn start(stage: &Stage, client: &Client, identity: &str, clock: &Clock) -> Self {
        Self::start_at(None, stage, client, identity, clock)
    }

    /// One that takes reports at this address.
    fn start_at(
        address: Option<&str>,
        stage: &Stage,
        client: &Client,
        identity: &str,
        clock: &Clock,
    ) -> Self {
        let candidacy = Candidacy {
            lease: stage.key("operator"),
            identity: identity.to_owned(),
            timings: Timings::new(LEASE, RENEW_DEADLINE, RETRY).unwrap(),
            address: address.map(str::to_owned),
        };
        let (election, leadership) = Election::new(client.clone(), clock.clone(), candidacy);
        let (resign, resigned) = oneshot::channel::<()>();
        let task = tokio::spawn(election.run(async move {
            // A candidate that nobody asks to resign goes on.
            if resigned.await.is_err() {
                pending().await
            }
        }));
        Self {
            leadership,
            resign: Some(resign),
            task,
        }
    }

    fn leads(&self) -> bool {
        self.leadership.current().is_some()
    }

    async fn leading(&self) -> Leading {
        until("the candidate to lead", PATIENCE, || async { self.leads() })
            .await
            .unwrap();
        self.leadership.current().unwrap()
    }

    /// Waits until the candidate has seen who holds the lease.
    async fn sees(&self, holder: &str) {
        let sees = || async { self.leadership.state().holder.as_deref() == Some(holder) };
        until(&format!("the candidate to see {holder}"), PATIENCE, sees)
            .await
            .unwrap();
    }

    /// Waits until the candidate knows of no other leader, or of this one at this address.
    async fn follows(&self, leader: Option<(&str, &str)>) {
        let leader = leader.map(|(identity, address)| LeaderAddress {
            identity: identity.to_owned(),
            address: address.to_owned(),
        });
        let mut followed = self.leadership.leader();
        let seen = followed.wait_for(|known| *known == leader);
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.unwrap_or_else(|_| panic!("never {leader:?}")).unwrap();
    }

    async fn resign(mut self) {
        let _ = self.resign.take().unwrap().send(());
        let ended = async { (&mut self.task).await.unwrap() };
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the election ended");
    }
}

async fn lease(stage: &Stage) -> Lease {
    let leases: Api<Lease> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    leases.get("operator").await.unwrap()
}

async fn holder(stage: &Stage) -> String {
    lease(stage)
        .await
        .spec
        .unwrap()
        .holder_identity
        .unwrap_or_default()
}

fn is_lease(call: &Call) -> bool {
    call.about == "leases"
}

/// Moves the clock in steps until `done`.
async fn pass(clock: &Clock, step: Duration, mut done: impl FnMut() -> bool) {
    let moved = || {
        let done = done();
        if !done {
            clock.advance(step);
        }
        async move { done }
    };
    until("time to pass", PATIENCE, moved).await.unwrap();
}

#[tokio::test]
async fn a_lease_given_back_is_taken_at_once() {
    let stage = Stage::new().await;
    let (first_clock, second_clock) = (Clock::system(), Clock::system());
    let first = Candidate::start(&stage, &stage.others, "first", &first_clock);
    let leading = first.leading().await;
    let second = Candidate::start(&stage, &stage.others, "second", &second_clock);
    second.sees("first").await;
    assert!(!second.leads());

    let mut terms = first.leadership.watch();
    first.resign().await;
    assert_eq!(leading.check(), Err(NotLeading));
    assert!(terms.borrow_and_update().is_none(), "who listens was told");
    assert_eq!(holder(&stage).await, "");

    // The longest retry of a candidate, which is far less than the lease.
    second_clock.advance(RETRY * 3);
    second.leading().await;
    let spec = lease(&stage).await.spec.unwrap();
    assert_eq!(
        (spec.holder_identity.as_deref(), spec.lease_transitions),
        (Some("second"), Some(1))
    );
    assert_eq!(spec.lease_duration_seconds, Some(60));
    assert!(spec.acquire_time.is_some() && spec.renew_time.is_some());
}

#[tokio::test]
async fn the_lease_of_a_dead_leader_is_taken_when_it_has_run_out() {
    let stage = Stage::new().await;
    let dead = Candidate::start(&stage, &stage.others, "dead", &Clock::system());
    dead.leading().await;
    drop(dead);
    let clock = Clock::system();
    let before = clock.now();
    let heir = Candidate::start(&stage, &stage.others, "heir", &clock);
    heir.sees("dead").await;
    pass(&clock, SECOND, || heir.leads()).await;
    assert!(
        clock.now().since(before) >= LEASE,
        "the lease was waited for"
    );
    assert_eq!(holder(&stage).await, "heir");
}

/// However a leader loses the API server, it stops in time: both candidates live by one clock.
#[rstest::rstest]
#[case::connections_are_cut(Action::DropBefore)]
#[case::requests_hang(Action::Hold(Point::Before, Gate::new()))]
#[case::answers_are_lost(Action::DropAfter)]
#[tokio::test]
async fn a_leader_without_api_server_stops_before_another_starts(#[case] fault: Action) {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let cut_off = Candidate::start(&stage, &stage.client, "cut-off", &clock);
    let leading = cut_off.leading().await;
    let heir = Candidate::start(&stage, &stage.others, "heir", &clock);
    heir.sees("cut-off").await;

    // Renewals whose answers are lost still keep others away: one of them, then nothing gets through.
    let effects = Rule::when(is_lease, fault).times(1);
    stage.proxy().rule(effects);
    stage.proxy().rule(Rule::when(is_lease, Action::DropBefore));
    let deadline = leading.deadline();
    assert!(deadline > clock.now());

    let mut stopped_at: Option<Moment> = None;
    pass(&clock, SECOND / 2, || {
        let (leads, heir_leads) = (leading.check().is_ok(), heir.leads());
        assert!(!(leads && heir_leads), "two leaders");
        if !leads {
            stopped_at.get_or_insert(clock.now());
        }
        heir_leads
    })
    .await;
    let stopped_at = stopped_at.expect("it stopped");
    assert!(stopped_at >= deadline, "it led as long as it might");
    assert_eq!(leading.check(), Err(NotLeading));
    until("who listens to be told", PATIENCE, || async {
        cut_off.leadership.watch().borrow().is_none()
    })
    .await
    .unwrap();
    assert!(cut_off.leadership.state().last_error.is_some());
    assert_eq!(holder(&stage).await, "heir");
}

#[tokio::test]
async fn a_leader_that_was_stopped_past_its_lease_may_not_write_when_it_goes_on() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let leader = Candidate::start(&stage, &stage.others, "leader", &clock);
    let leading = leader.leading().await;
    // As after SIGSTOP and SIGCONT: time has passed and no task has run yet.
    clock.advance(RENEW_DEADLINE);
    assert_eq!(leading.check(), Err(NotLeading));
    assert!(leader.leadership.current().is_none());

    // It stands again, and the right of its new term is another one.
    leader.leading().await;
    assert_eq!(leading.check(), Err(NotLeading), "the old right stays void");
}

#[tokio::test]
async fn a_leader_stays_through_a_short_outage_and_reads_before_it_renews() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let leader = Candidate::start(&stage, &stage.client, "leader", &clock);
    let leading = leader.leading().await;
    assert_eq!(leader.leadership.slow_paths(), 0);
    let renewal = |call: &Call| is_lease(call) && call.verb == Verb::Write;
    let refused = stage
        .proxy()
        .rule(Rule::when(renewal, Action::DropBefore).once());
    let before = leading.deadline();
    clock.advance(RETRY);
    until("the renewal to fail", PATIENCE, || async {
        refused.hits() == 1
    })
    .await
    .unwrap();
    clock.advance(RETRY);
    until("the lease to be renewed", PATIENCE, || async {
        leading.deadline() > before
    })
    .await
    .unwrap();
    assert_eq!(leader.leadership.slow_paths(), 1);
    assert_eq!(leading.check(), Ok(()), "the same term");
}

#[tokio::test]
async fn what_others_wrote_on_the_lease_stays_and_a_thief_is_obeyed() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let leader = Candidate::start(&stage, &stage.others, "leader", &clock);
    leader.leading().await;
    let leases: Api<Lease> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    let write = async |patch: serde_json::Value| {
        leases
            .patch("operator", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap()
    };
    let note = json!({ "metadata": { "annotations": { "team": "network" } } });
    let noted = write(note).await.metadata.resource_version;
    until("a renewal", PATIENCE, || async {
        clock.advance(SECOND);
        lease(&stage).await.metadata.resource_version != noted
    })
    .await
    .unwrap();
    assert_eq!(
        lease(&stage).await.metadata.annotations.unwrap()["team"],
        "network"
    );

    let leading = leader.leading().await;
    write(json!({ "spec": { "holderIdentity": "thief" } })).await;
    until("the leader to notice", PATIENCE, || async {
        clock.advance(SECOND / 2);
        leading.check().is_err()
    })
    .await
    .unwrap();
    leader.sees("thief").await;
    assert_eq!(holder(&stage).await, "thief");
}

fn said_on(lease: &Lease) -> Option<&str> {
    let annotations = lease.metadata.annotations.as_ref()?;
    annotations.get(LEADER_ADDRESS).map(String::as_str)
}

#[tokio::test]
async fn everybody_knows_where_the_leader_takes_reports() {
    let stage = Stage::new().await;
    let (first_clock, second_clock) = (Clock::system(), Clock::system());
    let first = "10.0.0.1:9444";
    let first = Candidate::start_at(Some(first), &stage, &stage.others, "first", &first_clock);
    first.leading().await;
    assert_eq!(said_on(&lease(&stage).await), Some("10.0.0.1:9444"));
    let second = "10.0.0.2:9444";
    let second = Candidate::start_at(Some(second), &stage, &stage.others, "second", &second_clock);
    second.follows(Some(("first", "10.0.0.1:9444"))).await;
    assert_eq!(*first.leadership.leader().borrow(), None, "it is itself");

    first.resign().await;
    assert_eq!(said_on(&lease(&stage).await), None);
    second_clock.advance(RETRY * 3);
    second.leading().await;
    second.follows(None).await;
    assert_eq!(said_on(&lease(&stage).await), Some("10.0.0.2:9444"));
}

#[tokio::test]
async fn the_address_on_the_lease_heals_without_a_request_of_its_own() {
    let stage = Stage::new().await;
    let clock = Clock::system();
    let leader = "10.0.0.1:9444";
    let leader = Candidate::start_at(Some(leader), &stage, &stage.client, "leader", &clock);
    leader.leading().await;
    let leases: Api<Lease> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    let bare = json!({ "metadata": { "annotations": { LEADER_ADDRESS: null } } });
    let patched = leases
        .patch("operator", &PatchParams::default(), &Patch::Merge(bare))
        .await
        .unwrap();
    assert_eq!(said_on(&patched), None);
    until("the address to be there again", PATIENCE, || async {
        clock.advance(SECOND);
        said_on(&lease(&stage).await) == Some("10.0.0.1:9444")
    })
    .await
    .unwrap();
    for write in stage.proxy().requests() {
        if write.call.verb == Verb::Write {
            let sent: Lease = serde_json::from_slice(&write.call.body).unwrap();
            assert_eq!(said_on(&sent), Some("10.0.0.1:9444"));
            assert!(sent.spec.unwrap().renew_time.is_some(), "it renews, too");
        }
    }
}

#[tokio::test]
async fn a_leader_without_an_address_does_not_keep_that_of_another() {
    let stage = Stage::new().await;
    let dead = "10.0.0.1:9444";
    let dead = Candidate::start_at(Some(dead), &stage, &stage.others, "dead", &Clock::system());
    dead.leading().await;
    drop(dead);
    let clock = Clock::system();
    let heir = Candidate::start(&stage, &stage.others, "heir", &clock);
    heir.follows(Some(("dead", "10.0.0.1:9444"))).await;
    pass(&clock, SECOND, || heir.leads()).await;
    heir.follows(None).await;
    let taken = lease(&stage).await;
    assert_eq!(said_on(&taken), None);
}

#[tokio::test]
async fn three_verbs_on_leases_suffice() {
    let stage = Stage::new().await;
    let rule = |verbs: &[&str]| PolicyRule {
        api_groups: Some(vec!["coordination.k8s.io".into()]),
        resources: Some(vec!["leases".into()]),
        verbs: verbs.iter().map(|verb| verb.to_string()).collect(),
        ..PolicyRule::default()
    };
    let rules = vec![rule(&["get", "create", "update"])];
    let namespaced = vec![(stage.namespace.name().to_owned(), rules)];
    let user = stage
        .cluster
        .user(
            "candidate",
            UserRules {
                namespaced,
                ..UserRules::default()
            },
        )
        .await
        .unwrap();
    let clock = Clock::system();
    let candidate = Candidate::start(&stage, &stage.client_of(&user), "candidate", &clock);
    let leading = candidate.leading().await;
    let before = leading.deadline();
    clock.advance(RETRY);
    until("the lease to be renewed", PATIENCE, || async {
        leading.deadline() > before
    })
    .await
    .unwrap();
    candidate.resign().await;
    let mut verbs: Vec<_> = stage
        .proxy()
        .requests()
        .iter()
        .filter_map(|r| Some(Attributes::of(&r.call)?.verb))
        .collect();
    verbs.sort_unstable();
    verbs.dedup();
    assert_eq!(verbs, ["create", "get", "update"]);

    let stranger = stage
        .cluster
        .user("stranger", UserRules::default())
        .await
        .unwrap();
    let refused = Candidate::start(
        &stage,
        &stage.client_of(&stranger),
        "stranger",
        &Clock::system(),
    );
    let says_why = || async {
        let error = refused.leadership.state().last_error.unwrap_or_default();
        if error.contains("leases.coordination.k8s.io") {
            Ok(())
        } else {
            Err(error)
        }
    };
    until("the refusal to be shown", PATIENCE, says_why)
        .await
        .unwrap();
    assert!(!refused.leads());
}

#[tokio::test]
async fn without_election_a_process_leads() {
    let clock = Clock::system();
    let leadership = Leadership::always(clock.clone());
    clock.advance(SECOND * 3600);
    assert_eq!(leadership.current().unwrap().check(), Ok(()));
    assert!(leadership.state().leading);
    assert!(
        leadership.watch().has_changed().is_ok(),
        "the channel stays open"
    );
}
