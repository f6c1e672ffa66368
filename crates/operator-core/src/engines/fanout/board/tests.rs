use super::{super::contents::Entry, *};

type Cards = Board<&'static str, u8>;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Moment {
    Moment::ORIGIN + SECOND * seconds
}

fn digest(content: u8) -> Digest {
    Digest::of([&[content][..]])
}

fn exactly(held: &[(u8, u8)]) -> Known<u8> {
    let entry = |(id, content): &(u8, u8)| {
        Arc::new(Entry {
            id: *id,
            digest: digest(*content),
        })
    };
    Known::Exactly(Arc::new(Contents::new(held.iter().map(entry))))
}

fn turn(board: &Cards, now: Moment) -> (Wake<u8>, Moment) {
    board.state.lock().turn(now)
}

fn some(ids: &[u8]) -> Wake<u8> {
    Wake::Some(ids.iter().copied().collect())
}

#[test]
fn a_thing_is_everywhere_once_every_connected_receiver_has_it() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), Known::Nothing, at(0));
    board.joined(&"two", "s2".into(), Known::Nothing, at(0));
    board.has(&"one", "s1", exactly(&[(1, 1)]));
    let standing = board.standing(&1, digest(1), at(100));
    assert_eq!((standing.applied, standing.connected), (1, 2));
    assert!(!standing.everywhere() && !standing.may_still_be());
    board.has(&"two", "s2", exactly(&[(1, 1), (2, 1)]));
    assert!(board.standing(&1, digest(1), at(100)).everywhere());
    assert!(!board.standing(&1, digest(2), at(100)).everywhere());
}

#[test]
fn who_joins_or_leaves_changes_nothing_within_the_grace() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), exactly(&[(1, 1)]), at(0));
    board.joined(&"two", "s2".into(), Known::Nothing, at(100));
    assert!(board.standing(&1, digest(1), at(159)).may_still_be());
    assert!(!board.standing(&1, digest(1), at(160)).may_still_be());

    board.left(&"two", "s2", at(160));
    board.left(&"one", "s1", at(160));
    assert!(board.standing(&1, digest(1), at(219)).may_still_be());
    assert!(!board.standing(&1, digest(1), at(220)).may_still_be());
    turn(&board, at(220));
    assert!(board.receivers().is_empty());
}

#[test]
fn a_new_board_condemns_nothing_before_receivers_could_come() {
    let board = Cards::new(Duration::ZERO, at(0));
    assert!(board.standing(&1, digest(1), at(59)).may_still_be());
    assert!(!board.standing(&1, digest(1), at(60)).may_still_be());
    assert_eq!(turn(&board, at(59)), (some(&[]), at(60)));
    assert_eq!(turn(&board, at(60)), (Wake::All, Moment::NEVER));
}

#[test]
fn a_word_of_an_earlier_connection_counts_no_more() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "old".into(), exactly(&[(1, 1)]), at(0));
    board.joined(&"one", "new".into(), Known::Something, at(1));
    board.left(&"one", "old", at(2));
    board.has(&"one", "old", Known::Nothing);
    let standing = board.standing(&1, digest(1), at(100));
    assert!(standing.everywhere(), "it has what it had: {standing:?}");

    board.joined(&"one", "restarted".into(), Known::Nothing, at(3));
    assert_eq!(board.standing(&1, digest(1), at(100)).applied, 0);
}

#[test]
fn those_are_woken_whose_standing_may_have_changed() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), Known::Nothing, at(1));
    assert_eq!(turn(&board, at(1)).0, Wake::All);
    board.has(&"one", "s1", exactly(&[(1, 1), (2, 1)]));
    assert_eq!(turn(&board, at(2)).0, some(&[1, 2]));
    board.has(&"one", "s1", exactly(&[(2, 1), (3, 1)]));
    assert_eq!(turn(&board, at(2)).0, some(&[1, 3]));
    assert_eq!(turn(&board, at(2)), (some(&[]), at(60)));
}

#[test]
fn a_mere_change_of_number_is_told_now_and_then() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), Known::Nothing, at(10));
    turn(&board, at(10));
    assert_eq!(board.told(), 1);
    board.joined(&"two", "s2".into(), Known::Nothing, at(11));
    assert_eq!(turn(&board, at(11)), (Wake::All, at(40)));
    assert_eq!(board.told(), 1);
    assert_eq!(turn(&board, at(40)).0, Wake::All);
    assert_eq!(board.told(), 2);
}

fn replica(board: &Cards, name: &str, now: Moment) -> Reporting {
    board.reports(name.into(), now).expect("it leads")
}

