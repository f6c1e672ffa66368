//! A year of a follower's server: connections that live on, and clients that always connect.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use operator_core::process::certs::ClientCertificates;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    peers::{Connection, Echo, gateway},
    stage::{DAY, Replica, SECRET, Stage},
};

type Values = BTreeMap<String, String>;

struct Year {
    stage: Stage,
    leader: Replica,
    follower: Replica,
    began: Timestamp,
}

impl Year {
    async fn begin() -> Self {
        let stage = Stage::new().await;
        let (leader, follower) = (stage.leader(), stage.follower());
        leader.ready().await;
        follower.ready().await;
        Self {
            began: stage.clock.wall(),
            stage,
            leader,
            follower,
        }
    }

    /// Moves time to `days` after the beginning.
    fn go_to(&self, days: f64) {
        let since = self.stage.clock.wall().duration_since(self.began);
        let ahead = Duration::from_secs_f64(days * DAY.as_secs_f64());
        self.stage
            .clock
            .advance(ahead.saturating_sub(since.unsigned_abs()));
    }

    /// Waits until both replicas have this many authorities and a certificate that is not due.
    async fn settles(&self, authorities: usize) {
        self.stage
            .pass("both replicas to settle", async || {
                let due = self.stage.clock.wall() + 10 * DAY;
                [&self.leader, &self.follower].iter().all(|replica| {
                    let state = replica.certificates.state();
                    state.authorities.len() == authorities && state.expires > Some(due)
                })
            })
            .await;
    }

    async fn stored(&self) -> Values {
        self.stage.values(SECRET).await
    }
}

#[tokio::test]
async fn a_rotation_drops_no_connection_and_refuses_nobody() {
    let year = Year::begin().await;
    let clock = &year.stage.clock;
    let echo = Echo::of(&year.follower.certificates, ClientCertificates::Required).await;
    let at_first = year.stored().await;
    let connect = async |held: &Values| Connection::open(gateway(clock, held), &echo).await;
    let mut open = connect(&at_first).await.unwrap();
    let first_shown = open.shown();

    // The certificate is renewed again and again; who has the Secret of a day ago connects all the time.
    let mut held = at_first.clone();
    for days in (6..=270).step_by(6) {
        year.go_to(f64::from(days));
        connect(&held).await.expect("before the renewal");
        year.settles(1).await;
        connect(&held).await.expect("after the renewal");
        held = year.stored().await;
    }
    assert_eq!(held["ca.crt"], at_first["ca.crt"]);
    assert_ne!(connect(&held).await.unwrap().shown(), first_shown);
    open.echo("renewed").await.unwrap();

    // The successor is published, and issues nothing before a day is over.
    year.go_to(275.1);
    year.settles(2).await;
    let published = year.stored().await;
    assert_eq!(published["ca.key"], held["ca.key"]);
    year.go_to(276.0);
    connect(&held)
        .await
        .expect("within the overlap the old bundle does");
    connect(&published).await.unwrap();

    // It takes over: whoever has read the Secret since then connects, with the certificate from before, too.
    year.go_to(276.2);
    year.stage
        .pass("the switch", async || {
            year.stored().await["ca.key"] == published["next-ca.key"]
        })
        .await;
    let switched = year.stored().await;
    year.stage
        .pass("the follower to show it", async || {
            let shown = connect(&published).await.expect("throughout the switch");
            let pem = switched["tls.crt"].as_bytes();
            shown.shown() == CertificateDer::from_pem_slice(pem).unwrap()
        })
        .await;
    connect(&switched).await.unwrap();
    connect(&held).await.err().expect("who missed the overlap");
    open.echo("switched").await.unwrap();

    // The old authority expires, and leaves.
    let mut held = switched;
    for days in (282..=364).step_by(6) {
        year.go_to(f64::from(days));
        connect(&held).await.expect("before the renewal");
        year.settles(2).await;
        held = year.stored().await;
    }
    year.go_to(366.0);
    year.settles(1).await;
    connect(&held).await.unwrap();
    connect(&at_first)
        .await
        .err()
        .expect("its authority has expired");
    open.echo("the first connection still lives").await.unwrap();
}
