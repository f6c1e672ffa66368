//! The operator as a process of its own gets SIGKILL at some points of a bucket's life, and is started again.

mod scene;
mod story;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use story::{Point, Story, Strangers};

/// Chooses the points.
const SEED: u64 = 20;
/// At how many points it dies: before and after writes, and before and after looks.
const WRITES: usize = 15;
const LOOKS: usize = 5;
/// How many of the looks may have no counterpart in another telling: passes over different objects may come in another
/// order, and then a look more or less is taken.
const UNREACHED: usize = 1;
/// How many stories are told at a time.
const AT_ONCE: usize = 6;

/// The shortest that a busy machine can still renew; the next process waits for it in real time.
const LEASE: [&str; 3] = [
    "--leader-election-lease-duration=8s",
    "--leader-election-renew-deadline=6s",
    "--leader-election-retry-period=500ms",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_no_trace_of_it() -> Result<()> {
    let begun = operator_core::decide::clock::Clock::system();
    let strangers = Arc::new(Strangers::make().await?);
    let mut points = story::recorded(&strangers).await?;
    // Their order is not the same each time.
    points.sort_by_key(ToString::to_string);
    let (writes, looks): (Vec<_>, Vec<_>) = points.into_iter().partition(Point::is_write);
    let mut chance = fastrand::Rng::with_seed(SEED);
    let mut points = chance.choose_multiple(writes, WRITES);
    points.extend(chance.choose_multiple(looks, LOOKS));
    let total = points.len();

    let told = stream::iter(points)
        .map(|point| {
            let (strangers, name) = (strangers.clone(), point.to_string());
            let story = async move { killed_at(&strangers, point).await };
            async move { (name, tokio::spawn(story).await) }
        })
        .buffer_unordered(AT_ONCE);
    let told: Vec<_> = told.collect().await;

    let (mut unreached, mut failures) = (Vec::new(), Vec::new());
    for (point, ended) in told {
        match ended.context("panicked").flatten() {
            Ok(true) => println!("killed: {point}"),
            Ok(false) => unreached.push(point),
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    println!(
        "{total} processes killed, in {:?}",
        begun.now().since_origin()
    );
    strangers.untouched().await?;
    ensure!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    ensure!(
        unreached.len() <= UNREACHED,
        "too many points are not reached: {unreached:#?}"
    );
    Ok(())
}

/// Tells the story with a process that is killed at `point`; whether it came there.
async fn killed_at(strangers: &Arc<Strangers>, point: Point) -> Result<bool> {
    let is_look = !point.is_write();
    let story = Story::new("kill", strangers, Some(point)).await?;
    let start = || {
        let user = story.scene.cluster.config();
        story.scene.program(&user, &LEASE, &[])
    };
    let first = start()?;
    let death = async {
        story.trap.sprung().await;
        first.program.child.kill().await;
        story.trap.release();
        start()
    };
    let second = story.tell_with(death).await;
    let second = second.with_context(|| {
        let log = first.program.child.log_tail(30);
        format!("the first one's log ends so:\n{log}\n")
    })?;
    let Some(second) = second else {
        ensure!(is_look, "its point was not reached");
        return story.check().await.map(|()| false);
    };
    let checked = story.check().await;
    checked.with_context(|| {
        let log = second.program.child.log_tail(30);
        format!("the second one's log ends so:\n{log}\n")
    })?;
    let ended = second.program.terminate().await?;
    ensure!(ended.success(), "after SIGTERM: {ended}");
    Ok(true)
}
