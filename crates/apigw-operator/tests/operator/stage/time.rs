//! Time as operators and gateways have it.

use std::time::Duration;

use anyhow::Result;
use gateway::Gateway;
use harness::wait;
use operator_core::decide::clock::Clock;

use super::PATIENCE;

/// An operator takes a gateway for dead that was silent for 90 s; heartbeats come every 30 s. One is seen only after
/// it came: twice this, and a step each, may go by between two of them.
const SILENCE: Duration = Duration::from_secs(30);
/// How far time goes at once.
const STEP: Duration = Duration::from_secs(10);

/// Moves a clock that an operator and these gateways share, no faster than heartbeats come.
pub async fn elapse(clock: &Clock, gateways: &[&Gateway], by: Duration) -> Result<()> {
    let beats = |gateway: &&Gateway| gateway.state().counts.heartbeats;
    let mut known: Vec<_> = gateways
        .iter()
        .map(|it| (beats(it), Duration::ZERO))
        .collect();
    let mut left = by;
    while !left.is_zero() {
        let step = left.min(STEP);
        clock.advance(step);
        left -= step;
        for (gateway, (before, silent)) in gateways.iter().zip(&mut known) {
            *silent += step;
            if *silent >= SILENCE {
                let beaten = |state: &gateway::State| state.counts.heartbeats > *before;
                gateway.wait_for("a heartbeat", PATIENCE, beaten).await?;
            }
            let now = beats(gateway);
            if now > *before {
                (*before, *silent) = (now, Duration::ZERO);
            }
        }
    }
    Ok(())
}

/// Waits for the second after this one: times of creation are told in whole seconds.
pub async fn next_second() -> Result<()> {
    let clock = Clock::system();
    let begun = clock.wall().as_second();
    wait::until("the next second", PATIENCE, || async {
        clock.wall().as_second() > begun
    })
    .await
}
