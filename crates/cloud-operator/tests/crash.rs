//! The operator is dropped, with all its memory, at every point of a bucket's life, and started again.

mod scene;
mod story;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use story::{Point, Story, Strangers};

/// How many stories are told at a time.
const AT_ONCE: usize = 16;
/// How many of a hundred points may have no counterpart in another telling: passes over different objects may
/// come in another order, and then a look more or less is taken.
const UNREACHED_PERCENT: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_dies_anywhere_leaves_no_trace_of_it() -> Result<()> {
    let begun = operator_core::decide::clock::Clock::system();
    let strangers = Arc::new(Strangers::make().await?);
    let points = story::recorded(&strangers).await?;
    let total = points.len();
    println!("{total} points, in {:?}", begun.now().since_origin());
    for point in &points {
        println!("  {point}");
    }

    let told = stream::iter(points)
        .map(|point| {
            let (strangers, name) = (strangers.clone(), point.to_string());
            let story = async move { dies_at(&strangers, point).await };
            async move { (name, tokio::spawn(story).await) }
        })
        .buffer_unordered(AT_ONCE);
    let told: Vec<_> = told.collect().await;

    let (mut unreached, mut failures) = (Vec::new(), Vec::new());
    for (point, ended) in told {
        match ended.context("panicked").flatten() {
            Ok(true) => {}
            Ok(false) => unreached.push(point),
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    let taken = begun.now().since_origin();
    println!(
        "{total} operators crashed, {} points not reached: {unreached:#?}, in {taken:?}",
        unreached.len()
    );
    strangers.untouched().await?;
    ensure!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    ensure!(
        unreached.len() * 100 <= total * UNREACHED_PERCENT,
        "too many points are not reached"
    );
    Ok(())
}

/// Tells the story with an operator that dies at `point`; whether it came there.
async fn dies_at(strangers: &Arc<Strangers>, point: Point) -> Result<bool> {
    let story = Story::new("crash", strangers, Some(point)).await?;
    let first = story.operator()?;
    let second = story.tell_with(die(&story, first)).await?;
    story.check().await?;
    match second {
        Some(second) => second.stop().await.map(|()| true),
        None => Ok(false),
    }
}

/// Waits for the trap, drops the operator there and starts another.
async fn die(story: &Story, first: scene::Running) -> Result<scene::Running> {
    story.trap.sprung().await;
    first.crash().await;
    let holder = story.holder().await?;
    story.trap.release();
    let second = story.operator()?;
    if let Some(holder) = holder {
        story.outlive(&holder, &second.clock).await?;
    }
    Ok(second)
}
