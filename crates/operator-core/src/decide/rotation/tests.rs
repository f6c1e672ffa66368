//! Each moment of a rotation, and whole lives of a simulated Secret.

use std::collections::VecDeque;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Days since the test's beginning; negative ones are before it.
fn day(days: f64) -> Timestamp {
    let seconds = (days * 86_400.0) as i64;
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn days(from: f64, until: f64) -> Validity {
    Validity {
        from: day(from),
        until: day(until),
    }
}

fn held(issuing: Validity, next: Option<Validity>, leaf: Option<Validity>) -> Held {
    Held {
        issuing,
        next,
        retired: Vec::new(),
        leaf,
    }
}

const FRESH: (f64, f64) = (-1.0, 364.0);
const LEAF: (f64, f64) = (-1.0, 29.0);

/// What a plan says, in a word each.
fn says(plan: Plan) -> (Turn, bool, bool) {
    (plan.turn, plan.issue, plan.forget)
}

#[rstest]
#[case::steady(FRESH, None, Some(LEAF), (Turn::Keep, false, false))]
#[case::no_leaf(FRESH, None, None, (Turn::Keep, true, false))]
#[case::leaf_just_not_due(FRESH, None, Some((-19.9, 10.1)), (Turn::Keep, false, false))]
#[case::leaf_due(FRESH, None, Some((-20.0, 10.0)), (Turn::Keep, true, false))]
#[case::leaf_expired(FRESH, None, Some((-40.0, -10.0)), (Turn::Keep, true, false))]
#[case::authority_just_not_due((-270.0, 90.1), None, Some(LEAF), (Turn::Keep, false, false))]
#[case::authority_due((-275.0, 90.0), None, Some(LEAF), (Turn::Publish, false, false))]
#[case::both_due((-275.0, 90.0), None, None, (Turn::Publish, true, false))]
#[case::published_just_now((-275.0, 90.0), Some((-0.01, 365.0)), Some(LEAF), (Turn::Keep, false, false))]
#[case::within_the_overlap((-275.0, 90.0), Some((-1.0, 365.0)), Some(LEAF), (Turn::Keep, false, false))]
#[case::leaf_due_within_the_overlap((-275.0, 90.0), Some((-0.5, 365.0)), Some((-25.0, 5.0)), (Turn::Keep, true, false))]
#[case::past_the_overlap((-275.0, 90.0), Some((-1.01, 365.0)), Some(LEAF), (Turn::Switch, true, false))]
#[case::too_late_for_the_overlap((-364.9, 0.1), Some((-0.1, 365.0)), Some((-29.0, 0.1)), (Turn::Keep, false, false))]
#[case::last_moment((-365.0, 0.001), Some((-0.1, 365.0)), Some((-29.0, 0.001)), (Turn::Switch, true, false))]
#[case::expired_with_a_successor((-400.0, -10.0), Some((-0.5, 365.0)), None, (Turn::Switch, true, false))]
#[case::expired((-400.0, 0.0), None, None, (Turn::Found, true, false))]
#[case::all_expired((-400.0, -1.0), Some((-400.0, -1.0)), None, (Turn::Found, true, false))]
#[case::successor_expired((-275.0, 90.0), Some((-9.0, -1.0)), Some(LEAF), (Turn::Publish, false, false))]
#[case::adopted_with_little_left((-1.0, 20.0), None, None, (Turn::Publish, true, false))]
#[case::last_leaf_of_an_authority((-360.0, 5.0), Some((-0.1, 365.0)), Some((-1.0, 5.0)), (Turn::Keep, false, false))]
fn what_is_due(
    #[case] issuing: (f64, f64),
    #[case] next: Option<(f64, f64)>,
    #[case] leaf: Option<(f64, f64)>,
    #[case] expected: (Turn, bool, bool),
) {
    let of = |(from, until)| days(from, until);
    let held = held(of(issuing), next.map(of), leaf.map(of));
    let plan = plan(day(0.0), Some(&held), &Lifetimes::default());
    assert_eq!(says(plan), expected);
}

#[test]
fn nothing_is_founded_on() {
    let plan = plan(day(0.0), None, &Lifetimes::default());
    assert_eq!(says(plan), (Turn::Found, true, false));
}

#[rstest]
#[case::trusted(0.1, false)]
#[case::expired(0.0, true)]
fn an_old_authority_is_forgotten_when_it_expires(#[case] until: f64, #[case] forget: bool) {
    let held = Held {
        retired: vec![days(-365.0, until)],
        ..held(days(-1.0, 364.0), None, Some(days(-1.0, 29.0)))
    };
    let plan = plan(day(0.0), Some(&held), &Lifetimes::default());
    assert_eq!(says(plan), (Turn::Keep, false, forget));
    assert_eq!(plan.is_needed(), forget);
}

#[test]
fn validities_begin_in_the_past_and_end_with_their_authority() {
    let Lifetimes { authority, leaf } = Lifetimes::default();
    let made = authority.validity(day(0.0));
    assert_eq!(made.until, day(365.0));
    assert_eq!(made.from + BACKDATE, day(0.0));
    assert_eq!(leaf.validity(day(0.0), made).until, day(30.0));
    assert_eq!(leaf.validity(day(360.0), made).until, made.until);
}

#[rstest]
#[case::renewed_before_it_is_made(30, 30, 1)]
#[case::no_overlap(365, 90, 0)]
#[case::overlap_outlasts_the_old(365, 90, 90)]
fn times_that_do_not_fit_are_refused(
    #[case] lifetime: u32,
    #[case] renew_before: u32,
    #[case] overlap: u32,
) {
    AuthorityTimes::new(lifetime * DAY, renew_before * DAY, overlap * DAY).unwrap_err();
}

#[test]
fn the_defaults_are_accepted() {
    let authority = AuthorityTimes::new(365 * DAY, 90 * DAY, DAY);
    assert_eq!(authority, Ok(AuthorityTimes::default()));
    assert_eq!(LeafTimes::new(30 * DAY, 10 * DAY), Ok(LeafTimes::default()));
    LeafTimes::new(DAY, DAY).unwrap_err();
    LeafTimes::new(DAY, Duration::ZERO).unwrap_err();
}

/// An authority by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Authority(u32, Validity);

#[derive(Clone, Copy, Debug)]
struct Leaf {
    by: Authority,
    validity: Validity,
}

/// What a Secret would hold after each plan.
#[derive(Clone, Debug)]
struct Simulated {
    issuing: Authority,
    next: Option<Authority>,
    retired: Vec<Authority>,
    leaf: Leaf,
    made: u32,
}

impl Simulated {
    fn founded(now: Timestamp, times: &Lifetimes) -> Self {
        let issuing = Authority(0, times.authority.validity(now));
        Self {
            issuing,
            next: None,
            retired: Vec::new(),
            leaf: Leaf {
                by: issuing,
                validity: times.leaf.validity(now, issuing.1),
            },
            made: 1,
        }
    }

    fn held(&self) -> Held {
        Held {
            issuing: self.issuing.1,
            next: self.next.map(|next| next.1),
            retired: self.retired.iter().map(|retired| retired.1).collect(),
            leaf: (self.leaf.by == self.issuing).then_some(self.leaf.validity),
        }
    }

    /// Carries a plan out and gives it.
    fn pass(&mut self, now: Timestamp, times: &Lifetimes) -> Plan {
        let plan = plan(now, Some(&self.held()), times);
        let mut make = || {
            self.made += 1;
            Authority(self.made, times.authority.validity(now))
        };
        match plan.turn {
            Turn::Keep => {}
            Turn::Found => {
                let before = std::mem::replace(&mut self.issuing, make());
                self.retired.extend(self.next.take());
                self.retired.push(before);
            }
            Turn::Publish => {
                let made = make();
                self.retired.extend(self.next.replace(made));
            }
            Turn::Switch => {
                let next = self.next.take().expect("there is a successor");
                self.retired
                    .push(std::mem::replace(&mut self.issuing, next));
            }
        }
        if plan.is_needed() {
            self.retired.retain(|retired| !retired.1.has_expired(now));
        }
        if plan.issue {
            self.leaf = Leaf {
                by: self.issuing,
                validity: times.leaf.validity(now, self.issuing.1),
            };
        }
        plan
    }

    fn bundle(&self) -> Vec<Authority> {
        let current = [self.issuing].into_iter().chain(self.next);
        current.chain(self.retired.iter().copied()).collect()
    }
}

fn accepts(bundle: &[Authority], leaf: &Leaf, now: Timestamp) -> bool {
    let valid = |validity: Validity| validity.from <= now && !validity.has_expired(now);
    valid(leaf.validity) && valid(leaf.by.1) && bundle.contains(&leaf.by)
}

fn hours() -> impl Strategy<Value = Vec<u32>> {
    // Several times a day, or away for up to 9 days: less than half of what any renewal leaves to spare.
    prop::collection::vec(prop_oneof![9 => 1..14u32, 1 => 1..9 * 24u32], 400..2000)
}

/// An authority that takes over is not due itself, even if it does so late.
fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    (1..20u32, 20..60u32, 30..200u32, 1..40u32).prop_map(|(overlap, spare, life, leaf)| {
        let renew_before = overlap + spare;
        let lifetime = renew_before + life;
        Lifetimes {
            authority: AuthorityTimes::new(lifetime * DAY, renew_before * DAY, overlap * DAY)
                .unwrap(),
            leaf: LeafTimes::new((leaf + 10) * DAY, 10 * DAY).unwrap(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever has read the bundle within the overlap accepts the certificate in force, whatever has ever been
    /// issued and has not expired is accepted by the bundle in force, and nothing is done twice.
    #[test]
    fn a_rotation_disturbs_nobody(pauses in hours(), times in lifetimes()) {
        let mut now = day(0.0);
        let mut secret = Simulated::founded(now, &times);
        let mut issued = vec![secret.leaf];
        // Each bundle with the moment from which on it was no longer the newest.
        let mut read: VecDeque<(Vec<Authority>, Timestamp)> = VecDeque::new();
        for pause in pauses {
            let later = after(now, pause * 60 * MINUTE);
            // Until just before this pass, the one in force is what the pass before has left.
            prop_assert!(accepts(&secret.bundle(), &secret.leaf, before(later, MINUTE)));
            now = later;
            let bundle = secret.bundle();
            let plan = secret.pass(now, &times);
            prop_assert!(plan.turn != Turn::Found, "an authority ran out");
            if bundle != secret.bundle() {
                read.push_back((bundle, now));
            }
            if plan.issue {
                issued.push(secret.leaf);
            }
            read.retain(|(_, replaced)| now.duration_since(*replaced).unsigned_abs() < times.authority.overlap);
            for (bundle, _) in &read {
                prop_assert!(accepts(bundle, &secret.leaf, now), "{secret:?} {bundle:?}");
            }
            issued.retain(|leaf| !leaf.validity.has_expired(now));
            for leaf in &issued {
                prop_assert!(accepts(&secret.bundle(), leaf, now), "{secret:?} {leaf:?}");
            }
            let idle = secret.clone().pass(now, &times);
            prop_assert!(!idle.is_needed(), "{plan:?} and then {idle:?}");
        }
        prop_assert!(secret.made > 1 || now < day(300.0), "authorities are replaced");
    }
}
