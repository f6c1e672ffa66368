//! No write starts after the lease's local deadline.

use std::time::Duration;

use harness::{
    ControlPlane,
    proxy::{Action, Gate, Point, Rule, Verb},
};
use operator_core::{
    cluster::{
        election::{Candidacy, Election},
        leading::Leading,
    },
    decide::{
        clock::Clock,
        key::ObjectKey,
        lease::Timings,
        outcome::{Class, Fault},
    },
};

use crate::stage::Stage;

/// A term that ends when `clock` is moved ahead.
pub async fn term(clock: &Clock) -> Leading {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = cluster.namespace("fence").await.unwrap();
    let candidacy = Candidacy {
        lease: ObjectKey::new(namespace.name(), "lease"),
        identity: "writer".into(),
        timings: Timings::default(),
        address: None,
    };
    let (election, leadership) = Election::new(cluster.client().unwrap(), clock.clone(), candidacy);
    tokio::spawn(election.run(std::future::pending()));
    let mut terms = leadership.watch();
    let begun = terms.wait_for(Option::is_some).await.unwrap();
    begun.clone().unwrap()
}

fn is_stopped(fault: &Fault) -> bool {
    fault.message.contains("no longer leads")
}

#[tokio::test]
async fn from_the_deadline_on_no_write_leaves() {
    let clock = Clock::system();
    let stage = Stage::new().await;
    let stage = Stage {
        leading: term(&clock).await,
        ..stage
    };
    let case = stage.case("fenced");
    stage.leading.check().expect("the term has begun");
    clock.advance(Duration::from_secs(3600));
    let fault = case.create().await.expect_err("fenced");
    assert!(is_stopped(&fault), "{fault}");
    assert_eq!(fault.class, Class::Transient, "certainly not sent");
    assert_eq!(stage.proxy().counts().of(Verb::Write), 0);
}

#[tokio::test]
async fn a_write_on_its_way_when_the_deadline_passes_is_given_up_in_doubt() {
    let clock = Clock::system();
    let stage = Stage::new().await;
    let gate = Gate::new();
    stage.proxy().rule(Rule::when(
        |call| call.about == "CreateBucket",
        Action::Hold(Point::After, gate.clone()),
    ));
    let stage = Stage {
        leading: term(&clock).await,
        ..stage
    };
    let case = stage.case("in-doubt");
    let (created, ()) = tokio::join!(case.create(), async {
        gate.arrived(1).await;
        clock.advance(Duration::from_secs(3600));
        gate.open();
    });
    let fault = created.expect_err("given up");
    assert!(is_stopped(&fault), "{fault}");
    assert_eq!(fault.class, Class::UnknownOutcome);
}
