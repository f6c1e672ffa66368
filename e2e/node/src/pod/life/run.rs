//! A container that runs: what its probes say, what becomes of its volumes, and how it ends.

use std::time::Duration;

use harness::process::Child;
use k8s_openapi::api::core::v1::{Container as Named, PodSpec};
use kube::ResourceExt;
use kube::runtime::events::EventType;
use operator_core::decide::clock::Moment;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Life, RETRY, changed};
use crate::pod::container::NOT_STARTED;
use crate::pod::downward::Told;
use crate::pod::folders::Folders;
use crate::pod::probe::{Heard, Kind, Plan};
use crate::pod::report::Gone;
use crate::pod::state::{self, Ended, State};

/// How much of a log is an ended container's message.
const LAST_WORDS: usize = 20;

/// Where the spec does not say how long an end may take.
const GRACE: i64 = 30;

impl Life {
    /// Watches over the container until it has ended.
    pub(super) async fn run(
        &mut self,
        child: Child,
        spec: &PodSpec,
        container: &Named,
        folders: &mut Folders,
    ) -> Result<Ended, Gone> {
        let (began, since) = (self.around.clock.wall(), self.around.clock.now());
        let plan = |kind| Plan::of(container, kind).ok().flatten();
        let (startup, mut others) = (
            plan(Kind::Startup),
            vec![plan(Kind::Liveness), plan(Kind::Readiness)],
        );
        let is_judged = others[1].is_some();
        let (mut started, mut ready) = (startup.is_none(), false);
        let (tell, mut heard) = mpsc::channel::<Heard>(8);
        let mut probes = JoinSet::new();
        if let Some(startup) = startup {
            self.ask(&mut probes, startup, since, &tell);
        }
        let grace = spec.termination_grace_period_seconds.unwrap_or(GRACE);
        let grace = Duration::from_secs(grace.unsigned_abs());
        let mut look = folders.renewal();

        let status = loop {
            if started {
                for plan in others.drain(..).flatten() {
                    self.ask(&mut probes, plan, since, &tell);
                }
                ready |= !is_judged;
            }
            self.container.state = State::Running {
                process: child.pid(),
                since: began,
                started,
                ready,
            };
            self.tell().await?;
            if let Some(grace) = self.deletion_grace() {
                self.event(EventType::Normal, "Killing", "Stopping container")
                    .await;
                break self.stop(&child, container, grace).await;
            }

            let namespace = self.pod().namespace().unwrap_or_default();
            let clock = self.around.clock.clone();
            tokio::select! {
                status = child.wait() => break status,
                Some(heard) = heard.recv() => {
                    if let Err(why) = &heard.outcome {
                        let note = format!("{:?} probe failed: {why}", heard.kind);
                        self.event(EventType::Warning, "Unhealthy", &note).await;
                    }
                    match (heard.kind, heard.outcome.is_ok()) {
                        (Kind::Readiness, good) => ready = good,
                        (Kind::Startup, true) => started = true,
                        (Kind::Liveness, true) => {}
                        (kind, false) => {
                            let note = format!("Container failed its {kind:?} probe, will be restarted");
                            self.event(EventType::Normal, "Killing", &note).await;
                            break self.stop(&child, container, grace).await;
                        }
                    }
                }
                pod = self.pods.changed() => {
                    pod.map_err(|_| Gone)?;
                    look = self.follow(folders).await;
                }
                () = changed(&mut self.changes, &namespace) => look = self.follow(folders).await,
                () = clock.sleep_until(look) => look = self.follow(folders).await,
            }
        };
        let (code, signal) = state::code(status);
        let tells =
            container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        let message =
            (code == NOT_STARTED || tells && code != 0).then(|| child.log_tail(LAST_WORDS));
        let (process, finished) = (child.pid(), self.around.clock.wall());
        Ok(Ended {
            process,
            code,
            signal,
            message,
            began,
            finished,
        })
    }

    fn ask(&self, probes: &mut JoinSet<()>, plan: Plan, since: Moment, tell: &mpsc::Sender<Heard>) {
        if let Some(address) = self.place.address {
            let clock = self.around.clock.clone();
            probes.spawn(plan.ask(address, since, clock, tell.clone()));
        }
    }

    /// Brings the volumes up to date, and says when to do so again if nothing changes before.
    async fn follow(&mut self, folders: &mut Folders) -> Moment {
        let Some(address) = self.place.address else {
            return Moment::NEVER;
        };
        let (pod, now) = (self.pod(), self.around.clock.now());
        let told = Told {
            pod: &pod,
            address,
            node: self.place.node,
        };
        match folders.fill(&self.around.client, &told, now).await {
            Ok(_) => {
                self.behind = None;
                folders.renewal()
            }
            Err(why) => {
                if self.behind.as_ref() != Some(&why) {
                    self.event(EventType::Warning, "FailedMount", &why).await;
                    self.behind = Some(why);
                }
                self.around.clock.now() + RETRY
            }
        }
    }
}
