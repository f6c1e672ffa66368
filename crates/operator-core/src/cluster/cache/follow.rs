//! The watch that feeds a cache.

use std::{
    collections::{BTreeSet, HashSet},
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt, future::join_all};
use kube::{
    Api, Client, Resource,
    runtime::{
        utils::Backoff,
        watcher::{self, DefaultBackoff, Event, watcher},
    },
};
use tracing::warn;

use super::{
    Cache, Projection,
    health::text_of,
    missing::{LOOKS, SOUGHT_EVERY, SOUGHT_LATER_EVERY, is_undefined, is_unserved, what},
    store::News,
    streamed::{self, List},
};
use crate::{
    cluster::{
        readable::Readable,
        refusal::{code, retry_after},
        version::Version,
    },
    decide::key::ObjectKey,
};

/// How long the API server keeps one watch open, in seconds. A connection that died unnoticed is given up
/// five seconds later. A client whose read timeout is shorter than this cuts healthy watches.
pub const WATCH_SECONDS: u32 = 120;

/// Where the pauses between failures stop growing.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that is made because it is asked for: one odd answer is not to still a watch for hours.
const LONGEST_ASKED: Duration = Duration::from_secs(120);

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object without what nobody reads and what is most of its size.
pub(super) fn stripped<K: Resource>(mut object: K) -> K {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove(LAST_APPLIED);
    }
    object
}

/// Follows several namespaces at once; the cache is synced when each of them was listed.
pub(super) async fn follow_each<P: Projection>(
    cache: &Cache<P>,
    client: &Client,
    namespaces: &BTreeSet<String>,
) {
    if namespaces.is_empty() {
        cache.mark_synced();
    }
    let unlisted = &AtomicUsize::new(namespaces.len());
    let listed = || {
        if unlisted.fetch_sub(1, Ordering::AcqRel) == 1 {
            cache.mark_synced();
        }
    };
    join_all(
        namespaces
            .iter()
            .map(|namespace| follow(cache, client, Some(namespace), listed)),
    )
    .await;
    // No namespace, no watch: nothing ever happens.
    pending().await
}

/// Follows one namespace, or all. Calls `listed` after the first complete list, or once it is certain that the kind is
/// not defined. Never ends.
///
/// What was listed stays known while the kind is not served any more: no route and no bucket is lost because a
/// definition, or a version of it, is away for a moment. That objects are gone with their definition the watch has shown,
/// or the next list does.
pub(super) async fn follow<P: Projection>(
    cache: &Cache<P>,
    client: &Client,
    namespace: Option<&str>,
    listed: impl FnOnce(),
) {
    let api: Api<Readable<P::Object>> = match namespace {
        None => Api::all_with(client.clone(), &()),
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &()),
    };
    let start = |list: &List| watcher(api.clone(), list.form()).boxed();
    let mut list = List::default();
    let mut events = start(&list);
    let mut backoff = DefaultBackoff::default();
    let mut listed = Some(listed);
    let mut seen = HashSet::new();
    let mut looks = 0;
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) if list.is_under_way() => {
                cache.failed(namespace, streamed::CUT.to_owned());
                list.failed();
                cache.clock.sleep(pause(&mut backoff, None)).await;
                events = start(&list);
            }
            Ok(event) => {
                // kube's own backoff also starts anew with `Init`, which comes before a list that fails.
                if matches!(event, Event::Apply(_) | Event::Delete(_)) {
                    backoff.reset();
                }
                let complete = matches!(event, Event::InitDone);
                match event {
                    Event::Init => list.begins(),
                    Event::InitDone => list.is_complete(),
                    _ => {}
                }
                // A list that has begun may not have come to what has happened last.
                let shows = complete || matches!(event, Event::Apply(_) | Event::Delete(_));
                take(cache, namespace, &mut seen, event);
                if shows {
                    cache.health.lock().shows(cache.name, namespace);
                }
                if let Some(listed) = listed.take_if(|_| complete) {
                    listed();
                }
            }
            Err(error) if list.is_refused(&error) => {
                list.failed();
                events = start(&list);
            }
            Err(error) if is_unserved(&error) => {
                // Not from the version where it stopped: a definition that is made anew has a past of its own.
                list = List::default();
                events = start(&list);
                backoff.reset();
                let missing = what::<P::Object>();
                cache.health.lock().misses(cache.name, namespace, &missing);
                if listed.is_some() {
                    match is_undefined::<P::Object>(client).await {
                        Ok(()) => looks += 1,
                        Err(why) => {
                            looks = 0;
                            let doubt =
                                format!("{missing} is not served, and may have objects: {why}");
                            cache.failed(namespace, doubt);
                        }
                    }
                }
                if let Some(listed) = listed.take_if(|_| looks == LOOKS) {
                    listed();
                }
                let pause = match listed {
                    Some(_) => SOUGHT_EVERY,
                    None => SOUGHT_LATER_EVERY,
                };
                cache.clock.sleep(pause).await;
            }
            Err(error) => {
                looks = 0;
                cache.failed(namespace, text_of(&error));
                // kube goes on with a list that misses what it could not read. And it lists again when an event says
                // 410, but not when an answer does: it would ask for the same expired version for ever.
                if list.is_under_way() {
                    list.failed();
                    events = start(&list);
                } else if is_expired(&error) {
                    events = start(&list);
                }
                cache.clock.sleep(pause(&mut backoff, Some(&error))).await;
            }
        }
    }
}

