//! operator-core beside controller-runtime and kube's `Controller`: the same job, in the same run.

mod ceiling;
mod chart;
mod contender;
mod figures;
mod report;
mod scenarios;
mod seen;
mod stage;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};

pub use self::contender::Programs;
use self::{
    contender::Contender,
    figures::Figures,
    scenarios::{Run, Scenario},
    stage::Stage,
};

/// How many objects are worked on at once, by everyone.
const WORKERS: u16 = 16;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1200);

/// What is compared, and how much of it.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    programs: Programs,
    /// How many widgets there are.
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long nothing happens while nothing should cost anything, in seconds.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Where to write the figures; charts go to a folder of the same name.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
}

/// Everything that was measured, round by round.
#[derive(Default)]
pub struct Results {
    ceiling: Vec<Figures>,
    figures: BTreeMap<(Scenario, Contender), Vec<Figures>>,
    /// In how many rounds a contender did not recover from the restart of the API server.
    lost: BTreeMap<Contender, usize>,
}

/// Measures, and writes the figures down after each round: what was measured is not lost with a later one that fails.
pub async fn measure(options: &Options) -> Result<()> {
    let mut results = Results::default();
    for round in 0..options.rounds {
        println!("round {} of {}: the ceiling ...", round + 1, options.rounds);
        let stage = Stage::set(options.objects).await?;
        results.ceiling.push(ceiling::replay(&stage).await?);
        drop(stage);

        let mut order = Contender::ALL;
        order.rotate_left(round % Contender::ALL.len());
        for contender in order {
            println!("round {}: {} ...", round + 1, contender.name());
            let stage = Stage::set(options.objects).await?;
            let idle = Duration::from_secs(options.idle);
            let run = Run::new(&stage, contender, &options.programs, idle);
            let measured = run.all().await?;
            if !measured.iter().any(|(it, _)| *it == Scenario::Outage) {
                println!("  {}: no effect", Scenario::Outage.name());
                *results.lost.entry(contender).or_default() += 1;
            }
            for (scenario, figures) in measured {
                println!("  {}: {}", scenario.name(), figures.shown());
                let all = results.figures.entry((scenario, contender)).or_default();
                all.push(figures);
            }
        }
        write(options, &results)?;
    }
    println!("\n{}", report::written(options, &results));
    Ok(())
}

fn write(options: &Options, results: &Results) -> Result<()> {
    let charts = options.report.with_extension("");
    fs::create_dir_all(&charts)?;
    for (name, chart) in report::charts(results) {
        let file = charts.join(format!("core-{name}.svg"));
        fs::write(&file, chart).with_context(|| format!("cannot write {}", file.display()))?;
    }
    fs::write(&options.report, report::written(options, results))
        .with_context(|| format!("cannot write {}", options.report.display()))
}
