//! The program around the library.

use std::process::ExitCode;

use cloud_operator::Config;
use operator_core::{
    decide::clock::Clock,
    process::{config, stop, telemetry},
};

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<ExitCode> {
    let loaded = config::load_process::<Config>();
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let telemetry = {
        let _entered = runtime.enter();
        telemetry::init(
            loaded.settings.common.log,
            cloud_operator::NAME,
            clock.clone(),
        )?
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("another TLS provider is installed already");
    }
    let code = runtime.block_on(run(loaded.settings, clock));
    telemetry.end();
    Ok(code)
}

async fn run(config: Config, clock: Clock) -> ExitCode {
    let ended = async {
        let common = &config.common;
        let client =
            config::client(common, cloud_operator::NAME, env!("CARGO_PKG_VERSION")).await?;
        let stop = stop::signal()?;
        cloud_operator::run(config, client, clock, stop).await?;
        anyhow::Ok(())
    };
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
