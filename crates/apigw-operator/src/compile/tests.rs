use apigw_protocol::ConfigurationUpdate;
use bytes::Bytes;
use operator_core::{
    decide::{clock::Moment, key::ObjectKey},
    engines::fanout::{Next, Session},
};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::{
    session::{Before, GatewaySession},
    snapshot::Kind,
};

fn id(kind: Kind, namespace: &str, name: &str) -> ItemId {
    ItemId::new(kind, ObjectKey::new(namespace, name))
}

fn candidate(id: ItemId, age: i64, claims: &[&str]) -> Candidate {
    let spec = format!("{{\"name\":\"{}\"}}", id.key.name);
    sized(id, age, claims, spec.into_bytes())
}

fn sized(id: ItemId, age: i64, claims: &[&str], spec: Vec<u8>) -> Candidate {
    Candidate {
        earlier_fields: 0,
        item: Arc::new(Item::new(id, Bytes::from(spec))),
        created: Timestamp::from_second(1_000_000 - age).expect("a time"),
        claims: claims.iter().map(|&claim| claim.to_owned()).collect(),
    }
}

fn nobody(_: &Item) -> Option<String> {
    None
}

#[test]
fn of_two_with_one_name_the_older_is_sent() {
    let (old, young) = (
        id(Kind::ApiRoute, "b", "api"),
        id(Kind::ApiRoute, "a", "api"),
    );
    let other_kind = id(Kind::Backend, "c", "api");
    let compiled = compile(
        vec![
            candidate(young.clone(), 1, &["/a"]),
            candidate(old.clone(), 2, &["/b"]),
            candidate(other_kind.clone(), 0, &[]),
        ],
        nobody,
    );
    assert!(compiled.snapshot.has(&old) && compiled.snapshot.has(&other_kind));
    let reason = LeftOut::NameTaken { by: old };
    assert_eq!(compiled.left_out, BTreeMap::from([(young, reason)]));
}

#[test]
fn of_two_that_claim_the_same_requests_the_older_is_sent_and_of_one_age_the_first_by_name() {
    let (first, second) = (id(Kind::ApiRoute, "ns", "a"), id(Kind::ApiRoute, "ns", "b"));
    let compiled = compile(
        vec![
            candidate(second.clone(), 1, &["/y", "/x"]),
            candidate(first.clone(), 1, &["/x", "/z"]),
        ],
        nobody,
    );
    let reason = LeftOut::ClaimTaken {
        by: first,
        claim: "/x".to_owned(),
    };
    assert_eq!(compiled.left_out, BTreeMap::from([(second, reason)]));
}

#[test]
fn what_is_left_out_takes_nothing_from_anybody() {
    let refused = id(Kind::ApiRoute, "ns", "refused");
    let heir = id(Kind::ApiRoute, "other", "refused");
    let compiled = compile(
        vec![
            candidate(refused.clone(), 2, &["/x"]),
            candidate(heir.clone(), 1, &["/x"]),
        ],
        |item| (item.id() == &refused).then(|| "no".to_owned()),
    );
    assert!(compiled.snapshot.has(&heir));
    let reason = LeftOut::Refused {
        words: "no".to_owned(),
    };
    assert_eq!(compiled.left_out, BTreeMap::from([(refused, reason)]));
}

/// The first update that a gateway would be sent.
fn update(compiled: &Compiled) -> ConfigurationUpdate {
    let mut session = GatewaySession::begin(Before::Nothing, None, i64::MAX - 9, Moment::ORIGIN);
    match session.next(&compiled.snapshot, Moment::ORIGIN) {
        Next::Send { message, .. } => message,
        Next::Wait(_) => panic!("a session begins with a snapshot"),
    }
}

#[test]
fn an_object_that_fits_nowhere_blocks_no_other() {
    let giant = id(Kind::Backend, "ns", "giant");
    let young = id(Kind::Backend, "ns", "young");
    let compiled = compile(
        vec![
            sized(giant.clone(), 2, &[], vec![b' '; 5 << 20]),
            candidate(young.clone(), 1, &[]),
        ],
        nobody,
    );
    assert!(compiled.snapshot.has(&young));
    assert!(matches!(
        compiled.left_out[&giant],
        LeftOut::TooLarge { needs, left } if needs > 5 << 20 && left < 4 << 20
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_sent_is_received_and_the_order_of_the_objects_does_not_matter(
        sizes in prop::collection::vec(1_usize..700_000, 1..20), seed: u64,
    ) {
        let named = |(number, size): (usize, &usize)| {
            let id = id(Kind::ApiRoute, "ns", &format!("r{number}"));
            sized(id, i64::try_from(number).expect("small"), &[], vec![b'x'; *size])
        };
        let candidates: Vec<_> = sizes.iter().enumerate().map(named).collect();
        let mut shuffled = candidates.clone();
        shuffled.sort_by_key(|candidate| candidate.item.digest().as_bytes()[0] ^ seed.to_be_bytes()[0]);
        let (one, other) = (compile(candidates, nobody), compile(shuffled, nobody));
        prop_assert_eq!(one.snapshot.version(), other.snapshot.version());
        prop_assert_eq!(&one.left_out, &other.left_out);
        prop_assert_eq!(one.snapshot.len() + one.left_out.len(), sizes.len());

        let update = update(&one);
        prop_assert!(update.encoded_len() <= 4 << 20);
        if let Some(LeftOut::TooLarge { needs, .. }) = one.left_out.values().next() {
            prop_assert!(update.encoded_len() + needs > (4 << 20) - 2048, "there was room");
        }
    }
}
