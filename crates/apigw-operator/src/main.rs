//! The program around the library.

use std::process::ExitCode;

use apigw_operator::Config;
use operator_core::{
    decide::clock::Clock,
    process::{
        config::{self, Follower, Loaded},
        stop,
        telemetry::{self, Telemetry},
    },
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
        let settings = &loaded.settings;
        let (log, gates) = (settings.common.log, &settings.feature_gates);
        telemetry::init(log, apigw_operator::NAME, gates, clock.clone())?
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
    let code = runtime.block_on(run(loaded, &telemetry, clock));
    telemetry.end();
    Ok(code)
}

async fn run(loaded: Loaded<Config>, telemetry: &Telemetry, clock: Clock) -> ExitCode {
    let follower = Follower::new(&loaded, |config| &config.common, clock.clone());
    let mut config = loaded.settings;
    config.common.followed = Some(follower.live());
    let ended = async {
        let common = &config.common;
        let folder = common.config_dir.clone();
        let client =
            config::client(common, apigw_operator::NAME, env!("CARGO_PKG_VERSION")).await?;
        let signal = stop::signal()?;
        let level = |level| telemetry.set_level(level);
        let stop = async {
            tokio::select! {
                () = signal => {}
                () = follower.restart_needed(folder.as_deref(), level) => {}
            }
        };
        apigw_operator::run(config, client, clock, stop).await?;
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
