//! Client certificates for gateways, each in its Secret.

use operator_core::{
    decide::key::ObjectKey,
    process::certs::{ClientCertificates, ClientSecret},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    peers::{Connection, Echo, gateway},
    stage::{CLIENT_SECRET, DAY, SECRET, Stage, values},
};

async fn issued(stage: &Stage) {
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
}

#[tokio::test]
async fn a_gateway_connects_with_what_its_secret_holds_and_it_is_renewed() {
    let stage = Stage::new().await;
    let replica = stage.leader();
    replica.ready().await;
    issued(&stage).await;
    let secret = stage.stored(CLIENT_SECRET).await;
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    let held = values(secret);
    assert_eq!(
        Vec::from_iter(held.keys()),
        ["ca.crt", "tls.crt", "tls.key"]
    );
    let echo = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    Connection::open(gateway(&stage.clock, &held), &echo)
        .await
        .unwrap();

    // It is no server's: who trusts the authority does not take it for the operator.
    let certificate = CertificateDer::from_pem_slice(held["tls.crt"].as_bytes()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    let purposes = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.client_auth && !purposes.server_auth);
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    let names = names.value.general_names.iter().map(ToString::to_string);
    assert_eq!(
        Vec::from_iter(names),
        ["DNSName(gateway)", "DNSName(gateway.shop)"]
    );

    stage.clock.advance(21 * DAY);
    stage
        .pass("a renewal", async || {
            stage.values(CLIENT_SECRET).await["tls.crt"] != held["tls.crt"]
        })
        .await;
    let renewed = stage.values(CLIENT_SECRET).await;
    assert_eq!(renewed["ca.crt"], stage.values(SECRET).await["ca.crt"]);
    Connection::open(gateway(&stage.clock, &renewed), &echo)
        .await
        .unwrap();

    // An edit of the bundle is put right; the certificate stays.
    stage.put(CLIENT_SECRET, "ca.crt", "x").await;
    stage
        .pass("the bundle", async || {
            stage.values(CLIENT_SECRET).await == renewed
        })
        .await;
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_left_alone() {
    let stage = Stage::new().await;
    stage.create(CLIENT_SECRET, &[], &[("note", "x")]).await;
    let before = stage.stored(CLIENT_SECRET).await.metadata.resource_version;
    let replica = stage.leader();
    replica.ready().await;
    stage
        .pass("the problem to be told", async || {
            let problem = replica.certificates.state().problem;
            problem.is_some_and(|problem| problem.contains("somebody else's"))
        })
        .await;
    let after = stage.stored(CLIENT_SECRET).await.metadata.resource_version;
    assert_eq!(after, before);
    assert_eq!(
        replica.certificates.check(),
        Ok(()),
        "the operator itself serves"
    );
}

#[test]
fn a_client_without_a_possible_name_is_refused() {
    let secret = || ObjectKey::new("shop", "certs");
    let refused = ClientSecret::new(secret(), "a gateway", "shop").unwrap_err();
    assert!(refused.to_string().contains("a gateway"), "{refused}");
    ClientSecret::new(secret(), "gateway", "").unwrap_err();
}
