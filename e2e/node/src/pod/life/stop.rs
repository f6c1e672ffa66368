//! The end of a container that is told to end.

use std::process::ExitStatus;
use std::time::Duration;

use harness::process::{Child, Signal};
use k8s_openapi::api::core::v1::Container as Named;
use operator_core::decide::clock::{Clock, Moment};

use super::Life;

/// Whoever gets SIGTERM has this long at the least, as the kubelet has it.
const LEAST: Duration = Duration::from_secs(2);

impl Life {
    /// Ends the container: first what its spec says before SIGTERM, and SIGKILL when `grace` is over or the Pod is gone.
    pub(super) async fn stop(
        &mut self,
        child: &Child,
        container: &Named,
        grace: Duration,
    ) -> ExitStatus {
        // Not the node's: whoever moves that one ahead has nobody killed who ends in order.
        let clock = Clock::system();
        let (since, pause) = (clock.now(), pause(container));
        let before = |grace: Duration| since + pause.min(grace);
        if let Some(status) = self.ended(child, &clock, grace, before).await {
            return status;
        }
        // It cannot be refused for a child that we may wait for.
        let _ = child.signal(Signal::TERM);
        let asked = clock.now();
        let after = |grace: Duration| (since + grace).max(asked + LEAST);
        match self.ended(child, &clock, grace, after).await {
            Some(status) => status,
            None => child.kill().await,
        }
    }

    /// How the container has ended; `None` if it has not by the moment that `until` gives for the grace, which another
    /// deletion may shorten. When the Pod is gone it is killed.
    async fn ended(
        &mut self,
        child: &Child,
        clock: &Clock,
        grace: Duration,
        until: impl Fn(Duration) -> Moment,
    ) -> Option<ExitStatus> {
        loop {
            let grace = self.deletion_grace().map_or(grace, |it| it.min(grace));
            tokio::select! {
                status = child.wait() => return Some(status),
                () = clock.sleep_until(until(grace)) => return None,
                pod = self.pods.changed() => if pod.is_err() {
                    return Some(child.kill().await);
                },
            }
        }
    }

    /// How long the container may take to end, if its Pod is to be deleted.
    pub(super) fn deletion_grace(&self) -> Option<Duration> {
        let pod = self.pod();
        pod.metadata.deletion_timestamp.as_ref()?;
        let seconds = pod.metadata.deletion_grace_period_seconds;
        Some(Duration::from_secs(
            seconds.unwrap_or_default().unsigned_abs(),
        ))
    }
}

/// The pause that the spec asks for before SIGTERM.
fn pause(container: &Named) -> Duration {
    let lifecycle = container.lifecycle.as_ref();
    let sleep = lifecycle.and_then(|it| it.pre_stop.as_ref()?.sleep.as_ref());
    Duration::from_secs(sleep.map_or(0, |it| it.seconds.unsigned_abs()))
}
