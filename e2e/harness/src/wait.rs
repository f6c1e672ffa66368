//! Waiting for conditions: never for a fixed time, and never silently.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use kube::runtime::watcher::watch_object;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// Long enough for any condition that will ever hold, on a machine busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The answer of a condition: `true`, or `Ok(())`, when it holds. An `Err` says what is missing,
/// and a wait that gives up shows the last one.
pub trait Verdict {
    /// Ok when the condition holds, else what is missing.
    fn verdict(self) -> Result<(), String>;
}

impl Verdict for bool {
    fn verdict(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<E: ToString> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), String> {
        self.map_err(|e| e.to_string())
    }
}

/// Asks `check` every 50 ms until it holds; for what cannot be watched.
///
/// # Errors
/// When it does not hold within `patience`; the message has `what` was awaited and the last `Err`.
pub async fn until<C, F, V>(what: &str, patience: Duration, mut check: C) -> Result<()>
where
    C: FnMut() -> F,
    F: Future<Output = V>,
    V: Verdict,
{
    let mut missing = String::new();
    let held = timeout(patience, async {
        while let Err(reason) = check().await.verdict() {
            missing = reason;
            sleep(Duration::from_millis(50)).await;
        }
    });
    if held.await.is_ok() {
        return Ok(());
    }
    Err(anyhow!("{}", gave_up(what, patience, &missing)))
}

/// Watches an object until it exists and `holds` says so, and returns it as it was then.
///
/// # Errors
/// When that does not happen within `patience`. The message has `what` was awaited, the last `Err`,
/// the object as YAML (without the values of a Secret) and its events.
pub async fn wait_for<K, V>(
    api: &Api<K>,
    name: &str,
    what: &str,
    patience: Duration,
    mut holds: impl FnMut(&K) -> V,
) -> Result<K>
where
    K: Resource<DynamicType: Default>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static,
    V: Verdict,
{
    watch(api, name, what, patience, |object| match object {
        None => Err("it does not exist".into()),
        Some(object) => holds(object).verdict(),
    })
    .await?
    .ok_or_else(|| anyhow!("{name}: ended without an object"))
}

/// Watches until no object of this name exists.
///
/// # Errors
/// As [`wait_for`].
pub async fn wait_gone<K>(api: &Api<K>, name: &str, patience: Duration) -> Result<()>
where
    K: Resource<DynamicType: Default>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static,
{
    let gone = |object: Option<&K>| match object {
        None => Ok(()),
        Some(_) => Err("it still exists".into()),
    };
    watch(api, name, "its end", patience, gone).await?;
    Ok(())
}

async fn watch<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    patience: Duration,
    mut holds: impl FnMut(Option<&K>) -> Result<(), String>,
) -> Result<Option<K>>
where
    K: Resource<DynamicType: Default>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static,
{
    let mut last: Option<K> = None;
    let mut missing = "no answer from the API server".to_owned();
    let watching = timeout(patience, async {
        let mut states = pin!(watch_object(api.clone(), name));
        while let Some(state) = states.next().await {
            match state {
                Ok(object) => {
                    last = object;
                    match holds(last.as_ref()) {
                        Ok(()) => return,
                        Err(reason) => missing = reason,
                    }
                }
                // The watcher starts again by itself; a server may be away for a while.
                Err(e) => {
                    missing = format!("the watch failed: {e}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    if watching.await.is_ok() {
        return Ok(last);
    }

    let kind = K::kind(&Default::default()).into_owned();
    let subject = match api.namespace() {
        Some(namespace) => format!("{kind} {namespace}/{name}: {what}"),
        None => format!("{kind} {name}: {what}"),
    };
    let mut message = gave_up(&subject, patience, &missing);
    if let Some(object) = &last {
        message += "\n--- last seen\n";
        message += &yaml(object, &kind);
        message += "--- events\n";
        message += &events(api.clone().into_client(), object).await;
    }
    Err(anyhow!(message))
}

fn gave_up(what: &str, patience: Duration, missing: &str) -> String {
    let mut message = format!("gave up after {patience:?} waiting for {what}");
    if !missing.is_empty() {
        message += &format!("\nlast: {missing}");
    }
    message
}

/// What a person reads of an object: no bookkeeping, and nothing secret.
fn yaml<K: Serialize>(object: &K, kind: &str) -> String {
    let shown = serde_json::to_value(object).map(|mut value| {
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        if kind == "Secret" {
            for field in ["data", "stringData"] {
                let values = value.get_mut(field).and_then(Value::as_object_mut);
                for hidden in values.into_iter().flat_map(|map| map.values_mut()) {
                    *hidden = Value::String("(hidden)".into());
                }
            }
            if let Some(annotations) = value.pointer_mut("/metadata/annotations") {
                *annotations = Value::String("(hidden)".into());
            }
        }
        value
    });
    match shown.map(|value| serde_saphyr::to_string(&value)) {
        Ok(Ok(yaml)) => yaml,
        Ok(Err(e)) => format!("(cannot be shown: {e})\n"),
        Err(e) => format!("(cannot be shown: {e})\n"),
    }
}

/// The events about an object, oldest first. One list has those of both groups: the API server
/// keeps `v1` and `events.k8s.io/v1` events in one place and serves each as either.
async fn events<K: Resource>(client: Client, object: &K) -> String {
    let namespace = object.namespace().unwrap_or_else(|| "default".into());
    let of_object = format!("involvedObject.uid={}", object.uid().unwrap_or_default());
    let listing = Api::<Event>::namespaced(client, &namespace);
    let listed = listing
        .list(&ListParams::default().fields(&of_object))
        .await;
    match listed {
        Err(e) => format!("(cannot be listed: {e})"),
        Ok(events) if events.items.is_empty() => "(none)".into(),
        Ok(mut events) => {
            events.items.sort_by_key(|event| event.creation_timestamp());
            let lines = events.items.iter().map(|event| {
                format!(
                    "{} {}: {}",
                    event.type_.as_deref().unwrap_or("?"),
                    event.reason.as_deref().unwrap_or("?"),
                    event.message.as_deref().unwrap_or_default(),
                )
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    #[tokio::test]
    async fn a_wait_that_gives_up_says_for_what_and_why() {
        let never = || async { Err("two of three") };
        let error = until("three answers", Duration::from_millis(1), never)
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(message.contains("three answers"), "{message}");
        assert!(message.contains("two of three"), "{message}");
    }

    #[tokio::test]
    async fn a_wait_ends_when_the_condition_holds() {
        let mut asked = 0;
        let third = || {
            asked += 1;
            let holds = asked == 3;
            async move { holds }
        };
        until("the third time", PATIENCE, third).await.unwrap();
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_secret_is_shown_without_its_values() {
        let canary = "c2VjcmV0LXZhbHVl";
        let secret = Secret {
            data: Some([("key".into(), ByteString(canary.into()))].into()),
            string_data: Some([("other".into(), canary.into())].into()),
            ..Secret::default()
        };
        let shown = yaml(&secret, "Secret");
        assert!(shown.contains("key: (hidden)"), "{shown}");
        assert!(shown.contains("other: (hidden)"), "{shown}");
        assert!(!shown.contains(canary), "{shown}");
    }
}
