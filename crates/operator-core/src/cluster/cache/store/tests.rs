use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::prelude::*;
use rstest::rstest;

use super::{super::packed::Keeping, *};

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

fn version(uid: &str, number: &str) -> Version {
    Version::of(&ObjectMeta {
        uid: Some(uid.to_owned()),
        resource_version: Some(number.to_owned()),
        ..ObjectMeta::default()
    })
}

fn readable(state: &str) -> News<String> {
    News::Readable(fresh(state))
}

fn fresh(state: &str) -> Fresh<String> {
    Keeping::PACKED.fresh(state.to_owned())
}

fn unreadable() -> News<String> {
    News::Unreadable(Unread {
        generation: Some(1),
        error: "spec: bad".to_owned(),
        held_by: Vec::new(),
    })
}

fn told<'a>(effects: impl IntoIterator<Item = &'a Effect<String>>) -> String {
    let told = effects.into_iter().map(|effect| match effect {
        Effect::Added(new) => format!("+{new}"),
        Effect::Updated { old, new } => format!("{}>{new}", old.open()),
        Effect::Deleted(old) => format!("-{}", old.open()),
        Effect::Unreadable(unreadable) => format!("?{}", unreadable.uid),
        Effect::UnreadableGone => "-?".to_owned(),
    });
    told.collect::<Vec<_>>().join(" ")
}

/// A store that knows `a` as life `u` in state 5.
fn store() -> Store<String> {
    let mut store = Store::default();
    store.put(&key("a"), version("u", "5"), readable("five"));
    store
}

#[rstest]
#[case::newer("u", "6", "five>new")]
#[case::the_same("u", "5", "")]
#[case::older("u", "4", "")]
#[case::next_life("v", "6", "-five +new")]
#[case::earlier_life("t", "4", "")]
#[case::no_order("u", "opaque", "five>new")]
#[case::longer_number("u", "10", "five>new")]
fn news_is_taken_unless_it_is_old(#[case] uid: &str, #[case] number: &str, #[case] expected: &str) {
    let mut store = store();
    assert_eq!(
        told(&store.put(&key("a"), version(uid, number), readable("new"))),
        expected
    );
    let kept = if expected.is_empty() { "five" } else { "new" };
    assert_eq!(*store.get(&key("a")).unwrap(), kept);
}

#[rstest]
#[case::newer("u", "6", "five>new")]
#[case::the_same("u", "5", "")]
#[case::older("u", "4", "")]
#[case::another_life("v", "6", "")]
#[case::no_order("u", "opaque", "five>new")]
fn an_answer_to_our_write_counts_for_that_object_only(
    #[case] uid: &str,
    #[case] number: &str,
    #[case] expected: &str,
) {
    let effect = store().confirm(&key("a"), version(uid, number), fresh("new"));
    assert_eq!(told(&effect), expected);
}

#[test]
fn an_answer_never_brings_back_what_is_gone() {
    let mut store = store();
    store.delete(&key("a"), &version("u", "6"));
    assert!(
        store
            .confirm(&key("a"), version("u", "7"), fresh("late"))
            .is_none()
    );
    assert!(store.get(&key("a")).is_none());
}

#[rstest]
#[case::yet_to_be_shown("6", 0, "+new")]
#[case::shown_already("4", 0, "")]
#[case::not_in_a_list_since("6", 1, "")]
#[case::no_order("opaque", 0, "")]
fn an_answer_brings_what_the_watch_cannot_have_shown(
    #[case] number: &str,
    #[case] lists: u64,
    #[case] expected: &str,
) {
    let mut store = store();
    let before = store.lists();
    (0..lists).for_each(|_| drop(store.retain(None, &HashSet::from([key("a")]))));
    let effect = store.learn(&key("b"), version("v", number), fresh("new"), before);
    assert_eq!(told(&effect), expected);
}

#[test]
fn an_answer_in_a_known_state_is_kept_and_not_told() {
    let mut store = store();
    let lists = store.lists();
    let effect = store.learn(&key("a"), version("u", "5"), fresh("as written"), lists);
    assert_eq!(told(&effect), "");
    assert_eq!(
        store.get(&key("a")),
        Some(Arc::new("as written".to_owned()))
    );
    assert_eq!(
        told(&store.learn(&key("a"), version("u", "4"), fresh("older"), lists)),
        ""
    );
    assert_eq!(
        store.get(&key("a")),
        Some(Arc::new("as written".to_owned()))
    );
}

#[rstest]
#[case::in_its_last_state("u", "6", "-five")]
#[case::seen_late("u", "4", "-five")]
#[case::earlier_life("t", "4", "")]
#[case::later_life("v", "9", "-five")]
#[case::unordered_other_life("t", "opaque", "")]
fn a_deletion_ends_the_life_it_speaks_of(
    #[case] uid: &str,
    #[case] number: &str,
    #[case] expected: &str,
) {
    assert_eq!(
        told(&store().delete(&key("a"), &version(uid, number))),
        expected
    );
}

