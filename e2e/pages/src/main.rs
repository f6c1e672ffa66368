//! Writes the pages of `docs/` that are made of the operators: `pages DIR`.

mod alerts;
mod apigw;
mod cloud;
mod conditions;
mod errors;
mod iam;
mod rbac;
mod settings;

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail};

/// All pages, by their paths below `docs/`.
fn pages() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("alerts.md", alerts::page()?),
        ("conditions/apigw-operator.md", apigw::conditions()),
        ("conditions/cloud-operator.md", cloud::conditions()),
        (
            "settings/apigw-operator.md",
            settings::page::<apigw_operator::Config>(),
        ),
        (
            "settings/cloud-operator.md",
            settings::page::<cloud_operator::Config>(),
        ),
        ("errors.md", errors::page()),
        ("iam.md", iam::page()),
        ("rbac.md", rbac::page()?),
    ])
}

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: pages DIR");
    };
    for (path, page) in pages()? {
        let file = Path::new(&folder).join(path);
        write(&file, &page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn write(file: &Path, page: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, page)?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The names in the tables of reasons below a folder.
    fn reasons(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let names = |path: PathBuf| match path.file_name().and_then(|it| it.to_str()) {
            _ if path.is_dir() => reasons(&path),
            Some("reasons.rs") => {
                let text = fs::read_to_string(&path).unwrap();
                let rows = text.lines().filter_map(|line| line.strip_suffix("\" {"));
                rows.filter_map(|row| row.split_once(" = \""))
                    .map(|(_, name)| name.to_owned())
                    .collect()
            }
            _ => Vec::new(),
        };
        entries.flat_map(names).collect()
    }

    #[test]
    fn every_reason_stands_on_a_page() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
        let reasons = reasons(&crates);
        let (apigw, cloud) = (apigw::conditions(), cloud::conditions());
        for name in [
            "Reconciled",
            "BucketReady",
            "AuthenticationSucceeded",
            "Gone",
        ] {
            assert!(reasons.iter().any(|it| it == name), "{name} was not found");
        }
        for name in reasons {
            let row = format!("| `{name}` | `");
            let event = format!("| `{name}` |  | ");
            let told = |page: &str| page.contains(&row) || page.contains(&event);
            assert!(told(&apigw) || told(&cloud), "no page tells of {name}");
        }
    }
}
