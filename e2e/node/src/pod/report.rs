//! Tells the API server of a Pod: its status, and events about it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Resource, ResourceExt};
use operator_core::decide::clock::Clock;
use serde_json::{Value, json};

use super::status::{self, Container, Place};

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
        let status = json!(status);
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

/// The scheduler's condition is still there though we tell none.
fn merged(earlier: Vec<PodCondition>, now: Vec<PodCondition>) -> Vec<PodCondition> {
    let told = |kind: &str| now.iter().any(|it| it.type_ == kind);
    let mut all: Vec<PodCondition> = earlier.into_iter().filter(|it| !told(&it.type_)).collect();
    all.extend(now);
    all
}
