//! Heartbeats: at the interval of the first registration, for ever.

use std::time::Duration;

use apigw_protocol::{GatewayStatus, HealthState, HeartbeatRequest};
use operator_core::decide::clock::Moment;
use prost_types::Timestamp;

use crate::event::Event;
use crate::shared::{Reported, Shared};

pub(crate) async fn run(shared: &Shared, interval: Duration) {
    let clock = &shared.options.clock;
    let mut next = clock.now() + interval;
    loop {
        clock.sleep_until(next).await;
        // A ticker drops the ticks that nobody waited for.
        next = (next + interval).max(clock.now());
        if !shared.behaviour().silent
            && let Some(reported) = shared.reported()
        {
            beat(shared, reported).await;
        }
    }
}

async fn beat(shared: &Shared, reported: Reported) {
    let Some(link) = shared.link() else {
        return;
    };
    let now = shared.options.clock.now();
    let request = HeartbeatRequest {
        session_id: reported.session,
        gateway: Some(shared.info()),
        status: Some(GatewayStatus {
            health: HealthState::Healthy.into(),
            uptime: now.since(shared.started).try_into().ok(),
            last_config_applied: reported.last_applied.map(|at| wall(shared, at, now)),
            ..GatewayStatus::default()
        }),
        last_applied_version: reported.version,
    };
    match link.client().heartbeat(request).await {
        Ok(answer) => {
            shared.beaten();
            if answer.into_inner().should_reconnect {
                shared.violation("should_reconnect: the gateway only stops its heartbeats".into());
                shared.disconnected();
            }
        }
        Err(status) => {
            let error = format!("{:?}: {}", status.code(), status.message());
            shared.note(Event::HeartbeatFailed { error });
        }
    }
}

fn wall(shared: &Shared, at: Moment, now: Moment) -> Timestamp {
    let wall = shared.options.clock.wall();
    Timestamp {
        seconds: wall.as_second() - i64::try_from(now.since(at).as_secs()).unwrap_or_default(),
        nanos: wall.subsec_nanosecond(),
    }
}
