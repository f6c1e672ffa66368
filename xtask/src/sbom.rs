//! What the program of an operator is made of.

pub mod closure;
mod cyclonedx;
mod licences;
mod packages;

use anyhow::Result;
use clap::Args;
use xshell::Shell;

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
        let closure = Closure::of(sh, &project.operator(&self.operator)?)?;
        // A clone's last commit; the time of now would make two of them differ.
        let time = sh.var("BUILD_TIME").ok();
        for file in write(sh, &closure, time.as_deref(), &self.destination)? {
            println!("{file}");
        }
        Ok(())
    }
}

/// Writes both files of a program to a folder, and tells which they are. The shell stands in the program's source.
///
/// # Errors
/// When a crate is not known, says no licence or cannot be read, or a file cannot be written.
pub fn write(
    sh: &Shell,
    closure: &Closure,
    time: Option<&str>,
    folder: &str,
) -> Result<[String; 2]> {
    let packages = Packages::known(sh)?;
    let bill = cyclonedx::bill(closure, &packages, time)?;
    let bill = serde_json::to_string_pretty(&bill)? + "\n";
    let licences = licences::list(closure, &packages)?;
    let name = &closure.program.name;
    let files = ["cdx.json", "licences.txt"].map(|ending| format!("{folder}/{name}.{ending}"));
    for (file, text) in files.iter().zip([bill, licences]) {
        sh.write_file(file, text)?;
    }
    Ok(files)
}
