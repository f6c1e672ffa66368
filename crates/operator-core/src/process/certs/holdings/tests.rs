//! Secrets as they may be found, and rotations carried out with real certificates.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use rcgen::{KeyPair, RsaKeySize};
use rstest::rstest;
use rustls::pki_types::{ServerName, UnixTime};

use super::*;
use crate::{
    decide::rotation::{self, LeafTimes},
    process::certs::{
        authority::Usage,
        testing::{self, days, now},
    },
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Values = BTreeMap<&'static str, String>;

fn names() -> Names {
    Names::of_service("operator", "system").unwrap()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn values(values: &Values) -> SecretValues {
    let bytes =
        |(key, value): (&&str, &String)| ((*key).to_owned(), ByteString(value.clone().into()));
    SecretValues::of(Secret {
        data: Some(values.iter().map(bytes).collect()),
        ..Secret::default()
    })
}

fn read(stored: &Values) -> Result<Option<Holdings>, Broken> {
    Holdings::read(&values(stored))
}

/// As the Secret stores them.
fn stored(holdings: &Holdings) -> Values {
    let text = |value: SecretSlice<u8>| String::from_utf8(value.expose_secret().to_vec()).unwrap();
    let wanted = holdings.wanted().into_iter();
    wanted
        .filter_map(|(key, value)| Some((key, text(value?))))
        .collect()
}

/// Carries out what is due at `now`, through the stored form; gives what is stored then.
fn pass(before: Option<&Values>, now: Timestamp, times: &Lifetimes) -> (Values, Plan) {
    let holdings = before.and_then(|before| read(before).unwrap());
    let held = holdings.as_ref().map(|holdings| holdings.held(&names()));
    let plan = rotation::plan(now, held.as_ref(), times);
    let turned = Holdings::turned(holdings, plan, "operator-ca", &names(), now, times).unwrap();
    (stored(&turned), plan)
}

fn founded() -> Values {
    pass(None, now(), &Lifetimes::default()).0
}

/// Whether a client that trusts `bundle` accepts what a server shows that holds `secret`.
fn accepts(bundle: &Values, secret: &Values, now: Timestamp) -> bool {
    let material = |values: &Values| {
        read(values)
            .unwrap()
            .unwrap()
            .material(&provider())
            .unwrap()
            .unwrap()
    };
    let (client, server) = (material(bundle), material(secret));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second() as u64));
    let name = ServerName::try_from("operator.system.svc").unwrap();
    let certificate = &server.own.cert[0];
    use rustls::client::danger::ServerCertVerifier;
    let as_server = client
        .servers
        .verify_server_cert(certificate, &[], &name, &[], now);
    let as_client = client.clients.verify_client_cert(certificate, &[], now);
    assert_eq!(as_server.is_ok(), as_client.is_ok());
    as_server.is_ok()
}

#[test]
fn what_is_made_is_read_again_and_works() {
    let made = founded();
    assert_eq!(
        Vec::from_iter(made.keys().copied()),
        [BUNDLE, AUTHORITY_KEY, LEAF, LEAF_KEY]
    );
    assert!(
        made[AUTHORITY_KEY].starts_with("-----BEGIN PRIVATE KEY-----"),
        "PKCS#8"
    );
    let again = stored(&read(&made).unwrap().unwrap());
    assert_eq!(again, made);
    assert!(accepts(&made, &made, now()));
    assert!(
        accepts(&made, &made, now() - Duration::from_secs(300)),
        "a slow clock"
    );
    assert!(!accepts(&made, &made, now() + 31 * DAY));
    assert!(
        !accepts(&founded(), &made, now()),
        "another authority of the same name"
    );
}

#[rstest]
#[case::empty(&[])]
#[case::to_be_filled(&[(BUNDLE, ""), (AUTHORITY_KEY, "")])]
#[case::other_keys(&[("note", "x"), (LEAF, "x")])]
fn nothing_of_an_authority(#[case] given: &[(&'static str, &str)]) {
    let given = given.iter().map(|(key, value)| (*key, (*value).to_owned()));
    assert!(read(&given.collect()).unwrap().is_none());
}

