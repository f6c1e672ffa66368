//! What a Pod's status says.

use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::container::NOT_STARTED;

/// Where a Pod is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub node: Ipv4Addr,
    /// None before it has a network.
    pub address: Option<Ipv4Addr>,
    /// When this node took it.
    pub since: Timestamp,
}

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

    fn is_ready(&self) -> bool {
        matches!(self.state, State::Running { ready: true, .. })
    }

    fn phase(&self) -> &'static str {
        match (&self.state, &self.last) {
            (State::Over(ended), _) if ended.code == 0 => "Succeeded",
            (State::Over(_), _) => "Failed",
            (State::Waiting { .. }, None) => "Pending",
            _ => "Running",
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

/// The status of a Pod. `earlier` are the conditions that it had.
pub fn status(
    pod: &Pod,
    place: &Place,
    container: &Container,
    earlier: &[PodCondition],
    now: Timestamp,
) -> PodStatus {
    let spec = pod.spec.as_ref();
    let names = spec.and_then(|spec| spec.containers.first());
    let address = place.address.map(|it| it.to_string());
    PodStatus {
        phase: Some(container.phase().to_owned()),
        conditions: Some(conditions(container, earlier, now)),
        container_statuses: names.map(|named| {
            vec![ContainerStatus {
                name: named.name.clone(),
                image: named.image.clone().unwrap_or_default(),
                ready: container.is_ready(),
                started: Some(matches!(
                    container.state,
                    State::Running { started: true, .. }
                )),
                restart_count: container.restarts,
                container_id: container.id(),
                state: Some(container.state.told()),
                last_state: container.last.as_ref().map(|ended| ContainerState {
                    terminated: Some(ended.told()),
                    ..ContainerState::default()
                }),
                ..ContainerStatus::default()
            }]
        }),
        host_ip: Some(place.node.to_string()),
        host_ips: Some(vec![HostIP {
            ip: place.node.to_string(),
        }]),
        pod_ip: address.clone(),
        pod_ips: address.map(|ip| vec![PodIP { ip }]),
        start_time: Some(Time(place.since)),
        ..PodStatus::default()
    }
}

fn conditions(
    container: &Container,
    earlier: &[PodCondition],
    now: Timestamp,
) -> Vec<PodCondition> {
    let (ready, over) = (
        container.is_ready(),
        matches!(container.state, State::Over(_)),
    );
    let reason = match (ready, over) {
        (true, _) => None,
        (false, true) => Some("PodCompleted"),
        (false, false) => Some("ContainersNotReady"),
    };
    let mut conditions = vec![
        condition("Initialized", true, None, earlier, now),
        condition("ContainersReady", ready, reason, earlier, now),
        condition("Ready", ready, reason, earlier, now),
    ];
    // It is the scheduler's, but whoever named the node itself went past that.
    if !earlier.iter().any(|it| it.type_ == "PodScheduled") {
        conditions.push(condition("PodScheduled", true, None, earlier, now));
    }
    conditions
}

fn condition(
    kind: &str,
    holds: bool,
    reason: Option<&str>,
    earlier: &[PodCondition],
    now: Timestamp,
) -> PodCondition {
    let status = if holds { "True" } else { "False" };
    let before = earlier
        .iter()
        .find(|it| it.type_ == kind && it.status == status);
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        last_transition_time: before
            .and_then(|it| it.last_transition_time.clone())
            .or(Some(Time(now))),
        ..PodCondition::default()
    }
}

impl Container {
    /// As container engines name theirs: `ENGINE://ID`. The id of a process is what helps who looks at this machine.
    fn id(&self) -> Option<String> {
        let process = match (&self.state, &self.last) {
            (State::Running { process, .. }, _) => *process,
            (State::Over(ended), _) | (_, Some(ended)) => ended.process,
            (State::Waiting { .. }, None) => return None,
        };
        Some(format!("process://{process}"))
    }
}

impl State {
    fn told(&self) -> ContainerState {
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
    fn told(&self) -> ContainerStateTerminated {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(container: &Container, earlier: &[PodCondition], now: i64) -> PodStatus {
        let pod =
            json!({ "spec": { "containers": [{ "name": "operator", "image": "operator:1" }] } });
        let place = Place {
            node: Ipv4Addr::new(10, 244, 0, 1),
            address: Some(Ipv4Addr::new(10, 244, 0, 2)),
            since: at(0),
        };
        status(
            &serde_json::from_value(pod).unwrap(),
            &place,
            container,
            earlier,
            at(now),
        )
    }

    fn running(ready: bool) -> Container {
        let state = State::Running {
            process: 7,
            since: at(1),
            started: true,
            ready,
        };
        Container {
            state,
            ..Container::new()
        }
    }

    fn ended(code: i32) -> Ended {
        let (message, signal) = (None, None);
        Ended {
            process: 7,
            code,
            signal,
            message,
            began: at(1),
            finished: at(2),
        }
    }

    fn ready(status: &PodStatus) -> (String, i64) {
        let mut conditions = status.conditions.iter().flatten();
        let ready = conditions.find(|it| it.type_ == "Ready").unwrap();
        let since = ready.last_transition_time.as_ref().unwrap();
        (ready.status.clone(), since.0.as_second())
    }

    #[test]
    fn a_condition_keeps_its_time_until_it_changes() {
        let first = told(&running(false), &[], 10);
        let conditions = first.conditions.clone().unwrap();
        assert_eq!(ready(&first), ("False".to_owned(), 10));
        let same = told(&running(false), &conditions, 20);
        assert_eq!(ready(&same), ("False".to_owned(), 10));
        let now = told(&running(true), &conditions, 20);
        assert_eq!(ready(&now), ("True".to_owned(), 20));
    }

    #[test]
    fn the_phase_follows_the_container() {
        let waiting = || State::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: String::new(),
        };
        let of = |state, last| Container {
            state,
            last,
            restarts: 0,
        };
        for (container, phase) in [
            (Container::new(), "Pending"),
            (running(false), "Running"),
            (of(waiting(), Some(ended(1))), "Running"),
            (of(State::Over(ended(0)), None), "Succeeded"),
            (of(State::Over(ended(1)), None), "Failed"),
        ] {
            let status = told(&container, &[], 0);
            assert_eq!(status.phase.as_deref(), Some(phase), "{container:?}");
        }
    }

    #[test]
    fn a_restart_shows_how_the_run_before_ended() {
        let container = Container {
            last: Some(ended(137)),
            restarts: 1,
            ..running(true)
        };
        let told = told(&container, &[], 3);
        let told: Value = serde_json::to_value(told.container_statuses).unwrap();
        assert_eq!(told[0]["restartCount"], 1);
        assert_eq!(told[0]["ready"], true);
        assert_eq!(told[0]["containerID"], "process://7");
        assert_eq!(told[0]["lastState"]["terminated"]["exitCode"], 137);
        assert_eq!(told[0]["lastState"]["terminated"]["reason"], "Error");
    }

    #[test]
    fn a_signal_is_a_code_above_128() {
        assert_eq!(code(ExitStatus::from_raw(9)), (137, Some(9)));
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), (3, None));
    }
}
