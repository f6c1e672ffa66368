//! What a Pod's status says.

use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::state::{Container, State};

/// Where a Pod is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub node: IpAddr,
    /// None before it has a network.
    pub address: Option<IpAddr>,
    /// When this node took it.
    pub since: Timestamp,
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
        phase: Some(phase(container).to_owned()),
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

fn phase(container: &Container) -> &'static str {
    match (&container.state, &container.last) {
        (State::Over(ended), _) if ended.code == 0 => "Succeeded",
        (State::Over(_), _) => "Failed",
        (State::Waiting { .. }, None) => "Pending",
        _ => "Running",
    }
}

fn conditions(
    container: &Container,
    earlier: &[PodCondition],
    now: Timestamp,
) -> Vec<PodCondition> {
    let ready = container.is_ready();
    let reason = match &container.state {
        State::Over(ended) if ended.code == 0 => Some("PodCompleted"),
        State::Over(_) => Some("PodFailed"),
        _ if ready => None,
        _ => Some("ContainersNotReady"),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::state::Ended;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(container: &Container, earlier: &[PodCondition], now: i64) -> PodStatus {
        let pod =
            json!({ "spec": { "containers": [{ "name": "operator", "image": "operator:1" }] } });
        let place = Place {
            node: [10, 244, 0, 1].into(),
            address: Some([10, 244, 0, 2].into()),
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
    fn the_phase_and_why_it_is_not_ready_follow_the_container() {
        let waiting = || State::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: String::new(),
        };
        let of = |state, last| Container {
            state,
            last,
            restarts: 0,
        };
        for (container, phase, reason) in [
            (Container::new(), "Pending", Some("ContainersNotReady")),
            (running(false), "Running", Some("ContainersNotReady")),
            (running(true), "Running", None),
            (
                of(waiting(), Some(ended(1))),
                "Running",
                Some("ContainersNotReady"),
            ),
            (
                of(State::Over(ended(0)), None),
                "Succeeded",
                Some("PodCompleted"),
            ),
            (of(State::Over(ended(1)), None), "Failed", Some("PodFailed")),
        ] {
            let status = told(&container, &[], 0);
            assert_eq!(status.phase.as_deref(), Some(phase), "{container:?}");
            let mut conditions = status.conditions.iter().flatten();
            let ready = conditions.find(|it| it.type_ == "Ready").unwrap();
            assert_eq!(ready.reason.as_deref(), reason, "{container:?}");
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
}