/// One value of what we have made, changed; and what is said of it.
#[rstest]
#[case::no_key(&[(AUTHORITY_KEY, None)], "ca.crt is there, but ca.key is not")]
#[case::no_bundle(&[(BUNDLE, None)], "ca.key is there, but ca.crt is not")]
#[case::no_certificate(&[(BUNDLE, Some("x"))], "ca.crt holds no certificate")]
#[case::no_private_key(&[(AUTHORITY_KEY, Some("x"))], "ca.key holds no private key")]
fn a_broken_secret_is_explained(
    #[case] changes: &[(&'static str, Option<&str>)],
    #[case] expected: &str,
) {
    let mut broken = founded();
    for (key, value) in changes {
        match value {
            Some(value) => broken.insert(key, (*value).to_owned()),
            None => broken.remove(key),
        };
    }
    let error = read(&broken).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_foreign_key_and_a_certificate_that_may_not_issue_are_explained() {
    let (one, other) = (founded(), founded());
    let mut foreign = one.clone();
    foreign.insert(AUTHORITY_KEY, other[AUTHORITY_KEY].clone());
    let error = read(&foreign).unwrap_err().to_string();
    assert!(error.contains("not the key of any certificate"), "{error}");

    let leaf_as_authority = Values::from([
        (BUNDLE, one[LEAF].clone()),
        (AUTHORITY_KEY, one[LEAF_KEY].clone()),
    ]);
    let error = read(&leaf_as_authority).unwrap_err().to_string();
    assert!(error.contains("may not issue"), "{error}");

    let mut cut = one.clone();
    let half = one[BUNDLE].len() / 2;
    cut.insert(BUNDLE, one[BUNDLE][..half].to_owned());
    let error = read(&cut).unwrap_err().to_string();
    assert!(
        error.contains("certificate 1 in it cannot be read"),
        "{error}"
    );
}

#[rstest]
#[case::gone(None, None)]
#[case::foreign_key(None, Some(true))]
#[case::cut(Some(false), None)]
fn a_broken_certificate_is_issued_anew_by_the_same_authority(
    #[case] certificate: Option<bool>,
    #[case] key: Option<bool>,
) {
    let (mut broken, other) = (founded(), founded());
    let change = |key: &'static str, how: Option<bool>, broken: &mut Values| match how {
        Some(true) => broken.insert(key, other[key].clone()),
        Some(false) => broken.insert(key, other[key][..100].to_owned()),
        None => None,
    };
    change(LEAF, certificate, &mut broken);
    change(LEAF_KEY, key, &mut broken);
    if certificate.is_none() && key.is_none() {
        broken.remove(LEAF);
    }
    assert!(
        read(&broken)
            .unwrap()
            .unwrap()
            .material(&provider())
            .is_none()
    );
    let (mended, plan) = pass(Some(&broken), now(), &Lifetimes::default());
    assert_eq!((plan.turn, plan.issue), (Turn::Keep, true));
    assert_eq!(mended[BUNDLE], broken[BUNDLE]);
    assert!(accepts(&mended, &mended, now()));
}

#[test]
fn other_names_or_another_issuer_need_another_certificate() {
    let made = founded();
    let leaf = |names: &Names| read(&made).unwrap().unwrap().held(names).leaf;
    assert!(leaf(&names()).is_some());
    assert!(leaf(&Names::of_service("operator", "other").unwrap()).is_none());
    let more = Names::new(names().first().clone(), ["10.0.0.1".parse().unwrap()]);
    assert!(leaf(&more).is_none());

    let mut adopted = made.clone();
    let other = founded();
    adopted.insert(BUNDLE, other[BUNDLE].clone());
    adopted.insert(AUTHORITY_KEY, other[AUTHORITY_KEY].clone());
    assert!(
        read(&adopted)
            .unwrap()
            .unwrap()
            .held(&names())
            .leaf
            .is_none()
    );
}

fn adopted(key: &KeyPair, key_pem: String) -> Values {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(
        rcgen::DnType::CommonName,
        rcgen::DnValue::PrintableString("chart-ca".try_into().unwrap()),
    );
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationalUnitName, "platform");
    let certificate = params.self_signed(key).unwrap();
    Values::from([(BUNDLE, certificate.pem()), (AUTHORITY_KEY, key_pem)])
}

