//! Writes the pages of `docs/` that are made of this operator: `print-cloud-docs DIR`.

use std::{env, error::Error, fs, path::PathBuf};

use cloud_operator::pages;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: print-cloud-docs DIR".into());
    };
    let folder = PathBuf::from(folder);
    for (name, page) in [
        ("conditions", pages::conditions()),
        ("settings", pages::settings()),
    ] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("cloud-operator.md"), page)?;
    }
    Ok(())
}