fn leading() -> Cards {
    let board = Cards::new(Duration::ZERO, at(0));
    board.leads(false, at(0));
    board
}

#[test]
fn only_a_leader_takes_reports_and_it_drops_them_with_the_leadership() {
    let board = Cards::new(Duration::ZERO, at(0));
    assert!(board.reports("b".into(), at(0)).is_none());
    board.leads(false, at(1));
    let other = replica(&board, "b", at(1));
    board.joined(&"own", "s1".into(), exactly(&[(1, 1)]), at(1));
    assert!(board.reported(&other, &"far", "s2".into(), exactly(&[(1, 1)]), at(1)));
    let standing = board.standing(&1, digest(1), at(2));
    assert_eq!((standing.applied, standing.connected), (2, 2));

    board.follows(at(2));
    assert_eq!(board.connected(), 1);
    assert!(
        !board.standing(&1, digest(1), at(2)).just_left,
        "nobody has left"
    );
    assert!(!board.reported(&other, &"far", "s2".into(), Known::Nothing, at(2)));
    assert!(!board.while_valid(&other, || panic!("not valid")));
    board.leads(false, at(3));
    assert!(
        !board.reported_left(&other, &"own", at(3)),
        "of an earlier term"
    );
    assert_eq!(board.connected(), 1);
}

#[test]
fn a_new_leader_condemns_nothing_before_replicas_could_report() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), exactly(&[]), at(0));
    let lacks = |now| !board.standing(&1, digest(1), now).may_still_be();
    assert!(lacks(at(100)));
    board.leads(false, at(100));
    assert!(!lacks(at(159)) && lacks(at(160)));
    turn(&board, at(100));
    assert_eq!(turn(&board, at(159)), (some(&[]), at(160)));
    assert_eq!(turn(&board, at(160)).0, Wake::All);
}

#[test]
fn who_takes_over_from_another_hears_the_others_before_it_says_everywhere() {
    let board = Cards::new(Duration::ZERO, at(0));
    board.joined(&"one", "s1".into(), exactly(&[(1, 1)]), at(0));
    let everywhere = |now| board.standing(&1, digest(1), now).everywhere();
    assert!(everywhere(at(1)), "there is nobody else");
    board.leads(true, at(100));
    turn(&board, at(100));
    assert!(!everywhere(at(114)) && everywhere(at(115)));
    assert_eq!(turn(&board, at(101)), (some(&[]), at(115)));
    assert_eq!(turn(&board, at(115)).0, Wake::All);

    let patient = Cards::new(SECOND * 20, at(0));
    patient.joined(&"one", "s1".into(), exactly(&[(1, 1)]), at(0));
    patient.leads(true, at(100));
    let everywhere = |now| patient.standing(&1, digest(1), now).everywhere();
    assert!(
        !everywhere(at(124)) && everywhere(at(125)),
        "those who look seldom are waited for"
    );
}

#[test]
fn a_replica_that_is_lost_takes_its_receivers_along_after_the_grace() {
    let board = leading();
    let lost = replica(&board, "b", at(100));
    board.reported(&lost, &"one", "s1".into(), exactly(&[(1, 1)]), at(10));
    board.ended(&lost, at(100));
    let standing = |now| board.standing(&1, digest(1), now);
    assert_eq!(standing(at(101)).connected, 0);
    assert!(standing(at(159)).may_still_be() && !standing(at(160)).may_still_be());

    let back = replica(&board, "b", at(110));
    board.reported(&back, &"one", "s1".into(), exactly(&[(1, 1)]), at(10));
    assert!(
        !standing(at(114)).everywhere() && standing(at(115)).everywhere(),
        "it was heard first what the replica has"
    );
    board.ended(&lost, at(116));
    assert!(
        standing(at(117)).everywhere(),
        "the end of an earlier stream"
    );
}

#[test]
fn a_later_stream_of_a_replica_takes_the_place_of_an_earlier_one() {
    let board = leading();
    let (stuck, stays) = (replica(&board, "b", at(1)), replica(&board, "c", at(1)));
    board.reported(&stuck, &"gone", "s1".into(), Known::Nothing, at(1));
    board.reported(&stays, &"stays", "s2".into(), Known::Nothing, at(1));
    board.reported(&stays, &"stays", "s2".into(), exactly(&[(1, 1)]), at(1));
    let everywhere = |now| board.standing(&1, digest(1), now).everywhere();
    assert!(!everywhere(at(1)), "the other one lacks it");
    let fresh = replica(&board, "b", at(2));
    assert_eq!(board.connected(), 1, "what it does not repeat has left");
    assert!(
        !everywhere(at(16)) && everywhere(at(17)),
        "it was heard first what it repeats"
    );
    assert!(!board.reported(&stuck, &"gone", "s1".into(), Known::Nothing, at(1)));
    assert!(board.while_valid(&fresh, || {}) && board.while_valid(&stays, || {}));
}