/// A DER value with its tag and a length of two bytes.
fn inner_of_pkcs8(pkcs8: &[u8]) -> Vec<u8> {
    // PrivateKeyInfo: version, algorithm, then the OCTET STRING that holds the RSAPrivateKey, which begins
    // with a SEQUENCE whose first member is the version 0.
    let begin = pkcs8
        .windows(7)
        .skip(1)
        .position(|window| window[0] == 0x30 && window[1] == 0x82 && window[4..] == [2, 1, 0])
        .unwrap();
    pkcs8[begin + 1..].to_vec()
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

#[test]
fn an_authority_made_beforehand_is_adopted_whatever_its_key() {
    let (rsa, ecdsa) = (
        rsa(),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
    );
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let pkcs1 = testing::pem("RSA PRIVATE KEY", &inner_of_pkcs8(rsa.serialized_der()));
    let forms = [
        (&rsa, rsa.serialize_pem()),
        (&rsa, pkcs1),
        (&ecdsa, ecdsa.serialize_pem()),
        (&ed25519, ed25519.serialize_pem()),
    ];
    for (key, pem) in forms {
        let given = adopted(key, pem);
        let (filled, plan) = pass(Some(&given), now(), &Lifetimes::default());
        assert_eq!((plan.turn, plan.issue), (Turn::Keep, true));
        assert_eq!(filled[BUNDLE], given[BUNDLE]);
        assert_eq!(filled[AUTHORITY_KEY], given[AUTHORITY_KEY]);
        assert!(accepts(&filled, &filled, now()), "{:?}", key.algorithm());
        let (_, then) = pass(Some(&filled), now(), &Lifetimes::default());
        assert!(!then.is_needed());
    }
}

#[test]
fn a_subject_that_cannot_be_reproduced_is_refused() {
    let key = KeyPair::generate().unwrap();
    let mut given = adopted(&key, key.serialize_pem());
    // Two relative names of one kind, of which an issuer that is read keeps one.
    let (oid_of_common_name, oid_of_unit) = ([0x55, 4, 3], [0x55, 4, 11]);
    let block = Certificate::read(&given[BUNDLE]).unwrap();
    let mut der = block.der.to_vec();
    for at in 0..der.len() - 3 {
        if der[at..at + 3] == oid_of_unit {
            der[at..at + 3].copy_from_slice(&oid_of_common_name);
        }
    }
    given.insert(BUNDLE, testing::pem("CERTIFICATE", &der));
    let holdings = read(&given).unwrap();
    let held = holdings.as_ref().map(|holdings| holdings.held(&names()));
    let times = Lifetimes::default();
    let plan = rotation::plan(now(), held.as_ref(), &times);
    let refused = Holdings::turned(holdings, plan, "operator-ca", &names(), now(), &times);
    assert!(matches!(refused, Err(Unusable::Issues)), "{refused:?}");
}

#[test]
fn a_rotation_goes_through_its_phases_and_every_bundle_of_the_overlap_accepts() {
    let times = Lifetimes::default();
    let mut secret = founded();
    let mut moment = now();
    let mut turns = Vec::new();
    let mut bundles = vec![(moment, secret.clone())];
    // Half a day is half the overlap.
    while moment < now() + 400 * DAY {
        moment += DAY / 2;
        let (after, plan) = pass(Some(&secret), moment, &times);
        if plan.turn != Turn::Keep || plan.forget {
            turns.push((
                plan.turn,
                plan.forget,
                (moment - now()).total(jiff::Unit::Hour).unwrap() / 24.0,
            ));
        }
        assert_eq!(plan.is_needed(), after != secret, "{plan:?}");
        secret = after;
        bundles.push((moment, secret.clone()));
        bundles.retain(|(read, _)| *read + DAY >= moment);
        for (_, bundle) in &bundles {
            assert!(accepts(bundle, &secret, moment), "{turns:?}");
            assert!(accepts(&secret, bundle, moment), "{turns:?}");
        }
    }
    let phases = [
        (Turn::Publish, false, 275.0),
        (Turn::Switch, false, 276.0),
        (Turn::Keep, true, 365.0),
    ];
    assert_eq!(turns, phases);
    assert_eq!(
        Certificate::all(secret[BUNDLE].as_bytes()).unwrap().len(),
        1
    );
    assert!(!secret.contains_key(NEXT_KEY));
}

#[test]
fn a_switch_discards_the_old_key_and_a_successor_without_key_is_only_trusted() {
    let times = Lifetimes::default();
    let made = founded();
    let (published, _) = pass(Some(&made), now() + 280 * DAY, &times);
    assert_eq!(published[AUTHORITY_KEY], made[AUTHORITY_KEY]);
    assert_ne!(published[NEXT_KEY], made[AUTHORITY_KEY]);
    let (switched, _) = pass(Some(&published), now() + 282 * DAY, &times);
    assert_eq!(switched[AUTHORITY_KEY], published[NEXT_KEY]);
    assert!(switched.values().all(|value| *value != made[AUTHORITY_KEY]));

    let mut orphan = published.clone();
    orphan.insert(NEXT_KEY, made[LEAF_KEY].clone());
    let held = read(&orphan).unwrap().unwrap().held(&names());
    assert_eq!((held.next, held.retired.len()), (None, 1));
}

#[test]
fn after_a_long_absence_what_has_expired_is_replaced() {
    let made = founded();
    let (after, plan) = pass(Some(&made), now() + 500 * DAY, &Lifetimes::default());
    assert_eq!(plan.turn, Turn::Found);
    assert!(accepts(&after, &after, now() + 500 * DAY));
    assert_eq!(Certificate::all(after[BUNDLE].as_bytes()).unwrap().len(), 1);
}

#[test]
fn what_is_issued_serves_its_purpose_alone() {
    use x509_parser::prelude::*;
    let holdings = read(&founded()).unwrap().unwrap();
    let purposes = |usage| {
        let validity = LeafTimes::default().validity(now(), days(365));
        let leaf = holdings.issuing().issue(&names(), usage, validity).unwrap();
        let (_, parsed) = parse_x509_certificate(&leaf.certificate.der).unwrap();
        let purposes = parsed.extended_key_usage().unwrap().unwrap().value.clone();
        let common_name = parsed.subject().iter_common_name().next().unwrap();
        assert_eq!(common_name.as_str().unwrap(), "operator");
        assert!(!parsed.is_ca());
        (purposes.server_auth, purposes.client_auth)
    };
    assert_eq!(purposes(Usage::ServerAndClient), (true, true));
    assert_eq!(purposes(Usage::Client), (false, true));
}

#[test]
fn no_key_is_shown() {
    let made = founded();
    let holdings = read(&made).unwrap().unwrap();
    let shown = format!("{holdings:?} {:?}", holdings.wanted());
    assert!(shown.contains("certificate"));
    for key in [AUTHORITY_KEY, LEAF_KEY] {
        let body = made[key].lines().nth(1).unwrap();
        assert!(!shown.contains(body), "{key}");
    }
}
