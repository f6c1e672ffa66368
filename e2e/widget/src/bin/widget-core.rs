//! The widgets' operator on `operator-core`.

use operator_core::{
    decide::clock::Clock,
    process::{
        config::{self, FeatureGates},
        stop, telemetry,
    },
};
use widget::core::{Config, NAME, run};

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let settings = config::load_process::<Config>().settings;
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let telemetry = {
        let _entered = runtime.enter();
        telemetry::init(
            settings.common.log,
            NAME,
            &FeatureGates::default(),
            None,
            clock.clone(),
        )?
    };
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("another TLS provider is installed already");
    }
    let ended: anyhow::Result<()> = runtime.block_on(async {
        let version = env!("CARGO_PKG_VERSION");
        let client = config::client(&settings.common, NAME, version).await?;
        run(settings, client, clock, stop::signal()?).await?;
        Ok(())
    });
    telemetry.end();
    ended
}
