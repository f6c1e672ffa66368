//! What is measured, one thing after the other on the same objects.

use std::{pin::pin, process::Command, time::Duration};

use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use harness::process::{self, Child, Signal};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{
    WORKERS,
    contender::{Contender, Programs},
    figures::{Figures, Measuring},
    stage::Stage,
};

/// After which time nothing goes on any more, and memory counts as steady: jemalloc returns what was not used
/// for a second, Go's collector runs at the latest every two minutes and what it frees goes back slowly.
const STEADY: Duration = Duration::from_secs(15);
/// How far edits at 50/s lie apart.
const PACE: Duration = Duration::from_millis(20);
/// How many of them there are.
const EDITS: usize = 1_000;
/// How far the edits lie apart that come while everything else waits for its turn.
const SLOW_PACE: Duration = Duration::from_millis(100);
/// How long an edit after an outage may be without effect before that is the result.
pub const RECOVERY: Duration = Duration::from_secs(60);
/// One in so many objects fails.
const FAILING: usize = 10;
const FIRST: &str = "1";
const SECOND: &str = "2";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    Cold,
    Idle,
    Edits,
    Resync,
    Outage,
    Released,
    Killed,
    Failing,
}

impl Scenario {
    pub const ALL: [Self; 8] = [
        Self::Cold,
        Self::Idle,
        Self::Edits,
        Self::Resync,
        Self::Outage,
        Self::Released,
        Self::Killed,
        Self::Failing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold start",
            Self::Idle => "idle",
            Self::Edits => "edits at 50/s",
            Self::Resync => "edits behind a full resync",
            Self::Outage => "API server restarted",
            Self::Released => "leader released",
            Self::Killed => "leader killed",
            Self::Failing => "edits while one in ten fails",
        }
    }
}

/// All measurements of one contender on one stage.
pub struct Run<'a> {
    stage: &'a Stage,
    contender: Contender,
    programs: &'a Programs,
    idle: Duration,
}

impl<'a> Run<'a> {
    pub fn new(
        stage: &'a Stage,
        contender: Contender,
        programs: &'a Programs,
        idle: Duration,
    ) -> Self {
        Self {
            stage,
            contender,
            programs,
            idle,
        }
    }

    pub async fn all(&self) -> Result<Vec<(Scenario, Figures)>> {
        let mut measured = Vec::new();
        let (mut operator, cold) = self.cold().await?;
        measured.push((Scenario::Cold, cold));
        measured.push((Scenario::Idle, self.idle(&operator).await?));
        measured.push((Scenario::Edits, self.edits(&operator, |_| true).await?));
        operator.stop(STEADY).await;
        let (again, resync) = self.resync().await?;
        operator = again;
        measured.push((Scenario::Resync, resync));
        sleep(STEADY).await;
        match self.outage(&operator).await? {
            Some(outage) => measured.push((Scenario::Outage, outage)),
            None => {
                operator.stop(STEADY).await;
                operator = self.start(SECOND, "again")?;
                self.effects(&operator).await?;
            }
        }
        if self.contender.elects() {
            for (scenario, signal) in [
                (Scenario::Released, Signal::TERM),
                (Scenario::Killed, Signal::KILL),
            ] {
                sleep(STEADY).await;
                let (next, handover) = self.handover(operator, signal).await?;
                operator = next;
                measured.push((scenario, handover));
            }
        }
        measured.push((Scenario::Failing, self.failing(&operator).await?));
        Ok(measured)
    }

    /// Everything is to be done.
    async fn cold(&self) -> Result<(Child, Figures)> {
        let measuring = Measuring::begin(self.stage);
        let operator = self.start(FIRST, "first")?;
        self.all_ready(&operator, FIRST).await?;
        let busy = measuring.end(&[&operator])?;
        // What follows its own writes belongs to it, but not to the time that it took.
        sleep(STEADY).await;
        Ok((operator, busy))
    }

    /// Nothing is to be done.
    async fn idle(&self, operator: &Child) -> Result<Figures> {
        let measuring = Measuring::running(self.stage, &[operator])?;
        sleep(self.idle).await;
        measuring.end(&[operator])
    }

    /// A user edits one widget after the other.
    async fn edits(&self, operator: &Child, chosen: impl Fn(usize) -> bool) -> Result<Figures> {
        let measuring = Measuring::running(self.stage, &[operator])?;
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let numbers = (0..self.stage.objects).filter(|it| chosen(*it)).cycle();
        let due = stream::unfold(ticks, |mut ticks| async {
            ticks.tick().await;
            Some(((), ticks))
        });
        // Each at its time, also while the answer to the one before is awaited.
        let since = self.stage.clock.now().since_origin().as_nanos();
        due.zip(stream::iter(
            numbers.take(EDITS.min(self.stage.objects)).enumerate(),
        ))
        .map(|((), (edit, number))| async move {
            let text = format!("edit {edit} since {since}");
            self.stage.edit(number, &text).await
        })
        .buffer_unordered(usize::from(WORKERS))
        .try_collect::<()>()
        .await?;
        self.effects(operator).await?;
        measuring.end(&[operator])
    }

