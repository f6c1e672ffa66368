//! What is known of a Pod's container.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::container::NOT_STARTED;

/// What is known of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub state: State,
    /// The run before this one.
    pub last: Option<Ended>,
    pub restarts: i32,
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet, or nothing any more before it is started again.
    Waiting { reason: String, message: String },
    /// It runs.
    Running {
        process: u32,
        since: Timestamp,
        started: bool,
        ready: bool,
    },
    /// It has ended and will not be started again.
    Over(Ended),
}

/// A run that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub process: u32,
    pub code: i32,
    pub signal: Option<i32>,
    pub message: Option<String>,
    pub began: Timestamp,
    pub finished: Timestamp,
}

impl Container {
    /// One that nothing is known of yet.
    pub fn new() -> Self {
        Self {
            state: State::Waiting {
                reason: "ContainerCreating".to_owned(),
                message: String::new(),
            },
            last: None,
            restarts: 0,
        }
    }

    /// Whether it is ready.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Running { ready: true, .. })
    }

    /// As container engines name theirs: `ENGINE://ID`. The id of a process is what helps who looks at this machine.
    pub fn id(&self) -> Option<String> {
        let process = match (&self.state, &self.last) {
            (State::Running { process, .. }, _) => *process,
            (State::Over(ended), _) | (_, Some(ended)) => ended.process,
            (State::Waiting { .. }, None) => return None,
        };
        Some(format!("process://{process}"))
    }
}

impl State {
    /// As its Pod's status has it.
    pub fn told(&self) -> ContainerState {
        match self {
            Self::Waiting { reason, message } => ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some(reason.clone()),
                    message: Some(message.clone()).filter(|it| !it.is_empty()),
                }),
                ..ContainerState::default()
            },
            Self::Running { since, .. } => ContainerState {
                running: Some(ContainerStateRunning {
                    started_at: Some(Time(*since)),
                }),
                ..ContainerState::default()
            },
            Self::Over(ended) => ContainerState {
                terminated: Some(ended.told()),
                ..ContainerState::default()
            },
        }
    }
}

impl Ended {
    /// As its Pod's status has it.
    pub fn told(&self) -> ContainerStateTerminated {
        let reason = match self.code {
            0 => "Completed",
            NOT_STARTED => "StartError",
            _ => "Error",
        };
        ContainerStateTerminated {
            exit_code: self.code,
            signal: self.signal,
            reason: Some(reason.to_owned()),
            message: self.message.clone(),
            started_at: Some(Time(self.began)),
            finished_at: Some(Time(self.finished)),
            container_id: Some(format!("process://{}", self.process)),
        }
    }
}

/// A process' exit code as container engines give it: 128 and the signal, if there was one.
pub fn code(status: ExitStatus) -> (i32, Option<i32>) {
    match status.signal() {
        Some(signal) => (128 + signal, Some(signal)),
        None => (status.code().unwrap_or(NOT_STARTED), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_code_above_128() {
        assert_eq!(code(ExitStatus::from_raw(9)), (137, Some(9)));
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), (3, None));
    }
}
