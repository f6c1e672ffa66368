//! The charts as archives, each with all that it takes.

use anyhow::Result;
use clap::Args;
use tools::HELM_4;
use xshell::cmd;

use crate::gen_charts::{CHARTS, UMBRELLA};
use crate::project::Project;

/// Package the charts of the operators and the umbrella, for a registry or a folder that is served.
#[derive(Args)]
pub struct PackageCharts {
    /// Where the archives go
    #[arg(long, value_name = "FOLDER", default_value = "target/charts")]
    destination: String,
}

impl PackageCharts {
    pub fn run(self, project: &Project) -> Result<()> {
        let sh = &project.shell;
        let helm = HELM_4.program()?;
        let destination = &self.destination;
        sh.create_dir(destination)?;
        for name in CHARTS.iter().map(|chart| chart.name).chain([UMBRELLA]) {
            let chart = project.charts().join(name);
            cmd!(sh, "{helm} package {chart} --destination {destination}")
                .quiet()
                .run()?;
        }
        Ok(())
    }
}