    /// Another version of the program starts and has every config map to change; meanwhile a user edits.
    async fn resync(&self) -> Result<(Child, Figures)> {
        let stage = self.stage;
        let measuring = Measuring::begin(stage);
        let operator = self.start(SECOND, "second")?;
        let whole = stage.seen.until("every config map to change", |it| {
            it.of_revision(SECOND) == stage.objects
        });
        // What is edited before the program has anything in hand waits for its start, and says nothing of its order.
        let begun = stage.seen.until("the first config map to change", |it| {
            it.of_revision(SECOND) > 0
        });
        self.alive(&operator, begun).await?;
        let mut whole = pin!(whole);
        for edit in 0.. {
            tokio::select! {
                biased;
                whole = &mut whole => {
                    whole?;
                    break;
                }
                status = operator.wait() => bail!(ended(&operator, status)),
                () = sleep(SLOW_PACE) => {}
            }
            // From the other end than the program begins at, if it has an order at all. An edit that began is
            // finished: its effect is awaited.
            let number = stage.objects - 1 - edit % stage.objects;
            stage.edit(number, &format!("while busy {edit}")).await?;
        }
        self.effects(&operator).await?;
        let figures = measuring.end(&[&operator])?;
        Ok((operator, figures))
    }

    /// The API server is killed and started again; then a user edits. None if that has no effect for too long.
    async fn outage(&self, operator: &Child) -> Result<Option<Figures>> {
        let measuring = Measuring::running(self.stage, &[operator])?;
        self.stage.control_plane.restart_api_server().await?;
        self.stage.edit(0, "after the outage").await?;
        match timeout(RECOVERY, self.effects(operator)).await {
            Ok(effects) => effects?,
            Err(_) => return Ok(None),
        }
        sleep(STEADY).await;
        measuring.end(&[operator]).map(Some)
    }

    /// The leader goes, by a signal, while a standby waits; then a user edits.
    async fn handover(&self, leader: Child, signal: Signal) -> Result<(Child, Figures)> {
        let log = format!("standby-{signal:?}");
        let standby = self.start(SECOND, &log)?;
        sleep(STEADY).await;
        let measuring = Measuring::running(self.stage, &[&standby])?;
        leader.signal(signal)?;
        // Whoever does what is asked for from here on is the standby.
        leader.wait().await;
        self.stage.edit(1, &format!("after {signal:?}")).await?;
        self.effects(&standby).await?;
        let figures = measuring.end(&[&standby])?;
        Ok((standby, figures))
    }

    /// Some widgets fail, again and again; a user edits the others.
    async fn failing(&self, operator: &Child) -> Result<Figures> {
        let stage = self.stage;
        let failing = (0..stage.objects).step_by(FAILING);
        let count = failing.len();
        let spoils = stream::iter(failing).map(|number| stage.spoil(number));
        spoils
            .buffer_unordered(usize::from(WORKERS))
            .try_collect::<()>()
            .await?;
        let told = stage
            .seen
            .until("failures to be told", |it| it.ready(false) == count);
        self.alive(operator, told).await?;
        self.edits(operator, |number| number % FAILING != 0).await
    }

    fn start(&self, revision: &str, log: &str) -> Result<Child> {
        let stage = self.stage;
        let namespace = stage.namespace.name();
        let kubeconfig = stage.kubeconfig();
        let command: Command =
            self.contender
                .command(self.programs, &kubeconfig, namespace, revision);
        let log = stage.scratch.path().join(format!("{log}.log"));
        Ok(process::spawn(command, &log)?)
    }

    async fn all_ready(&self, operator: &Child, revision: &str) -> Result<()> {
        let all = self.stage.objects;
        let ready = self.stage.seen.until("all widgets to be ready", |it| {
            it.ready(true) == all && it.of_revision(revision) == all
        });
        self.alive(operator, ready).await
    }

    async fn effects(&self, operator: &Child) -> Result<()> {
        let effects = self
            .stage
            .seen
            .until("every edit to have its effect", |it| {
                it.awaited() == 0 && it.unjudged() == 0
            });
        self.alive(operator, effects).await
    }

    /// Waits, but no longer than the program lives.
    async fn alive(&self, operator: &Child, wait: impl Future<Output = Result<()>>) -> Result<()> {
        tokio::select! {
            waited = wait => waited,
            status = operator.wait() => bail!(ended(operator, status)),
        }
    }
}

fn ended(operator: &Child, status: std::process::ExitStatus) -> String {
    format!(
        "{} ended with {status}: {}",
        operator.name(),
        operator.log_tail(20)
    )
}
