//! Time as operators and gateways have it.

use std::time::Duration;

use anyhow::Result;
use gateway::Gateway;
use harness::wait;
use operator_core::decide::clock::Clock;

use super::PATIENCE;

/// Between two heartbeats of a gateway.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Moves a clock that an operator and these gateways share, no faster than heartbeats come: an operator would
/// take a gateway for dead that was silent for minutes.
pub async fn elapse(clock: &Clock, gateways: &[&Gateway], by: Duration) -> Result<()> {
    let mut left = by;
    while let Some(after) = left.checked_sub(HEARTBEAT) {
        let beats = |gateway: &&Gateway| gateway.state().counts.heartbeats;
        let before: Vec<_> = gateways.iter().map(beats).collect();
        clock.advance(HEARTBEAT);
        for (gateway, before) in gateways.iter().zip(before) {
            let beaten = |state: &gateway::State| state.counts.heartbeats > before;
            gateway.wait_for("a heartbeat", PATIENCE, beaten).await?;
        }
        left = after;
    }
    clock.advance(left);
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
