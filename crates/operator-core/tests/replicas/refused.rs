//! Who may not report, and what may not be reported.

use harness::wait::PATIENCE;
use operator_core::{
    decide::clock::Clock,
    engines::fanout::replicas::{Dialling, dial},
};
use rcgen::ExtendedKeyUsagePurpose as Purpose;
use replica_protocol::{
    Nothing, Opening, Receiver, ReceiverLeft, ReportRequest, receiver::Has,
    replicas_client::ReplicasClient, report_request::Report,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tonic::{Code, Status};

use crate::{
    replica::Replica,
    stage::{Authority, NAME},
};

/// Says this much and then nothing, and waits for the end.
async fn report(leader: &Replica, dialling: &Dialling, said: Vec<Report>) -> Status {
    let (sender, mut receiver) = mpsc::channel(1);
    let saying = tokio::spawn(async move {
        for report in said {
            let report = Some(report);
            if sender.send(ReportRequest { report }).await.is_err() {
                return;
            }
        }
        sender.closed().await;
    });
    let reports = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let channel = dial(&leader.address.to_string(), dialling).await.unwrap();
    let mut client = ReplicasClient::new(channel);
    let ended = timeout(PATIENCE, client.report(reports)).await;
    saying.abort();
    ended.expect("the stream ends").expect_err("with an error")
}

fn opening(replica: &str) -> Report {
    Report::Opening(Opening {
        replica: replica.to_owned(),
    })
}

fn receiver(id: &str) -> Report {
    Report::Receiver(Receiver {
        id: id.to_owned(),
        session: "a session".to_owned(),
        connected_milliseconds: 0,
        has: Some(Has::Nothing(Nothing {})),
    })
}

#[tokio::test]
async fn only_replicas_report() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let gateway = authority.gateway(&clock).await;
    let named_alike = authority.holder(NAME, &[Purpose::ClientAuth], &clock);
    let named_alike = named_alike.await;
    let strangers = [
        gateway.dialling(),
        named_alike.dialling(),
        holder.dialling_without_certificate(),
    ];
    for stranger in strangers {
        let status = report(&leader, &stranger, vec![opening("b"), receiver("one")]).await;
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        assert!(status.message().contains(NAME), "{status}");
        assert!(leader.knows().is_empty());
    }
}

#[tokio::test]
async fn one_that_does_not_lead_says_so() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let (_leads, nobody) = watch::channel(None);
    let follower = Replica::follower("b", &holder, &clock, nobody).await;
    let status = report(&follower, &holder.dialling(), vec![opening("c")]).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn what_makes_no_sense_ends_its_own_stream_alone() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let (_leads, followed) = watch::channel(leader.as_leader());
    let other = Replica::follower("b", &holder, &clock, followed).await;
    leader.joins("own");
    other.joins("one");
    let undisturbed = [("own", "a", None), ("one", "b", None)];
    leader.comes_to_know(&undisturbed).await;

    let unknown = Receiver {
        id: "two".to_owned(),
        has: Some(Has::Version(vec![7; 16])),
        ..Receiver::default()
    };
    let long = Report::ReceiverLeft(ReceiverLeft {
        id: "x".repeat(2 << 20),
    });
    let senseless = [
        (vec![receiver("two")], "the first message"),
        (
            vec![opening("c"), receiver("two"), Report::Receiver(unknown)],
            "was not told in this stream",
        ),
        (vec![opening("c"), receiver("two"), long], "too large"),
    ];
    for (said, why) in senseless {
        let status = report(&leader, &holder.dialling(), said).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(why), "{status}");
        leader.comes_to_know(&undisturbed).await;
    }
}

#[tokio::test]
async fn a_later_stream_of_one_name_ends_the_earlier_one() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let dialling = holder.dialling();
    let earlier = report(&leader, &dialling, vec![opening("b"), receiver("one")]);
    let (_leads, followed) = watch::channel(leader.as_leader());
    let later = Replica::follower("b", &holder, &clock, followed);
    let later = async {
        until_known(&leader, "one").await;
        let later = later.await;
        later.joins("two");
        leader.comes_to_know(&[("two", "b", None)]).await;
    };
    let (status, ()) = tokio::join!(earlier, later);
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

async fn until_known(leader: &Replica, receiver: &str) {
    leader
        .eventually("the receiver to be known", || {
            let known = leader.knows();
            known.contains_key(receiver).then_some(()).ok_or(known)
        })
        .await;
}
