//! Charts installed by Helm where all addresses are of IPv6: buckets, webhooks and gateways as anywhere else.
//!
//! This program is a test, and what Pods run: it goes by the name under which it is called.

mod addresses;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use harness::Family;
use install::scenarios::{admission, basic, gateways};
use install::trials::{alone, limited};
use install::{Ground, programs};
use libtest_mimic::{Arguments, Trial};
use node::trials::Shared;

fn main() -> ExitCode {
    if let Some(code) = programs::run_as_called() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    if let (false, Err(error)) = (arguments.list, Ground::enter()) {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    let ground =
        Shared::new(async || Ground::start(Family::V6).await).expect("threads can be started");
    // One of them has the cluster for itself.
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, scenarios(&ground));
    if let Some(Err(error)) = ground.end(Ground::stop) {
        eprintln!("the cluster does not end well: {error:?}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn scenarios<S>(ground: &Arc<Shared<Ground, S>>) -> Vec<Trial>
where
    S: AsyncFn() -> Result<Ground> + Send + Sync + 'static,
{
    vec![
        ground.trial("there_is_no_address_of_ipv4", addresses::none_of_ipv4),
        alone(ground, "a_chart_makes_buckets", basic::with_helm_4),
        limited(
            ground,
            "a_gateway_connects_with_the_certificate_issued_to_it",
            gateways::connected,
        ),
        limited(
            ground,
            "a_second_object_for_one_bucket_is_refused",
            admission::by_service,
        ),
    ]
}
