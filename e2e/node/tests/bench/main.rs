//! Pods on the node: what a container finds, what becomes of it, and an operator that is installed.
//!
//! This program is a test, and what Pods run: it goes by the name under which it is called.

mod ending;
mod entering;
mod operator;
mod outside;
mod pods;
mod stage;
mod target;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
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

/// Trials on the common ground, each by its name.
macro_rules! trials {
    ($ground:expr; $($name:ident: $test:expr,)*) => {
        vec![$($ground.trial(stringify!($name), $test)),*]
    };
}

fn trials<S>(ground: &Arc<Shared<Bench, S>>) -> Vec<Trial>
where
    S: AsyncFn() -> Result<Bench> + Send + Sync + 'static,
{
    let mut trials = trials! { ground;
        a_container_finds_what_its_spec_says: pods::container::finds_what_its_spec_says,
        a_container_is_nobody_unless_its_spec_says_who: pods::container::is_nobody_unless_its_spec_says_who,
        a_container_makes_nothing_on_the_machine: pods::container::makes_nothing_on_the_machine,
        volumes_follow_what_changes: pods::volumes::follow_what_changes,
        what_is_missing_is_waited_for: pods::volumes::wait_for_what_is_missing,
        a_token_is_renewed_before_it_ends: pods::tokens::are_renewed,
        an_unsupported_field_is_refused_by_name: pods::refused::fields_by_name,
        an_unknown_image_is_refused_by_name: pods::refused::images_by_name,
        a_failed_liveness_probe_starts_the_container_again: pods::probes::liveness_starts_it_again,
        a_startup_probe_comes_before_the_others: pods::probes::startup_comes_before_the_others,
        readiness_decides_about_endpoints: pods::probes::readiness_decides_about_endpoints,
        a_container_that_fails_is_started_again_after_a_pause: pods::restarts::come_after_a_pause,
        a_pod_that_is_not_to_start_again_ends: pods::restarts::end_where_none_is_asked_for,
        a_deleted_pod_gets_sigterm_and_then_sigkill: pods::deletion::sends_sigterm_and_then_sigkill,
        a_second_deletion_may_leave_less_grace: pods::deletion::may_come_to_have_less_grace,
        logs_are_told_by_the_api_server: pods::logs::are_the_api_servers,
        an_operator_has_the_rights_of_its_account: operator::rights::are_those_of_its_account,
        an_operator_follows_its_config_map: operator::settings::are_those_of_its_config_map,
        a_rollout_leaves_no_gap: operator::replicas::leave_no_gap_in_a_rollout,
        a_killed_leader_is_followed_by_another: operator::replicas::follow_a_killed_leader,
        a_disruption_budget_keeps_the_last_replica: operator::replicas::are_kept_by_a_budget,
        webhooks_are_reached_by_their_service: operator::webhooks::are_reached_by_their_service,
        a_cluster_is_reached_from_the_network_outside: outside::reached,
    };
    trials.push(Trial::test(
        "nothing_outlives_a_bench_that_is_killed",
        || Runtime::new()?.block_on(ending::killed()).map_err(failed),
    ));
    trials.push(Trial::test("programs_are_looked_for_first", || {
        entering::programs_are_looked_for_first().map_err(failed)
    }));
    trials
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:?}").into()
}
