//! Pods on the node: what a container finds, what becomes of it, and an operator that is installed.
//!
//! This program is a test, and what Pods run: it goes by the name under which it is called.

mod ending;
mod operator;
mod outside;
mod pods;
mod stage;
mod target;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use libtest_mimic::{Arguments, Trial};
use node::{Bench, sandbox};
use operator_core::process::program;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

fn main() -> ExitCode {
    let called = env::args_os().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(|it| it.to_str()) {
        Some("cloud-operator") => return program::main::<cloud_operator::Config>(),
        Some("target") => return target::main(),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Tests wait for others most of the time.
    arguments.test_threads.get_or_insert(4);
    if let (false, Err(error)) = (arguments.list, sandbox::enter()) {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    let runtime = Runtime::new().expect("threads can be started");
    if ending::is_victim() {
        return runtime.block_on(ending::victim());
    }
    let ground = Arc::new(Ground {
        runtime,
        bench: OnceCell::new(),
    });
    let conclusion = libtest_mimic::run(&arguments, trials(&ground));
    if let Some(Ground { runtime, bench }) = Arc::into_inner(ground)
        && let Some(Ok(bench)) = bench.into_inner()
    {
        runtime.block_on(bench.stop());
    }
    conclusion.exit_code()
}

fn trials(ground: &Arc<Ground>) -> Vec<Trial> {
    vec![
        trial(
            ground,
            "a_container_finds_what_its_spec_says",
            pods::container,
        ),
        trial(ground, "volumes_follow_what_changes", pods::volumes),
        trial(ground, "a_token_is_renewed_before_it_ends", pods::token),
        trial(ground, "what_is_missing_is_waited_for", pods::missing),
        trial(
            ground,
            "an_unsupported_field_is_refused_by_name",
            pods::unsupported,
        ),
        trial(ground, "an_unknown_image_is_refused_by_name", pods::image),
        trial(
            ground,
            "a_failed_liveness_probe_starts_the_container_again",
            pods::liveness,
        ),
        trial(
            ground,
            "a_startup_probe_comes_before_the_others",
            pods::startup,
        ),
        trial(ground, "readiness_decides_about_endpoints", pods::readiness),
        trial(
            ground,
            "a_container_that_fails_is_started_again_after_a_pause",
            pods::crash,
        ),
        trial(ground, "a_pod_that_is_not_to_start_again_ends", pods::once),
        trial(
            ground,
            "a_deleted_pod_gets_sigterm_and_then_sigkill",
            pods::deletion,
        ),
        trial(
            ground,
            "an_operator_has_the_rights_of_its_account",
            operator::account,
        ),
        trial(
            ground,
            "an_operator_follows_its_config_map",
            operator::settings,
        ),
        trial(ground, "a_rollout_leaves_no_gap", operator::rollout),
        trial(
            ground,
            "a_killed_leader_is_followed_by_another",
            operator::leader,
        ),
        trial(
            ground,
            "a_disruption_budget_keeps_the_last_replica",
            operator::budget,
        ),
        trial(
            ground,
            "webhooks_are_reached_by_their_service",
            operator::webhooks,
        ),
        trial(
            ground,
            "a_cluster_is_reached_from_the_network_outside",
            outside::reached,
        ),
        Trial::test("nothing_outlives_a_bench_that_is_killed", || {
            Ok(ending::killed()?)
        }),
    ]
}

/// What all tests stand on; the first that needs it starts it.
struct Ground {
    runtime: Runtime,
    bench: OnceCell<Result<Bench, String>>,
}

fn trial<T>(ground: &Arc<Ground>, name: &str, test: T) -> Trial
where
    T: AsyncFnOnce(&Bench) -> Result<()> + Send + 'static,
{
    let ground = ground.clone();
    let run = async move |ground: &Ground| {
        let start = || async { stage::start().await.map_err(|e| format!("{e:?}")) };
        match ground.bench.get_or_init(start).await {
            Ok(bench) => test(bench).await,
            Err(error) => Err(anyhow!("{error}")),
        }
    };
    Trial::test(name, move || {
        let ended = ground.runtime.block_on(run(&ground));
        ended.map_err(|e| format!("{e:?}").into())
    })
}
