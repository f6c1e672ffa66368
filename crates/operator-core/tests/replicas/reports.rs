//! What replicas report arrives, and goes with them.

use operator_core::{decide::clock::Clock, engines::fanout::Known};
use tokio::sync::watch;

use crate::{
    replica::{Held, Replica, held},
    stage::Authority,
};

#[tokio::test]
async fn the_leader_knows_what_every_replica_has_and_refuses() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let (_leads, followed) = watch::channel(leader.as_leader());
    let b = Replica::follower("b", &holder, &clock, followed.clone()).await;
    let c = Replica::follower("c", &holder, &clock, followed).await;

    let (old, new) = (held(&[("x", 1), ("y", 1)]), held(&[("x", 2), ("z", 1)]));
    leader.joins("one");
    leader.has("one", &old);
    b.joins("two");
    b.has("two", &old);
    b.joins("three");
    c.joins("four");
    let none: Option<&Held> = None;
    leader
        .comes_to_know(&[
            ("one", "a", Some(&old)),
            ("two", "b", Some(&old)),
            ("three", "b", none),
            ("four", "c", none),
        ])
        .await;
    assert_eq!(b.knows().len(), 2, "followers know their own");

    b.has("two", &new);
    b.leaves("three");
    c.has("four", &new);
    leader
        .comes_to_know(&[
            ("one", "a", Some(&old)),
            ("two", "b", Some(&new)),
            ("four", "c", Some(&new)),
        ])
        .await;

    b.refuses("x", "second");
    c.refuses("y", "first");
    let words = |id: &str, edition| leader.refusals.words(&id.into(), edition);
    leader
        .eventually("refusals to arrive", || {
            let known = (words("x", "second"), words("y", "first"));
            let both = known.0.is_some() && known.1.is_some();
            both.then_some(()).ok_or(known)
        })
        .await;
    assert_eq!(words("x", "second").as_deref(), Some("b refuses it"));
    b.refusals.retain(|_, _| false);
    leader
        .eventually("a refusal to go", || {
            words("x", "second").map_or(Ok(()), Err)
        })
        .await;
    assert!(words("y", "first").is_some());
}

#[tokio::test]
async fn receivers_of_a_replica_that_is_lost_or_stops_have_left() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let (_leads, followed) = watch::channel(leader.as_leader());
    let lost = Replica::follower("b", &holder, &clock, followed.clone()).await;
    let stopped = Replica::follower("c", &holder, &clock, followed.clone()).await;
    lost.joins("one");
    lost.refuses("x", "first");
    stopped.joins("two");
    leader
        .comes_to_know(&[("one", "b", None), ("two", "c", None)])
        .await;

    lost.kill();
    leader.comes_to_know(&[("two", "c", None)]).await;
    stopped.stop().await;
    leader.comes_to_know(&[]).await;
    assert!(leader.refusals.words(&"x".into(), "first").is_some());

    // It went to another replica.
    let other = Replica::follower("d", &holder, &clock, followed).await;
    other.joins("one");
    leader.comes_to_know(&[("one", "d", None)]).await;
}

#[tokio::test]
async fn a_replica_reports_to_whoever_leads() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let first = Replica::leader("a", &holder, &clock).await;
    let second = Replica::leader("b", &holder, &clock).await;
    let (leads, followed) = watch::channel(None);
    let follower = Replica::follower("c", &holder, &clock, followed.clone()).await;
    let idle = Replica::follower("d", &holder, &clock, followed).await;
    follower.joins("one");
    let has = held(&[("x", 1)]);
    follower.has("one", &has);

    // One that does not lead refuses, and is asked again.
    leads.send_replace(idle.as_leader());
    leads.send_replace(first.as_leader());
    first.comes_to_know(&[("one", "c", Some(&has))]).await;
    leads.send_replace(second.as_leader());
    second.comes_to_know(&[("one", "c", Some(&has))]).await;
    first.comes_to_know(&[]).await;

    // A leader that stops; then there is none, and the replica stops in order, too.
    second.stop().await;
    leads.send_replace(first.as_leader());
    first.comes_to_know(&[("one", "c", Some(&has))]).await;
    leads.send_replace(None);
    first.comes_to_know(&[]).await;
    follower.stop().await;
}

#[tokio::test]
async fn a_connection_that_broke_is_made_again() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let wire = crate::wire::Wire::to(leader.address).await;
    let (_leads, followed) = watch::channel(wire.as_leader());
    let follower = Replica::follower("b", &holder, &clock, followed).await;
    follower.joins("one");
    leader.comes_to_know(&[("one", "b", None)]).await;
    let since = joined(&leader);
    clock.advance(std::time::Duration::from_secs(100));
    wire.cut();
    leader.comes_to_know(&[]).await;
    leader.comes_to_know(&[("one", "b", None)]).await;
    let apart = joined(&leader).since(since);
    assert!(
        apart.as_secs() < 90,
        "it has been connected all the time, not only for as long as it is reported"
    );
    let receivers = leader.board.receivers();
    assert!(matches!(receivers[0].1.has, Known::Nothing));
}

/// Pings tell, after 20 s that nothing shortens.
#[tokio::test]
async fn a_leader_of_which_nothing_is_heard_is_dialled_again() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let wire = crate::wire::Wire::to(leader.address).await;
    let (_leads, followed) = watch::channel(wire.as_leader());
    let follower = Replica::follower("b", &holder, &clock, followed).await;
    follower.joins("one");
    leader.comes_to_know(&[("one", "b", None)]).await;
    wire.get_stuck();
    follower.joins("two");
    leader
        .comes_to_know(&[("one", "b", None), ("two", "b", None)])
        .await;
}

fn joined(leader: &Replica) -> operator_core::decide::clock::Moment {
    leader.board.receivers()[0].1.joined
}