#[test]
fn an_unreadable_state_takes_the_object_out_and_is_told_once() {
    let mut store = store();
    assert_eq!(
        told(&store.put(&key("a"), version("u", "6"), unreadable())),
        "-five ?u"
    );
    assert!(store.get(&key("a")).is_none());
    assert_eq!((store.len(), store.unreadable()), (0, 1));
    assert_eq!(
        told(&store.put(&key("a"), version("u", "6"), unreadable())),
        "",
        "listed again"
    );
    assert_eq!(
        told(&store.put(&key("a"), version("u", "7"), unreadable())),
        "?u",
        "another state"
    );
    assert_eq!(
        told(&store.put(&key("a"), version("u", "5"), readable("old"))),
        "",
        "an old state"
    );
    assert_eq!(
        told(&store.put(&key("a"), version("u", "8"), readable("mended"))),
        "+mended"
    );
    assert_eq!((store.len(), store.unreadable()), (1, 0));
}

#[test]
fn an_unreadable_object_leaves_no_trace_when_it_goes() {
    let mut store = Store::<String>::default();
    store.put(&key("a"), version("u", "6"), unreadable());
    assert_eq!(told(&store.delete(&key("a"), &version("u", "7"))), "-?");
    assert_eq!(store.unreadable(), 0);
    store.put(&key("b"), version("u", "8"), unreadable());
    let gone = store.retain(None, &HashSet::new());
    assert_eq!(told(gone.iter().map(|(_, effect)| effect)), "-?");
    assert_eq!(store.unreadable(), 0);
}

#[test]
fn a_list_ends_what_it_does_not_hold_in_its_own_namespace() {
    let mut store = store();
    store.put(&key("b"), version("b", "6"), readable("b"));
    store.put(
        &ObjectKey::new("other", "c"),
        version("c", "7"),
        readable("c"),
    );
    let gone = store.retain(Some("shop"), &HashSet::from([key("b")]));
    assert_eq!(told(gone.iter().map(|(_, effect)| effect)), "-five");
    let gone = store.retain(None, &HashSet::from([key("b")]));
    assert_eq!(told(gone.iter().map(|(_, effect)| effect)), "-c");
    assert_eq!(store.len(), 1);
}

/// What happens between a server and a cache: the server changes, the watch brings news late, is cut and
/// starts with a list, and answers to our own writes arrive at any time.
#[derive(Clone, Debug)]
enum Happens {
    Create(u8),
    Write(u8, bool),
    Delete(u8),
    /// The watch brings the next piece of news.
    Watch,
    /// The watch was cut: a list, as of now, and the watch goes on from there.
    List,
    /// The answer to the write that the server took this many changes ago.
    Confirm(u8),
    /// The same, of a write that may have made the object.
    Learn(u8),
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        3 => (0..3u8).prop_map(Happens::Create),
        4 => (0..3u8, prop::bool::weighted(0.8)).prop_map(|(name, readable)| Happens::Write(name, readable)),
        2 => (0..3u8).prop_map(Happens::Delete),
        6 => Just(Happens::Watch),
        1 => Just(Happens::List),
        3 => (0..6u8).prop_map(Happens::Confirm),
        3 => (0..6u8).prop_map(Happens::Learn),
    ];
    prop::collection::vec(one, 0..60)
}

#[derive(Clone, Debug)]
struct Object {
    uid: String,
    number: u64,
    readable: bool,
}

#[derive(Default)]
struct World {
    now: u64,
    objects: BTreeMap<u8, Object>,
    /// Every change: the object, and whether it was deleted.
    history: Vec<(u8, Object, bool)>,
    /// How many lists were complete before each of them.
    lists: Vec<u64>,
    watched: usize,
    cache: Store<String>,
    /// What an observer believes.
    believed: BTreeMap<ObjectKey, String>,
    unreadable: HashSet<ObjectKey>,
}

impl World {
    fn change(&mut self, name: u8, object: Object, deleted: bool) {
        if deleted {
            self.objects.remove(&name);
        } else {
            self.objects.insert(name, object.clone());
        }
        self.history.push((name, object, deleted));
        self.lists.push(self.cache.lists());
    }

