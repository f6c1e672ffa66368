//! What the program of an operator is made of.

mod closure;
mod cyclonedx;
mod licences;
mod packages;

use anyhow::Result;
use clap::Args;

use self::closure::Closure;
use self::packages::Packages;
use crate::project::Project;

/// What the images are built for: what is for other systems is in none of them.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Write what an operator's program is made of: a bill of materials (CycloneDX), and the licences with their texts.
#[derive(Args)]
pub struct Sbom {
    /// The operator, for example `cloud-operator` or only `cloud`
    operator: String,

    /// Where the two files go
    #[arg(long, value_name = "FOLDER", default_value = "target/sbom")]
    destination: String,
}

impl Sbom {
    pub fn run(self, project: &Project) -> Result<()> {
        let sh = &project.shell;
        let operator = project.operator(&self.operator)?;
        let closure = Closure::of(sh, &operator)?;
        let packages = Packages::known(sh)?;
        // A clone's last commit; the time of now would make two of them differ.
        let time = sh.var("BUILD_TIME").ok();

        let bill = cyclonedx::bill(&closure, &packages, time.as_deref())?;
        let made = [
            ("cdx.json", serde_json::to_string_pretty(&bill)? + "\n"),
            ("licences.txt", licences::list(&closure, &packages)?),
        ];
        for (ending, text) in made {
            let file = format!("{}/{operator}.{ending}", self.destination);
            sh.write_file(&file, text)?;
            println!("{file}");
        }
        Ok(())
    }
}
