//! The operator as a process of its own gets SIGKILL at some points of a bucket's life, and is started again.

mod scene;
mod story;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use harness::{process, process::Child, scratch::Scratch};
use story::{Outside, Point, Story};

/// Chooses the points.
const SEED: u64 = 20;
/// At how many points it dies: before and after writes, and before and after looks.
const WRITES: usize = 15;
const LOOKS: usize = 5;
/// How many stories are told at a time.
const AT_ONCE: usize = 6;

/// The shortest that a busy machine can still renew; the next process waits for it in real time.
const LEASE: [&str; 3] = [
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_no_trace_of_it() -> Result<()> {
    let begun = operator_core::decide::clock::Clock::system();
    let outside = Outside::new().await?;
    let mut points = story::recorded(&outside).await?;
    // Their order is not the same each time.
    points.sort_by_key(ToString::to_string);
    let (writes, looks): (Vec<_>, Vec<_>) = points.into_iter().partition(Point::is_write);
    let mut chance = fastrand::Rng::with_seed(SEED);
    let mut points = chance.choose_multiple(writes, WRITES);
    points.extend(chance.choose_multiple(looks, LOOKS));
    let total = points.len();

    let told = stream::iter(points)
        .map(|point| {
            let (outside, name) = (outside.clone(), point.to_string());
            let story = async move { killed_at(&outside, point).await };
            async move { (name, tokio::spawn(story).await) }
        })
        .buffer_unordered(AT_ONCE);
    let told: Vec<_> = told.collect().await;

    let mut failures = Vec::new();
    for (point, ended) in told {
        match ended.context("panicked").flatten() {
            Ok(()) => println!("killed: {point}"),
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    println!(
        "{total} processes killed, in {:?}",
        begun.now().since_origin()
    );
    outside.untouched().await?;
    ensure!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    Ok(())
}

/// Tells the story with a process that is killed at `point`.
async fn killed_at(outside: &Outside, point: Point) -> Result<()> {
    let story = Story::new("kill", outside, Some(point)).await?;
    let folder = Scratch::new("kill")?;
    let first = start(&story, &folder)?;
    let death = async {
        story.trap.sprung().await;
        first.kill().await;
        story.trap.release();
        start(&story, &folder)
    };
    let told = async {
        let second = story.tell_with(death).await?;
        let second = second.context("its point was not reached")?;
        story.check().await?;
        let ended = second.stop(scene::PATIENCE).await;
        ensure!(ended.success(), "after SIGTERM: {ended}");
        Ok(())
    };
    let told = told.await;
    told.with_context(|| format!("its log ends so:\n{}\n", first.log_tail(30)))
}

fn start(story: &Story, folder: &Scratch) -> Result<Child> {
    let kubeconfig = folder.path().join("kubeconfig");
    let scene = &story.scene;
    let user = scene.cluster.config();
    scene.api.write_kubeconfig(&user, &kubeconfig)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-operator"));
    command
        .env_clear()
        .args(scene.settings())
        .args(LEASE)
        .arg("--kubeconfig")
        .arg(kubeconfig);
    Ok(process::spawn(command, &folder.path().join("log"))?)
}
