//! The parts of `charts/` that are made: of the operators' code, of `crds/`, and of what stands in `charts/values`.

mod definitions;
mod readme;
mod rights;
mod schema;
mod settings;
mod values;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use self::settings::SettingsPage;
use self::values::Fields;
use crate::gen_crds::first_difference;
use crate::project::Project;

/// Paths below `charts/` and contents.
type Files = BTreeMap<String, String>;

/// The umbrella chart.
pub const UMBRELLA: &str = "operator-suite";

/// The chart of an operator.
pub struct OperatorChart {
    /// Its name, which is the operator's crate's.
    pub name: &'static str,
    /// The API group of its kinds.
    group: &'static str,
    /// The example that prints what it may do.
    rights: &'static str,
}

/// The charts of operators.
pub const CHARTS: [OperatorChart; 2] = [
    OperatorChart {
        name: "apigw-operator",
        group: "avapigw.io",
        rights: "print-apigw-rights",
    },
    OperatorChart {
        name: "cloud-operator",
        group: "aws-infra-operator.runner.codes",
        rights: "print-cloud-rights",
    },
];

/// Write to `charts/` what is made of other files: values with schema and documentation, settings, definitions, rights.
#[derive(Args)]
pub struct GenCharts {
    /// Write nothing; fail if the committed files are not those that would be written
    #[arg(long)]
    check: bool,
}

impl GenCharts {
    pub fn run(self, project: &Project) -> Result<()> {
        if self.check {
            return check(project);
        }
        let charts = project.charts();
        let made = generate(project)?;
        for file in left_over(project, &made)? {
            fs::remove_file(charts.join(&file))?;
            println!("removed charts/{file}");
        }
        for (file, text) in &made {
            let path = charts.join(file);
            if fs::read_to_string(&path).ok().as_ref() != Some(text) {
                fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
                fs::write(&path, text)?;
                println!("wrote charts/{file}");
            }
        }
        Ok(())
    }
}

/// Compares the committed files with those that would be written.
///
/// # Errors
/// Names every file that differs, is missing or is left over.
pub fn check(project: &Project) -> Result<()> {
    let made = generate(project)?;
    let mut faults = Vec::new();
    for file in left_over(project, &made)? {
        faults.push(format!("charts/{file} is left over"));
    }
    for (file, wanted) in &made {
        match fs::read_to_string(project.charts().join(file)) {
            Err(_) => faults.push(format!("charts/{file} is missing")),
            Ok(text) if text == *wanted => {}
            Ok(text) => faults.push(format!(
                "charts/{file} differs {}",
                first_difference(&text, wanted)
            )),
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!(
        "the committed charts are not what they are made of:\n  {}\nWrite them with `cargo xtask gen-charts`.",
        faults.join("\n  ")
    )
}

/// Definitions that stand in a chart though no kind gives them any more.
fn left_over(project: &Project, made: &Files) -> Result<Vec<String>> {
    let mut left_over = Vec::new();
    for chart in CHARTS {
        let folder = format!("{}/templates/crds", chart.name);
        let Ok(entries) = fs::read_dir(project.charts().join(&folder)) else {
            continue;
        };
        for entry in entries {
            let file = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !made.contains_key(&file) {
                left_over.push(file);
            }
        }
    }
    Ok(left_over)
}

fn generate(project: &Project) -> Result<Files> {
    let mut files = Files::new();
    let common = source(project, "common")?;
    let rights = rights::print(project)?;
    for chart in CHARTS {
        let name = chart.name;
        let page = SettingsPage::of(project, name)?;
        let own = source(project, name)?;
        let fields = common.clone().and(own).of_chart(name);
        let mut schema = schema::of(&fields, &page.gates)?;
        // What Helm itself puts among a chart's values: those of its library, and the umbrella's switch.
        schema["properties"]["operator-library"] = of_the_library();
        schema["properties"]["enabled"] = json!({ "type": "boolean" });
        values(project, &mut files, name, &fields, &schema)?;

        let templates = format!("{name}/templates");
        let settings = settings::templates(name, &fields, &page)?;
        files.insert(format!("{templates}/_settings.tpl"), settings);
        let rights = rights::templates(name, rights.path())?;
        files.insert(format!("{templates}/_rights.tpl"), rights);
        for (file, text) in definitions::templates(project, chart.group)? {
            files.insert(format!("{templates}/crds/{file}"), text);
        }
    }
    let fields = source(project, UMBRELLA)?;
    let mut schema = schema::of(&fields, &[])?;
    schema["properties"]["operator-library"] = of_the_library();
    values(project, &mut files, UMBRELLA, &fields, &schema)?;
    Ok(files)
}

/// The values of a library: it has none of its own.
fn of_the_library() -> serde_json::Value {
    json!({ "type": "object", "properties": { "global": {} }, "additionalProperties": false })
}

/// The files that tell of a chart's values.
fn values(
    project: &Project,
    files: &mut Files,
    chart: &str,
    fields: &Fields,
    schema: &serde_json::Value,
) -> Result<()> {
    let text = format!("{schema:#}\n");
    files.insert(format!("{chart}/values.schema.json"), text);
    files.insert(format!("{chart}/values.yaml"), written::values(fields)?);
    let readme = format!("{chart}/README.md");
    let now = fs::read_to_string(project.charts().join(&readme))
        .with_context(|| format!("cannot read charts/{readme}"))?;
    let text = readme::with_values(&now, fields).with_context(|| format!("charts/{readme}"))?;
    files.insert(readme, text);
    Ok(())
}

fn source(project: &Project, name: &str) -> Result<Fields> {
    let file: PathBuf = project.charts().join(format!("values/{name}.yaml"));
    let read = || -> Result<Fields> {
        let fields: Fields = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
        fields.check()?;
        Ok(fields)
    };
    read().with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project_file(path: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        fs::read_to_string(format!("{root}/{path}")).unwrap()
    }

    #[test]
    fn charts_have_the_projects_version() {
        let version = format!("version: {}", env!("CARGO_PKG_VERSION"));
        let operators = CHARTS.map(|chart| chart.name);
        for chart in operators.into_iter().chain([UMBRELLA, "operator-library"]) {
            let text = project_file(&format!("charts/{chart}/Chart.yaml"));
            let versions: Vec<_> = text
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with("version: "))
                .collect();
            assert!(versions.iter().all(|it| *it == version), "{chart}: {text}");
            let of_program = text.contains(&format!("\nappVersion: {}", env!("CARGO_PKG_VERSION")));
            assert!(of_program || chart == "operator-library", "{chart}: {text}");
        }
    }
}
