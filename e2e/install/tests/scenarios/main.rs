//! Charts installed by Helm, and at work: what users do with them, from the first bucket to the end of a release.
//!
//! This program is a test, and what Pods run: it goes by the name under which it is called.

mod identity;
mod leader;
mod lent;
mod life;
mod limits;
mod older;
mod profile;
mod removed;
mod review;
mod scrape;
mod suite;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use harness::Family;
use install::scenarios::{admission, basic, gateways};
use install::trials::{alone, limited};
use install::{Ground, programs, theirs};
use libtest_mimic::{Arguments, Completion, Trial};
use node::trials::Shared;

/// Why no gateway is on somebody's cluster.
const NO_GATEWAY: &str =
    "there is no image of the gateways' stand-in, and it is asked in the Pods' own network";

fn main() -> ExitCode {
    if let Some(code) = programs::run_as_called() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    if let (false, Err(error)) = (arguments.list, Ground::enter()) {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    if lent::is_lender() {
        return lent::lend();
    }
    let ground =
        Shared::new(async || Ground::start(Family::V4).await).expect("threads can be started");
    let mut one_by_one = arguments.clone();
    one_by_one.test_threads = Some(1);
    let alone = libtest_mimic::run(&one_by_one, of_the_whole_cluster(&ground));
    // Tests wait for others most of the time.
    arguments.test_threads.get_or_insert(3);
    let beside = libtest_mimic::run(&arguments, of_some_namespaces(&ground));
    if let Some(Err(error)) = ground.end(Ground::stop) {
        eprintln!("something is left in the cluster: {error:?}");
        return ExitCode::FAILURE;
    }
    let worse = if alone.has_failed() { alone } else { beside };
    worse.exit_code()
}

/// Scenarios that have the cluster for themselves, with an operator that looks after all of it.
fn of_the_whole_cluster<S>(ground: &Arc<Shared<Ground, S>>) -> Vec<Trial>
where
    S: AsyncFn() -> Result<Ground> + Send + Sync + 'static,
{
    vec![
        alone(
            ground,
            "a_chart_makes_buckets_by_helm_3",
            basic::with_helm_3,
        ),
        alone(
            ground,
            "a_chart_makes_buckets_by_helm_4",
            basic::with_helm_4,
        ),
        alone(
            ground,
            "the_suite_installs_what_is_turned_on_by_helm_3",
            suite::by_helm_3,
        ),
        alone(
            ground,
            "the_suite_installs_what_is_turned_on_by_helm_4",
            suite::by_helm_4,
        ),
        alone(
            ground,
            "what_users_have_outlives_upgrade_rollback_and_uninstall_by_helm_3",
            life::by_helm_3,
        ),
        alone(
            ground,
            "what_users_have_outlives_upgrade_rollback_and_uninstall_by_helm_4",
            life::by_helm_4,
        ),
        ours_alone(
            alone(
                ground,
                "a_chart_serves_gateways_by_helm_3",
                gateways::as_installed,
            ),
            NO_GATEWAY,
        ),
        alone(
            ground,
            "what_older_definitions_allowed_lives_on_by_helm_3",
            older::taken_over_by_helm_3,
        ),
        alone(
            ground,
            "what_older_definitions_allowed_lives_on_by_helm_4",
            older::taken_over_by_helm_4,
        ),
        alone(
            ground,
            "older_definitions_come_and_go_while_no_operator_runs",
            older::brought_back,
        ),
        alone(
            ground,
            "what_is_removed_is_in_nobodys_way",
            removed::and_installed_elsewhere,
        ),
    ]
}

/// Scenarios beside each other, each with operators for namespaces of its own.
fn of_some_namespaces<S>(ground: &Arc<Shared<Ground, S>>) -> Vec<Trial>
where
    S: AsyncFn() -> Result<Ground> + Send + Sync + 'static,
{
    vec![
        limited(
            ground,
            "a_role_of_the_account_takes_no_secret",
            identity::of_the_service_account,
        ),
        limited(
            ground,
            "another_replica_leads_when_the_leader_is_killed",
            leader::killed,
        ),
        limited(
            ground,
            "two_limited_releases_see_their_namespaces_alone",
            limits::side_by_side,
        ),
        ours_alone(
            limited(
                ground,
                "all_that_a_chart_can_make_is_accepted_and_works",
                profile::with_everything,
            ),
            "it defines ServiceMonitor, Certificate and others, of which the cluster may have its own",
        ),
        limited(ground, "a_route_waits_for_gateways", gateways::awaited),
        ours_alone(
            limited(
                ground,
                "a_gateway_connects_with_the_certificate_issued_to_it",
                gateways::connected,
            ),
            NO_GATEWAY,
        ),
        limited(
            ground,
            "a_second_object_for_one_bucket_is_refused",
            admission::by_service,
        ),
        ours_alone(
            Trial::test("a_cluster_that_is_lent_comes_back_as_it_was", lent::test),
            "it lends a cluster of ours",
        ),
    ]
}

/// On somebody's cluster the test is told as ignored, and why.
fn ours_alone(test: Trial, why: &'static str) -> Trial {
    if theirs::named().is_none() {
        return test;
    }
    Trial::ignorable_test(test.name(), move || Ok(Completion::ignored_with(why)))
}
