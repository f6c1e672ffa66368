//! Tells the API server of a Pod: its status, and events about it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Resource, ResourceExt};
use operator_core::decide::clock::Clock;
use serde_json::{Value, json};

use super::state::Container;
use super::status::{self, Place};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// The Pod is no more: nobody is to be told of it.
#[derive(Debug)]
pub struct Gone;

/// Who tells of one Pod.
pub struct Report {
    pods: Api<Pod>,
    recorder: Recorder,
    clock: Clock,
    told: Option<(Value, Vec<PodCondition>)>,
}

impl Report {
    /// Nothing is told yet.
    pub fn new(pods: Api<Pod>, recorder: Recorder, clock: Clock) -> Self {
        Self {
            pods,
            recorder,
            clock,
            told: None,
        }
    }

    /// Writes the status if it is not as it was told last, and again until the API server has it.
    ///
    /// # Errors
    /// When the Pod is gone, or another has its name.
    pub async fn status(
        &mut self,
        pod: &Pod,
        place: &Place,
        container: &Container,
    ) -> Result<(), Gone> {
        let found = pod.status.as_ref().and_then(|it| it.conditions.clone());
        let earlier = match &self.told {
            Some((_, conditions)) => conditions.clone(),
            None => found.unwrap_or_default(),
        };
        let status = status::status(pod, place, container, &earlier, self.clock.wall());
        let conditions = status.conditions.clone().unwrap_or_default();
        let status = merging(&status);
        if self.told.as_ref().is_some_and(|(told, _)| *told == status) {
            return Ok(());
        }
        // Conditions are merged by their type, so that others' stay; the id keeps it from a Pod of the same name.
        let patch = json!({ "metadata": { "uid": pod.uid() }, "status": status });
        let params = PatchParams::default();
        let name = pod.name_any();
        loop {
            match self
                .pods
                .patch_status(&name, &params, &Patch::Strategic(&patch))
                .await
            {
                Ok(_) => break,
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => {
                    self.is_there(pod).await?;
                    self.clock.sleep(PAUSE).await;
                }
                Err(_) => self.clock.sleep(PAUSE).await,
            }
        }
        self.told = Some((status, merged(earlier, conditions)));
        Ok(())
    }

    async fn is_there(&self, pod: &Pod) -> Result<(), Gone> {
        match self.pods.get_opt(&pod.name_any()).await {
            Ok(found) if found.as_ref().and_then(ResourceExt::uid) != pod.uid() => Err(Gone),
            _ => Ok(()),
        }
    }

    /// Says something of the Pod. An event that cannot be written is nothing to stop for.
    pub async fn event(&self, pod: &Pod, kind: EventType, reason: &str, note: &str) {
        let event = Event {
            type_: kind,
            reason: reason.to_owned(),
            note: Some(note.chars().take(1000).collect()),
            action: reason.to_owned(),
            secondary: None,
        };
        let _ = self.recorder.publish(&event, &pod.object_ref(&())).await;
    }
}

/// A status as a patch that merges it. A reason that no longer holds is taken away, which leaving it out would not do.
fn merging(status: &PodStatus) -> Value {
    let mut patch = json!(status);
    let conditions = patch.get_mut("conditions").and_then(Value::as_array_mut);
    let conditions = conditions.into_iter().flatten();
    for condition in conditions.filter_map(Value::as_object_mut) {
        condition.entry("reason").or_insert(Value::Null);
    }
    patch
}

/// The scheduler's condition is still there though we tell none.
fn merged(earlier: Vec<PodCondition>, now: Vec<PodCondition>) -> Vec<PodCondition> {
    let told = |kind: &str| now.iter().any(|it| it.type_ == kind);
    let mut all: Vec<PodCondition> = earlier.into_iter().filter(|it| !told(&it.type_)).collect();
    all.extend(now);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_no_longer_holds_is_taken_away() {
        let condition = |kind: &str, reason: Option<&str>| PodCondition {
            type_: kind.to_owned(),
            status: "True".to_owned(),
            reason: reason.map(str::to_owned),
            ..PodCondition::default()
        };
        let status = PodStatus {
            conditions: Some(vec![
                condition("Ready", None),
                condition("Initialized", Some("PodCompleted")),
            ]),
            ..PodStatus::default()
        };
        let conditions = &merging(&status)["conditions"];
        assert_eq!(conditions[0].get("reason"), Some(&Value::Null));
        assert_eq!(conditions[1]["reason"], "PodCompleted");
    }
}