    fn next(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn put(&mut self, name: u8, object: &Object) {
        let news = if object.readable {
            readable(&object.number.to_string())
        } else {
            unreadable()
        };
        let key = key(&name.to_string());
        for effect in self
            .cache
            .put(&key, version(&object.uid, &object.number.to_string()), news)
        {
            self.tell(&key, &effect);
        }
    }

    fn tell(&mut self, key: &ObjectKey, effect: &Effect<String>) {
        match effect {
            Effect::Added(new) => {
                assert_eq!(self.believed.insert(key.clone(), new.to_string()), None);
                self.unreadable.remove(key);
            }
            Effect::Updated { old, new } => {
                let before = self.believed.insert(key.clone(), new.to_string());
                assert_eq!(before.as_deref(), Some(old.open().as_str()));
                let number = |state: &str| state.parse::<u64>().unwrap();
                assert!(number(&old.open()) < number(new), "never back in time");
            }
            Effect::Deleted(old) => {
                assert_eq!(
                    self.believed.remove(key).as_deref(),
                    Some(old.open().as_str())
                );
            }
            Effect::Unreadable(_) => {
                assert_eq!(self.believed.get(key), None);
                self.unreadable.insert(key.clone());
            }
            Effect::UnreadableGone => assert!(self.unreadable.remove(key)),
        }
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Create(name) if !self.objects.contains_key(&name) => {
                let number = self.next();
                self.change(
                    name,
                    Object {
                        uid: format!("{name}-{number}"),
                        number,
                        readable: true,
                    },
                    false,
                );
            }
            Happens::Write(name, readable) => {
                let number = self.next();
                if let Some(object) = self.objects.get(&name).cloned() {
                    self.change(
                        name,
                        Object {
                            number,
                            readable,
                            ..object
                        },
                        false,
                    );
                }
            }
            Happens::Delete(name) => {
                let number = self.next();
                if let Some(object) = self.objects.get(&name).cloned() {
                    self.change(name, Object { number, ..object }, true);
                }
            }
            Happens::Watch => {
                let Some((name, object, deleted)) = self.history.get(self.watched).cloned() else {
                    return;
                };
                self.watched += 1;
                if deleted {
                    let key = key(&name.to_string());
                    let gone = self
                        .cache
                        .delete(&key, &version(&object.uid, &object.number.to_string()));
                    gone.into_iter().for_each(|effect| self.tell(&key, &effect));
                } else {
                    self.put(name, &object);
                }
            }
            Happens::List => {
                self.watched = self.history.len();
                let objects = self.objects.clone();
                objects
                    .iter()
                    .for_each(|(name, object)| self.put(*name, object));
                let listed = objects.keys().map(|name| key(&name.to_string())).collect();
                for (key, effect) in self.cache.retain(None, &listed) {
                    self.tell(&key, &effect);
                }
            }
            Happens::Confirm(ago) | Happens::Learn(ago) => {
                let Some(at) = self.history.len().checked_sub(1 + usize::from(ago)) else {
                    return;
                };
                let (name, object, deleted) = self.history[at].clone();
                if deleted || !object.readable {
                    return;
                }
                let (key, number) = (key(&name.to_string()), object.number.to_string());
                let (state, version) = (fresh(&number), version(&object.uid, &number));
                let effect = match happens {
                    Happens::Learn(_) => self.cache.learn(&key, version, state, self.lists[at]),
                    _ => self.cache.confirm(&key, version, state),
                };
                effect
                    .into_iter()
                    .for_each(|effect| self.tell(&key, &effect));
                let kept = self
                    .cache
                    .get(&key)
                    .map(|state| state.parse::<u64>().unwrap());
                assert!(
                    kept.is_none_or(|kept| kept >= object.number || kept < object.uid_number())
                );
            }
            Happens::Create(_) => {}
        }
        let kept: BTreeMap<_, _> = self
            .cache
            .keys()
            .map(|key| (key.clone(), self.cache.get(key).unwrap().to_string()))
            .collect();
        assert_eq!(
            kept, self.believed,
            "an observer knows what the cache knows"
        );
    }

    fn truth(&self) -> BTreeMap<ObjectKey, String> {
        let readable = self.objects.iter().filter(|(_, object)| object.readable);
        readable
            .map(|(name, object)| (key(&name.to_string()), object.number.to_string()))
            .collect()
    }
}

impl Object {
    /// The version at which this life began.
    fn uid_number(&self) -> u64 {
        self.uid.split_once('-').unwrap().1.parse().unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_cache_follows_the_server_whatever_comes_late(happens in happenings(), by_list in any::<bool>()) {
        let mut world = World::default();
        happens.into_iter().for_each(|happens| world.happen(happens));
        if by_list {
            world.happen(Happens::List);
        }
        while world.watched < world.history.len() {
            world.happen(Happens::Watch);
        }
        prop_assert_eq!(&world.believed, &world.truth());
        let unreadable = world.objects.values().filter(|object| !object.readable).count();
        prop_assert_eq!(world.cache.unreadable(), unreadable);
        prop_assert_eq!(world.unreadable.len(), unreadable);
    }
}
