//! The operator is dropped, with all its memory, at every write and after every update of one story, and started
//! again: gateways and statuses come to the same end.

mod story;
mod trap;

use self::story::Story;
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};

/// How many stories are told at a time.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_dies_anywhere_is_replaced_without_a_trace() -> Result<()> {
    let points = Story::recorded().await?;
    let total = points.len();
    println!("{total} points");
    ensure!(total >= 20, "the story is not whole: {points:#?}");
    let told = stream::iter(points).map(|point| {
        let story = tokio::spawn(Story::dies_at(point.clone()));
        async move { (point, story.await) }
    });
    let told: Vec<_> = told.buffer_unordered(AT_ONCE).collect().await;

    let (mut unreached, mut failures) = (Vec::new(), Vec::new());
    for (point, ended) in told {
        match ended.context("panicked").flatten() {
            Ok(true) => {}
            Ok(false) => unreached.push(point),
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    println!("{} not reached: {unreached:#?}", unreached.len());
    ensure!(
        failures.is_empty(),
        "{} of {total} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    // How often progress is told, and what is sent together, is a matter of speed; that it is done at all is not.
    let missed: Vec<_> = unreached
        .iter()
        .filter(|point| point.is_certain())
        .collect();
    ensure!(missed.is_empty(), "not reached: {missed:#?}");
    ensure!(
        unreached.len() * 2 <= total,
        "too many points are not reached"
    );
    Ok(())
}
