//! The operator of AWS: start, memory, calls, the way of an edit, drift and restarts, with none, some and many buckets.

mod aws;
mod buckets;
mod drift;
mod edits;
mod figures;
mod life;
mod operator;
mod report;
mod seen;
mod stage;
mod steady;

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use harness::wait;

use self::{
    aws::LOOK,
    buckets::OF_AN_ACCOUNT,
    figures::{Figures, Idle, Restart},
    operator::Operator,
    stage::Stage,
};
use crate::spread::Times;

/// How often the start is timed.
const STARTS: usize = 5;
/// After which time memory counts as steady: the allocator returns what was not used for 10 s.
const STEADY: Duration = Duration::from_secs(15);
/// How long nothing happens while the CPU time is taken, which is counted in hundredths of a second: among some
/// buckets, where an aim hangs on it, and otherwise. The next pass over a bucket comes after some five minutes.
const LONG: Duration = Duration::from_secs(200);
const HALF_MINUTE: Duration = Duration::from_secs(30);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1200);
/// Where the operator's own limits are not what is measured.
const UNLIMITED: [&str; 2] = ["--aws-call-rate=0", "--api-write-rate=0"];
/// The operator's limit of calls for one provider, which is its default: in a second, and at once.
const RATE: usize = 100;
const BURST: usize = 200;

/// Measures the operator `program` with `many` buckets; returns the figures as a document.
pub async fn measure(program: &Path, many: usize) -> Result<String> {
    let some = many / 10;
    let stage = &mut Stage::set(program).await?;

    println!("{STARTS} starts ...");
    let mut starts = Times::default();
    for _ in 0..STARTS {
        let operator = stage.start(&[]).await?;
        starts.add(operator.ready_after);
        operator.stop().await?;
    }
    println!("no bucket ...");
    let operator = stage.start(&[]).await?;
    let none = operator.idle(HALF_MINUTE).await?;
    println!("a bucket's life ...");
    let life = life::live(stage).await?;
    operator.stop().await?;

    println!("{some} buckets ...");
    let operator = stage.start(&UNLIMITED).await?;
    let created_some = create(stage, &operator, 0, some).await?;
    println!("edits and requests ...");
    let edits = edits::edits(stage, some).await?;
    let requests = edits::requests(stage, some).await?;
    operator.stop().await?;

    println!("{some} buckets, restarted ...");
    let mut restarts = Vec::new();
    let (operator, took) = restart(stage, some, &UNLIMITED).await?;
    restarts.push(unlimited(some, took));
    let idle_some = operator.idle(LONG).await?;
    operator.stop().await?;
    println!(
        "an hour of {some} buckets, {} times as fast ...",
        steady::FASTER
    );
    let settings = [&limits()[..], &steady::intervals()].concat();
    let (operator, took) = restart(stage, some, &borrowed(&settings)).await?;
    restarts.push(limited(some, took));
    let hour = steady::hour(stage, &operator).await?;
    operator.stop().await?;
    println!("drift ...");
    let settings = [&UNLIMITED[..], &drift::INTERVALS].concat();
    let (operator, _) = restart(stage, some, &settings).await?;
    let drift = drift::drift(stage, some).await?;
    operator.stop().await?;

    println!("{many} buckets ...");
    let operator = stage.start(&UNLIMITED).await?;
    let created_many = create(stage, &operator, some, many).await?;
    operator.stop().await?;
    println!("{many} buckets, restarted ...");
    let (operator, took) = restart(stage, many, &UNLIMITED).await?;
    restarts.push(unlimited(many, took));
    let idle_many = operator.idle(HALF_MINUTE).await?;
    operator.stop().await?;
    let (operator, took) = restart(stage, many, &borrowed(&limits())).await?;
    restarts.push(limited(many, took));
    operator.stop().await?;

    stage.aws.check()?;
    Ok(report::written(&Figures {
        many,
        some,
        starts,
        none,
        life,
        created_some,
        edits,
        requests,
        idle_some,
        hour,
        drift,
        created_many,
        idle_many,
        restarts,
    }))
}

/// Creates buckets where there are `from`, until there are `to` and all are ready; how long that takes, and what the
/// operator costs when it is over.
async fn create(
    stage: &Stage,
    operator: &Operator,
    from: usize,
    to: usize,
) -> Result<(Duration, Idle)> {
    let begun = stage.clock.now();
    stage.buckets.create(from..to).await?;
    stage.buckets.seen.ready(to).await?;
    let took = stage.clock.now().since(begun);
    Ok((took, operator.idle(STEADY).await?))
}

/// Starts the operator among `buckets` that are as they should be, and waits until it has looked at all of them.
async fn restart(
    stage: &mut Stage,
    buckets: usize,
    settings: &[&str],
) -> Result<(Operator, Duration)> {
    stage.aws.forget();
    let begun = stage.clock.now();
    let operator = stage.start(settings).await?;
    let looked_at = || async { stage.aws.looked_at(buckets) };
    wait::until("every bucket to be looked at", PATIENCE, looked_at).await?;
    let took = stage.clock.now().since(begun);
    let writes = stage.aws.writes();
    ensure!(writes == 0, "{writes} writes where there was nothing to do");
    Ok((operator, took))
}

fn unlimited(buckets: usize, took: Duration) -> Restart {
    Restart {
        buckets,
        took,
        least: None,
    }
}

/// Each provider has a budget of its own.
fn limited(buckets: usize, took: Duration) -> Restart {
    let calls = buckets.min(OF_AN_ACCOUNT) * LOOK.len();
    let seconds = calls.saturating_sub(BURST) as f64 / RATE as f64;
    Restart {
        buckets,
        took,
        least: Some(Duration::from_secs_f64(seconds)),
    }
}

fn limits() -> [String; 2] {
    [
        format!("--aws-call-rate={RATE}"),
        format!("--aws-call-burst={BURST}"),
    ]
}

fn borrowed(settings: &[String]) -> Vec<&str> {
    settings.iter().map(String::as_str).collect()
}
