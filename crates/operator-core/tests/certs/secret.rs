//! One authority for all replicas, whoever is first, and whatever stood in the Secret before.

use std::collections::BTreeSet;

use harness::{
    proxy::{Action, Call, Gate, Point, Rule, Verb, kubernetes::Attributes},
    wait::{PATIENCE, until},
};
use kube::api::DeleteParams;
use operator_core::{
    cluster::election::Leadership,
    decide::key::ObjectKey,
    process::certs::{Names, SelfSigned},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rstest::rstest;

use crate::{
    peers,
    stage::{CLIENT_SECRET, DAY, NAME, OPERATOR, SECRET, Stage, values},
};

fn is_create(call: &Call) -> bool {
    is_secret(call, "create")
}

fn is_secret(call: &Call, verb: &str) -> bool {
    Attributes::of(call).is_some_and(|of| of.resource == "secrets" && of.verb == verb)
}

/// How often Secrets were written, whether it succeeded or not.
fn writes(stage: &Stage) -> usize {
    stage.proxy().counts().of(Verb::Write)
}

/// Waits for that many more looks at the Secret, letting time pass.
async fn looks(stage: &Stage, count: usize) {
    let made = || {
        let requests = stage.proxy().requests();
        let of_main = |call: &Call| {
            is_secret(call, "get") && Attributes::of(call).is_some_and(|of| of.name == SECRET)
        };
        requests
            .iter()
            .filter(|request| of_main(&request.call))
            .count()
    };
    let before = made();
    stage
        .pass("looks at the Secret", async || made() >= before + count)
        .await;
}

#[tokio::test]
async fn replicas_that_start_at_once_share_one_authority() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let held = Rule::when(is_create, Action::Hold(Point::Before, gate.clone())).times(2);
    stage.proxy().rule(held);
    // Both believe that they lead, as two replicas without election do.
    let (one, other) = (stage.leader(), stage.leader());
    tokio::time::timeout(PATIENCE, gate.arrived(2))
        .await
        .expect("both create");
    gate.open();
    one.ready().await;
    other.ready().await;
    let authority = stage.values(SECRET).await["ca.crt"].clone();
    looks(&stage, 4).await;
    assert_eq!(stage.values(SECRET).await["ca.crt"], authority);
    let (one, other) = (one.certificates.state(), other.certificates.state());
    assert_eq!(one.expires, other.expires);
    assert_eq!((one.authorities, one.problem), (other.authorities, None));
}

/// However a write ends, there is one authority, and a steady Secret is never written again.
#[rstest]
#[case::not_sent(Action::DropBefore)]
#[case::answer_lost(Action::DropAfter)]
#[tokio::test]
async fn a_write_that_fails_is_made_good(#[case] fault: Action) {
    let stage = Stage::new().await;
    let failed = stage.proxy().rule(Rule::when(is_create, fault).once());
    let replica = stage.leader();
    replica.ready().await;
    assert_eq!(failed.hits(), 1);
    stage
        .pass("the client's Secret", async || {
            stage
                .secrets
                .get_opt(CLIENT_SECRET)
                .await
                .unwrap()
                .is_some()
        })
        .await;
    let before = stage.stored(SECRET).await.metadata.resource_version;
    let written = writes(&stage);
    looks(&stage, 5).await;
    assert_eq!(stage.stored(SECRET).await.metadata.resource_version, before);
    assert_eq!(writes(&stage), written);
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut stage = Stage::new().await;
    // All that is written is the one Secret, so that nothing is left to do once it is renewed.
    stage.settings.clients.clear();
    let first = stage.leader();
    first.ready().await;
    let stored = stage.stored(SECRET).await;
    let labels = stored.metadata.labels.clone().unwrap();
    assert_eq!(labels["app.kubernetes.io/managed-by"], OPERATOR);
    let expires = first.certificates.expires();
    stage.clock.advance(21 * DAY);
    stage
        .pass("a renewal", async || first.certificates.expires() > expires)
        .await;
    first.stop().await;

    let stored = stage.values(SECRET).await;
    stage.proxy().clear();
    let second = stage.leader();
    second.ready().await;
    looks(&stage, 3).await;
    assert_eq!(stage.values(SECRET).await, stored);
    assert_eq!(writes(&stage), 0);
    assert_eq!(second.certificates.state().problem, None);
}

#[tokio::test]
async fn what_is_asked_is_what_the_rules_allow() {
    let stage = Stage::new().await;
    let replica = stage.leader();
    replica.ready().await;
    let expires = replica.certificates.expires();
    stage.clock.advance(21 * DAY);
    stage
        .pass("a renewal", async || {
            replica.certificates.expires() > expires
        })
        .await;
    let rules = stage.settings.rules();
    assert_eq!(Vec::from_iter(rules.keys()), [stage.namespace.name()]);
    let rules = &rules[stage.namespace.name()];
    let allowed = rules.iter().flat_map(|rule| rule.verbs.iter().cloned());
    let requests = stage.proxy().requests();
    let asked = requests.iter().map(|request| {
        let of = Attributes::of(&request.call).expect("only objects are asked for");
        assert_eq!(of.resource, "secrets");
        of.verb.to_owned()
    });
    assert_eq!(
        asked.collect::<BTreeSet<_>>(),
        allowed.collect::<BTreeSet<_>>()
    );
}