/// From one replica to the other, and what each tells arrives in any order.
#[test]
fn a_receiver_that_moves_is_where_it_joined_last() {
    #[derive(Clone, Copy)]
    enum Told {
        OldHas,
        OldLeft,
        NewJoined,
        NewHas,
    }
    use Told::{NewHas, NewJoined, OldHas, OldLeft};
    let orders = [
        [OldHas, OldLeft, NewJoined, NewHas],
        [OldHas, NewJoined, OldLeft, NewHas],
        [OldHas, NewJoined, NewHas, OldLeft],
        [NewJoined, OldHas, NewHas, OldLeft],
        [NewJoined, NewHas, OldHas, OldLeft],
    ];
    // Each of the two places may be the leader's own.
    for (own_before, own_after) in [(false, false), (true, false), (false, true)] {
        for order in orders {
            let board = leading();
            let (old, new) = (replica(&board, "b", at(1)), replica(&board, "c", at(1)));
            let tell = |own: bool, by: &Reporting, session: &str, has, joined| match own {
                true if matches!(has, Known::Nothing) => {
                    board.joined(&"one", session.into(), has, joined);
                }
                true => {
                    board.joined(&"one", session.into(), Known::Nothing, joined);
                    board.has(&"one", session, has);
                }
                false => assert!(board.reported(by, &"one", session.into(), has, joined)),
            };
            for told in order {
                match told {
                    OldHas => tell(own_before, &old, "s1", exactly(&[(1, 1)]), at(5)),
                    OldLeft if own_before => board.left(&"one", "s1", at(12)),
                    OldLeft => assert!(board.reported_left(&old, &"one", at(12))),
                    NewJoined => tell(own_after, &new, "s2", Known::Nothing, at(10)),
                    NewHas => tell(own_after, &new, "s2", exactly(&[(1, 2)]), at(10)),
                }
                assert!(board.connected() <= 1, "it is one receiver");
            }
            let standing = board.standing(&1, digest(2), at(20));
            assert!(standing.everywhere(), "{standing:?}");
            assert!(!standing.just_left);
            assert_eq!(board.receivers().len(), 1);
        }
    }
}

#[test]
fn who_has_something_still_has_what_it_had_at_another_replica() {
    let board = leading();
    let (old, new) = (replica(&board, "b", at(1)), replica(&board, "c", at(1)));
    board.reported(&old, &"one", "s1".into(), exactly(&[(1, 1)]), at(5));
    board.reported(&new, &"one", "s2".into(), Known::Something, at(10));
    board.reported_left(&old, &"one", at(11));
    assert!(board.standing(&1, digest(1), at(20)).everywhere());
}

#[test]
fn only_what_is_its_own_is_told_to_others() {
    let board = leading();
    let mut changes = board.own_changes();
    let other = replica(&board, "b", at(1));
    board.reported(&other, &"far", "s1".into(), Known::Nothing, at(1));
    board.reported_left(&other, &"far", at(1));
    assert!(!changes.has_changed().expect("it lives"));
    board.joined(&"near", "s2".into(), Known::Nothing, at(1));
    assert!(changes.has_changed().expect("it lives"));
    changes.mark_unchanged();
    board.has(&"near", "earlier", exactly(&[(1, 1)]));
    assert!(!changes.has_changed().expect("it lives"));
    board.has(&"near", "s2", exactly(&[(1, 1)]));
    assert!(changes.has_changed().expect("it lives"));
    let own = board.own();
    assert_eq!(own.len(), 1);
    assert_eq!(
        (own[0].0, own[0].1.has.clone()),
        ("near", exactly(&[(1, 1)]))
    );
    board.left(&"near", "s2", at(2));
    assert!(board.own().is_empty());
}

#[test]
fn reports_wake_those_that_they_concern() {
    let board = leading();
    let other = replica(&board, "b", at(1));
    board.reported(
        &other,
        &"far",
        "s1".into(),
        exactly(&[(1, 1), (2, 1)]),
        at(1),
    );
    assert_eq!(turn(&board, at(1)).0, Wake::All);
    board.reported(
        &other,
        &"far",
        "s1".into(),
        exactly(&[(1, 1), (2, 2)]),
        at(1),
    );
    assert_eq!(turn(&board, at(2)).0, some(&[2]));
}