/// How long to wait after a failure: as long as the API server asks for, if it does, within reason.
fn pause(backoff: &mut DefaultBackoff, error: Option<&watcher::Error>) -> Duration {
    let asked = error.and_then(|error| match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => retry_after(error),
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => None,
    });
    let asked = asked.map(|asked| asked.min(LONGEST_ASKED));
    asked.unwrap_or_else(|| backoff.next().unwrap_or(MAX_PAUSE))
}

/// Takes one event of the watch. `seen` holds what the present list has shown so far.
fn take<P: Projection>(
    cache: &Cache<P>,
    namespace: Option<&str>,
    seen: &mut HashSet<ObjectKey>,
    event: Event<Readable<P::Object>>,
) {
    cache.health.lock().heard(cache.clock.wall());
    match event {
        Event::Init => seen.clear(),
        Event::InitApply(object) => {
            seen.insert(ObjectKey::of(&object));
            put(cache, &object);
        }
        Event::InitDone => {
            let listed = std::mem::take(seen);
            cache.change(|store| store.retain(namespace, &listed));
        }
        Event::Apply(object) => put(cache, &object),
        Event::Delete(object) => {
            let (key, version) = (ObjectKey::of(&object), Version::of(object.meta()));
            cache.change(|store| store.delete(&key, &version).map(|effect| (key, effect)));
        }
    }
}

fn put<P: Projection>(cache: &Cache<P>, object: &Readable<P::Object>) {
    let (key, version) = (ObjectKey::of(object), Version::of(object.meta()));
    if !cache.store.write().is_news(&key, &version) {
        return;
    }
    let read = if P::MANAGED_FIELDS {
        object.whole()
    } else {
        object.lean()
    };
    let news = match read {
        Ok(object) => News::Readable(cache.keeping.fresh(P::project(stripped(object)))),
        Err(unread) => {
            warn!(
                controller = cache.name,
                namespace = &*key.namespace,
                name = &*key.name,
                "an object was written under a schema that this version cannot read: {}",
                unread.error
            );
            News::Unreadable(unread)
        }
    };
    cache.change(|store| {
        let effects = store.put(&key, version, news);
        effects.into_iter().map(move |effect| (key.clone(), effect))
    });
}

fn is_expired(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => code(error) == Some(410),
        watcher::Error::WatchError(status) => status.code == 410,
        watcher::Error::NoResourceVersion => false,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::{Status, response::StatusDetails};

    use super::*;

    #[test]
    fn a_pause_is_as_long_as_the_api_server_asks_for_within_reason() {
        let refused = |seconds| {
            let details = StatusDetails {
                name: String::new(),
                group: String::new(),
                kind: String::new(),
                uid: String::new(),
                causes: Vec::new(),
                retry_after_seconds: seconds,
            };
            let status = Status::failure("later", "TooManyRequests").with_code(429);
            let status = status.with_details(details);
            watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
        };
        let paused = |seconds| pause(&mut DefaultBackoff::default(), Some(&refused(seconds)));
        assert_eq!(paused(7), Duration::from_secs(7));
        assert_eq!(paused(u32::MAX), LONGEST_ASKED);
        let own = paused(0);
        assert!(own > Duration::ZERO && own <= MAX_PAUSE, "{own:?}");
    }
}