#[tokio::test]
async fn a_follower_waits_for_the_leader_and_writes_nothing() {
    let stage = Stage::new().await;
    let follower = stage.follower();
    follower.says("the replica that leads makes Secret").await;
    assert_eq!(follower.certificates.expires(), None);
    assert_eq!(writes(&stage), 0);
    let leader = stage.leader();
    leader.ready().await;
    follower.ready().await;
    assert_eq!(
        follower.certificates.expires(),
        leader.certificates.expires()
    );
    let leader_alone = stage.values(SECRET).await;
    leader.stop().await;
    let before = writes(&stage);
    stage.clock.advance(25 * DAY);
    looks(&stage, 2).await;
    assert_eq!(writes(&stage), before, "what is due is left to a leader");
    assert_eq!(stage.values(SECRET).await, leader_alone);
}

#[tokio::test]
async fn a_replica_that_waits_for_anothers_certificate_is_ready_to_take_its_place() {
    let stage = Stage::new().await;
    let earlier = stage.candidate("earlier").await;
    earlier.leads().await;
    let later = stage.candidate("later").await;
    let replica = stage.replica(&stage.settings, later.leadership.clone());
    // The one that leads was started with other settings: it makes no such certificate.
    replica.ready().await;
    assert_eq!(replica.certificates.expires(), None);
    let told = replica.certificates.state().problem.unwrap();
    assert!(told.contains("the replica that leads makes"), "{told}");
    earlier.resign().await;
    let made = || async { replica.certificates.expires().is_some() };
    until("a certificate", PATIENCE, made).await.unwrap();
    replica.ready().await;
}

fn authority(common_name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    params.not_after = rcgen::date_time_ymd(2060, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn an_authority_of_the_chart_is_adopted() {
    let stage = Stage::new().await;
    let (certificate, key) = authority("chart");
    let labels = [("app.kubernetes.io/managed-by", "Helm")];
    let data = [("ca.crt", &*certificate), ("ca.key", &*key), ("note", "x")];
    stage.create(SECRET, &labels, &data).await;
    let replica = stage.leader();
    replica.ready().await;
    let stored = stage.stored(SECRET).await;
    assert_eq!(stored.metadata.labels.clone().unwrap()[labels[0].0], "Helm");
    let stored = values(stored);
    for (key, value) in data {
        assert_eq!(stored[key], value, "{key}");
    }
    assert!(stored.contains_key("tls.crt") && stored.contains_key("tls.key"));
    peers::accepts(&stage.clock, &stored, &replica.certificates).await;
}

#[tokio::test]
async fn a_secret_that_is_not_understood_is_left_alone_and_explained() {
    let stage = Stage::new().await;
    let ((certificate, key), (_, foreign)) = (authority("one"), authority("other"));
    let data = [("ca.crt", &*certificate), ("ca.key", &*foreign)];
    stage.create(SECRET, &[], &data).await;
    let before = stage.stored(SECRET).await.metadata.resource_version;
    let replica = stage.leader();
    replica
        .says("ca.key is not the key of any certificate")
        .await;
    looks(&stage, 2).await;
    assert_eq!(stage.stored(SECRET).await.metadata.resource_version, before);
    assert_eq!(writes(&stage), 0);
    let shown = format!(
        "{:?} {:?}",
        replica.certificates,
        replica.certificates.state()
    );
    assert!(!shown.contains(foreign.lines().nth(1).unwrap()));

    stage.put(SECRET, "ca.key", &key).await;
    replica.ready().await;
    assert_eq!(stage.values(SECRET).await["ca.crt"], certificate);

    // What is broken later takes nothing away from who serves.
    stage.put(SECRET, "ca.key", &foreign).await;
    stage
        .pass("the problem to be seen", async || {
            replica.certificates.state().problem.is_some()
        })
        .await;
    assert_eq!(replica.certificates.check(), Ok(()));
}

#[tokio::test]
async fn a_secret_that_was_deleted_begins_anew() {
    let stage = Stage::new().await;
    let replica = stage.leader();
    replica.ready().await;
    let before = stage.values(SECRET).await;
    stage
        .secrets
        .delete(SECRET, &DeleteParams::default())
        .await
        .unwrap();
    stage
        .pass("another Secret", async || {
            stage.secrets.get_opt(SECRET).await.unwrap().is_some()
        })
        .await;
    let after = stage.values(SECRET).await;
    assert_ne!(after["ca.crt"], before["ca.crt"]);
    stage
        .pass("the new one to be in force", async || {
            peers::connects(&stage.clock, &after, &replica.certificates).await
        })
        .await;
}

#[tokio::test]
async fn other_names_issue_another_certificate_of_the_same_authority() {
    let stage = Stage::new().await;
    let first = stage.leader();
    first.ready().await;
    let before = stage.values(SECRET).await;
    first.stop().await;
    let settings = SelfSigned {
        names: Names::new(NAME.parse().unwrap(), ["127.0.0.1".parse().unwrap()]),
        ..stage.settings.clone()
    };
    let always = Leadership::always(stage.clock.clone());
    let second = stage.replica(&settings, always);
    second.ready().await;
    let changed = || async { stage.values(SECRET).await["tls.crt"] != before["tls.crt"] };
    until("another certificate", PATIENCE, changed)
        .await
        .unwrap();
    assert_eq!(stage.values(SECRET).await["ca.crt"], before["ca.crt"]);
}

#[tokio::test]
async fn without_the_right_to_read_it_the_reason_is_shown() {
    let stage = Stage::new().await;
    let settings = SelfSigned {
        secret: ObjectKey::new(stage.namespace.name(), "other"),
        ..stage.settings.clone()
    };
    let always = Leadership::always(stage.clock.clone());
    let replica = stage.replica(&settings, always);
    replica.says("cannot read Secret").await;
    replica.says("forbidden").await;
}
