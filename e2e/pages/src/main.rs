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
