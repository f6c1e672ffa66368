//! Writes `docs/reference`, a page for each kind: `print-reference DIR`.

mod fields;
mod page;

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: print-reference DIR".into());
    };
    let folder = PathBuf::from(folder).join("reference");
    fs::create_dir_all(&folder)?;
    for crd in crd_types::crds() {
        let file = format!("{}.md", crd.spec.names.kind.to_lowercase());
        fs::write(folder.join(file), page::page(&crd)?)?;
    }
    Ok(())
}
