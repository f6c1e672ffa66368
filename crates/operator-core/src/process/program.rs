//! The program around an operator: what `main` calls, and all that it does.

use std::{future::Future, path::Path, process::ExitCode};

use clap::Parser;
use kube::Client;

use super::{
    config::{self, Anew, ClientError, Common, FeatureGates, Follower, Gate, Loaded, Rules},
    files,
    operator::OperatorError,
    stop,
    telemetry::{self, Telemetry, TelemetryError},
};
use crate::decide::clock::Clock;

/// An operator as a program sees it: its settings, and what it does with them.
pub trait Program: Parser + Send + Sync + 'static {
    /// Its name: its field manager, and the reporter of its events.
    const NAME: &'static str;
    /// Its version.
    const VERSION: &'static str;
    /// The parts of it that can be turned on and off.
    const GATES: &'static [&'static Gate];
    /// Its own settings that take effect while it runs, by their environment names, beside those of every operator.
    const LIVE: &'static [&'static str] = &[];

    /// The settings that every operator has.
    fn common(&self) -> &Common;

    /// The same, to be filled in.
    fn common_mut(&mut self) -> &mut Common;

    /// Hands it what tells of [`LIVE`](Self::LIVE), if it has such settings.
    fn follow(&mut self, _: Anew<Self>) {}

    /// Which parts are on.
    fn feature_gates(&self) -> &FeatureGates;

    /// A file of authorities (PEM) that are believed besides the system's, if it has such a setting.
    fn ca_bundle(&self) -> Option<&Path> {
        None
    }

    /// Whether it could start with these settings, as far as that can be told without starting. It is asked before
    /// a change of the settings ends the operator that runs.
    ///
    /// # Errors
    /// The setting that is wrong, what was found and what is allowed.
    fn check(&self) -> Result<(), String>;

    /// Runs until `stop`.
    ///
    /// # Errors
    /// When it cannot start, or a part of it ends by itself.
    fn run(
        self,
        client: Client,
        clock: Clock,
        stop: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<(), OperatorError>>;
}

/// Why a program ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("signals cannot be listened to: {0}")]
    Signals(#[from] std::io::Error),
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// Why a program did not get as far as having a log.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error("threads cannot be started: {0}")]
    Threads(#[from] std::io::Error),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("another TLS provider is installed already")]
    Tls,
}

/// Runs the operator as a program: by command line, environment and mounted ConfigMap, until a signal ends it or
/// a change of the ConfigMap that takes a restart.
pub fn main<P: Program>() -> ExitCode {
    match begin::<P>() {
        Ok(code) => code,
        Err(why) => {
            // There may be no log yet.
            eprintln!("Error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn begin<P: Program>() -> Result<ExitCode, NotBegun> {
    let loaded = config::load_process::<P>();
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let telemetry = {
        let _entered = runtime.enter();
        let settings = &loaded.settings;
        let (log, gates) = (settings.common().log, settings.feature_gates());
        telemetry::init(log, P::NAME, gates, settings.ca_bundle(), clock.clone())?
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    files::take_all();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.install_default().map_err(|_| NotBegun::Tls)?;
    let ended = runtime.block_on(run(loaded, &telemetry, clock));
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    };
    telemetry.end();
    Ok(code)
}

async fn run<P: Program>(
    loaded: Loaded<P>,
    telemetry: &Telemetry,
    clock: Clock,
) -> Result<(), Ended> {
    let rules = Rules {
        common: P::common,
        could_start: could_start::<P>,
        live: P::LIVE,
    };
    let follower = Follower::new(&loaded, rules, clock.clone());
    let mut settings = loaded.settings;
    settings.common_mut().followed = Some(follower.followed());
    settings.follow(follower.anew());
    let folder = settings.common().config_dir.clone();
    let client = config::client(settings.common(), P::NAME, P::VERSION).await?;
    let signal = stop::signal()?;
    let level = |level| telemetry.set_level(level);
    let stop = async {
        tokio::select! {
            () = signal => {}
            () = follower.restart_needed(folder.as_deref(), level) => {}
        }
    };
    settings.run(client, clock, stop).await?;
    Ok(())
}

/// Whether a program could start with these settings.
fn could_start<P: Program>(settings: &P) -> Result<(), String> {
    let traces = telemetry::check(settings.feature_gates(), settings.ca_bundle());
    traces.map_err(|why| why.to_string())?;
    settings.check()
}
