//! What is told of a Pod while it lives.

use std::time::Duration;

use kube::runtime::events::EventType;

use super::Life;
use crate::pod::report::Gone;
use crate::pod::state::State;

/// Why the container does not run.
pub(super) struct Trouble {
    /// The waiting container's.
    reason: &'static str,
    /// The event's.
    event: &'static str,
    message: String,
}

impl Trouble {
    /// The spec asks for what this node does not do.
    pub fn unsupported(message: String) -> Self {
        Self::new("Unsupported", "Unsupported", message)
    }

    /// No program stands in for the image.
    pub fn image(message: String) -> Self {
        Self::new("ErrImagePull", "Failed", message)
    }

    /// The Pod has no network yet.
    pub fn network(message: String) -> Self {
        Self::new("ContainerCreating", "FailedCreatePodSandBox", message)
    }

    /// A volume cannot be filled yet.
    pub fn volumes(message: String) -> Self {
        Self::new("ContainerCreating", "FailedMount", message)
    }

    /// What the spec says of the container cannot be, or not yet.
    pub fn settings(message: String) -> Self {
        Self::new("CreateContainerConfigError", "Failed", message)
    }

    /// No process can be started.
    pub fn process(error: std::io::Error) -> Self {
        Self::new("RunContainerError", "Failed", error.to_string())
    }

    /// It has ended, and is not started again before `pause` is over.
    pub fn back_off(pause: Duration) -> Self {
        let message = format!("back-off {pause:?} restarting failed container");
        Self::new("CrashLoopBackOff", "BackOff", message)
    }

    fn new(reason: &'static str, event: &'static str, message: String) -> Self {
        Self {
            reason,
            event,
            message,
        }
    }
}

impl Life {
    /// Tells why the container waits, unless that is known.
    pub(super) async fn waits(&mut self, trouble: Trouble) -> Result<(), Gone> {
        let state = State::Waiting {
            reason: trouble.reason.to_owned(),
            message: trouble.message.clone(),
        };
        if self.container.state != state {
            self.container.state = state;
            self.event(EventType::Warning, trouble.event, &trouble.message)
                .await;
        }
        self.tell().await
    }

    pub(super) async fn tell(&mut self) -> Result<(), Gone> {
        let pod = self.pod();
        self.report.status(&pod, &self.place, &self.container).await
    }

    pub(super) async fn event(&self, kind: EventType, reason: &str, note: &str) {
        self.report.event(&self.pod(), kind, reason, note).await;
    }
}
