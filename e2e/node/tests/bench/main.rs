//! Pods on the node: what a container finds, what becomes of it, and an operator that is installed.
//!
//! This program is a test, and what Pods run: it goes by the name under which it is called.

mod ending;
mod operator;
mod pods;
mod stage;
mod target;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use node::trials::Shared;
use node::{Bench, sandbox};
use operator_core::process::program;
use tokio::runtime::Runtime;

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
    if ending::is_victim() {
        let runtime = Runtime::new().expect("threads can be started");
        return runtime.block_on(ending::victim());
    }
    let ground = Shared::new(stage::start).expect("threads can be started");
    let conclusion = libtest_mimic::run(&arguments, trials(&ground));
    ground.end(Bench::stop);
    conclusion.exit_code()
}

fn trials<S>(ground: &Arc<Shared<Bench, S>>) -> Vec<Trial>
where
    S: AsyncFn() -> Result<Bench> + Send + Sync + 'static,
{
    vec![
        ground.trial("a_container_finds_what_its_spec_says", pods::container),
        ground.trial("volumes_follow_what_changes", pods::volumes),
        ground.trial("a_token_is_renewed_before_it_ends", pods::token),
        ground.trial("what_is_missing_is_waited_for", pods::missing),
        ground.trial("an_unsupported_field_is_refused_by_name", pods::unsupported),
        ground.trial("an_unknown_image_is_refused_by_name", pods::image),
        ground.trial(
            "a_failed_liveness_probe_starts_the_container_again",
            pods::liveness,
        ),
        ground.trial("a_startup_probe_comes_before_the_others", pods::startup),
        ground.trial("readiness_decides_about_endpoints", pods::readiness),
        ground.trial(
            "a_container_that_fails_is_started_again_after_a_pause",
            pods::crash,
        ),
        ground.trial("a_pod_that_is_not_to_start_again_ends", pods::once),
        ground.trial(
            "a_deleted_pod_gets_sigterm_and_then_sigkill",
            pods::deletion,
        ),
        ground.trial(
            "an_operator_has_the_rights_of_its_account",
            operator::account,
        ),
        ground.trial("an_operator_follows_its_config_map", operator::settings),
        ground.trial("a_rollout_leaves_no_gap", operator::rollout),
        ground.trial("a_killed_leader_is_followed_by_another", operator::leader),
        ground.trial(
            "a_disruption_budget_keeps_the_last_replica",
            operator::budget,
        ),
        ground.trial("webhooks_are_reached_by_their_service", operator::webhooks),
        Trial::test("nothing_outlives_a_bench_that_is_killed", || {
            Ok(ending::killed()?)
        }),
    ]
}
