//! Mounted files: swapped as Kubernetes does it, written in place, half-written, missing.

use std::{fs, os::unix::fs::symlink, path::Path};

use harness::wait::{PATIENCE, until};
use operator_core::{
    cluster::election::Leadership,
    decide::clock::Clock,
    process::certs::{Certificates, ClientCertificates, MountedFiles},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::{
    peers::{Connection, Echo, gateway},
    stage::{NAME, Replica},
};

/// An authority that somebody else runs.
struct Outside {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Outside {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    fn issue(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }

    fn values(&self, pair: &Pair) -> std::collections::BTreeMap<String, String> {
        [
            ("ca.crt", &self.pem),
            ("tls.crt", &pair.certificate),
            ("tls.key", &pair.key),
        ]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into()
    }
}

/// A folder that is mounted into the operator.
struct Volume {
    folder: TempDir,
    clock: Clock,
    swaps: u32,
}

impl Volume {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::system(),
            swaps: 0,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn files(&self) -> MountedFiles {
        MountedFiles {
            certificate: self.path().join("tls.crt"),
            key: self.path().join("tls.key"),
            authorities: Some(self.path().join("ca.crt")),
        }
    }

    /// All at once, as kubelet does it: the names lead through `..data`, which is replaced by a rename.
    fn swap(&mut self, outside: &Outside, pair: &Pair) {
        self.swaps += 1;
        let version = format!("..{}", self.swaps);
        let folder = self.path().join(&version);
        fs::create_dir(&folder).unwrap();
        for (name, value) in outside.values(pair) {
            fs::write(folder.join(&name), value).unwrap();
            let _ = symlink(Path::new("..data").join(&name), self.path().join(&name));
        }
        symlink(&version, self.path().join("..new")).unwrap();
        fs::rename(self.path().join("..new"), self.path().join("..data")).unwrap();
    }

    fn start(&self, files: MountedFiles) -> Replica {
        let made = Certificates::mounted(files, self.clock.clone());
        Replica::start(made, Leadership::always(self.clock.clone()))
    }

    /// Lets the time of a look pass until `done`.
    async fn pass(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        let passed = async {
            while !done().await {
                self.clock.advance(std::time::Duration::from_secs(10));
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, passed).await.expect(what);
    }

    async fn shows(&self, echo: &Echo, outside: &Outside, held: &Pair, expected: &Pair) {
        let config = gateway(&self.clock, &outside.values(held));
        self.pass("the certificate to be shown", async || {
            let connection = Connection::open(config.clone(), echo).await.unwrap();
            connection.shown() == expected.der
        })
        .await;
    }
}

#[tokio::test]
async fn a_swapped_volume_is_taken_into_use_and_connections_live_on() {
    let (mut volume, outside) = (Volume::new(), Outside::new());
    let (first, second) = (outside.issue(), outside.issue());
    volume.swap(&outside, &first);
    let replica = volume.start(volume.files());
    replica.ready().await;
    let echo = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    let mut open = Connection::open(gateway(&volume.clock, &outside.values(&first)), &echo)
        .await
        .unwrap();
    assert_eq!(open.shown(), first.der);
    volume.swap(&outside, &second);
    volume.shows(&echo, &outside, &first, &second).await;
    open.echo("still here").await.unwrap();

    // The authority alone is exchanged: who was trusted is so no more.
    let stranger = Outside::new();
    let theirs = stranger.issue();
    let mut client = stranger.values(&theirs);
    client.insert("ca.crt".to_owned(), outside.pem.clone());
    Connection::open(gateway(&volume.clock, &client), &echo)
        .await
        .err()
        .expect("a stranger");
    fs::write(volume.path().join("ca.crt"), &stranger.pem).unwrap();
    volume
        .pass("the other authority", async || {
            Connection::open(gateway(&volume.clock, &client), &echo)
                .await
                .is_ok()
        })
        .await;
    let before = gateway(&volume.clock, &outside.values(&first));
    Connection::open(before, &echo)
        .await
        .err()
        .expect("no longer trusted");
    open.echo("and still").await.unwrap();
}

#[tokio::test]
async fn a_half_written_pair_is_never_in_use_and_is_reported() {
    let (mut volume, outside) = (Volume::new(), Outside::new());
    let (first, second) = (outside.issue(), outside.issue());
    volume.swap(&outside, &first);
    let replica = volume.start(volume.files());
    replica.ready().await;
    let echo = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    let problem = async |text: &str| {
        volume
            .pass(text, async || {
                let problem = replica.certificates.state().problem;
                assert!(!format!("{problem:?}").contains(second.key.lines().nth(1).unwrap()));
                problem.is_some_and(|problem| problem.contains(text))
            })
            .await;
        assert_eq!(
            replica.certificates.check(),
            Ok(()),
            "what was in use is so still"
        );
        let config = gateway(&volume.clock, &outside.values(&first));
        let connection = Connection::open(config, &echo).await.unwrap();
        assert_eq!(connection.shown(), first.der);
    };
    let (certificate, key) = (volume.path().join("tls.crt"), volume.path().join("tls.key"));
    fs::write(&certificate, &second.certificate[..300]).unwrap();
    problem("tls.crt certificate 1 in it cannot be read").await;
    fs::write(&certificate, &second.certificate).unwrap();
    problem("the private key is not that of the certificate").await;
    fs::write(&key, &second.key[..60]).unwrap();
    problem("the private key cannot be used").await;
    fs::remove_file(&key).unwrap();
    problem("cannot read").await;
    fs::write(&key, &second.key).unwrap();
    volume.shows(&echo, &outside, &first, &second).await;
    assert_eq!(replica.certificates.state().problem, None);
}

#[tokio::test]
async fn authorities_may_follow_the_certificate_in_its_file() {
    let (volume, outside) = (Volume::new(), Outside::new());
    let pair = outside.issue();
    let files = MountedFiles {
        authorities: None,
        ..volume.files()
    };
    let replica = volume.start(files.clone());
    replica.says("cannot read").await;
    fs::write(&files.key, &pair.key).unwrap();
    fs::write(&files.certificate, &pair.certificate).unwrap();
    let told = async || {
        let problem = replica.certificates.check().err();
        problem.is_some_and(|problem| problem.contains("holds no authority after the certificate"))
    };
    volume.pass("what is missing to be told", told).await;
    fs::write(
        &files.certificate,
        format!("{}{}", pair.certificate, outside.pem),
    )
    .unwrap();
    volume
        .pass("the certificate", async || {
            replica.certificates.check().is_ok()
        })
        .await;
    let echo = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    let config = gateway(&volume.clock, &outside.values(&pair));
    let connection = Connection::open(config, &echo).await.unwrap();
    assert_eq!(connection.shown(), pair.der);
    replica.stop().await;
}

#[tokio::test]
async fn an_expired_certificate_is_told() {
    let (mut volume, outside) = (Volume::new(), Outside::new());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let certificate = params.signed_by(&key, &outside.issuer).unwrap();
    let pair = Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().clone(),
    };
    volume.swap(&outside, &pair);
    let replica = volume.start(volume.files());
    replica.says("has expired at 2020-01-01").await;
    let good = outside.issue();
    volume.swap(&outside, &good);
    let well = || async {
        volume.clock.advance(std::time::Duration::from_secs(10));
        replica.certificates.check()
    };
    until("the good one", PATIENCE, well).await.unwrap();
}
