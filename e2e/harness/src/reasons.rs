//! Holds the reasons that sources give against the tables that users read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// After these a reason is given.
const PLACES: [&str; 5] = [
    "Fault::blocked(",
    "Fault::terminal(",
    "Fault::transient(",
    "with_reason(",
    "reason:",
];

/// Whether each reason that the sources below `folders` give by name is one of `table` or `of_others`, and whether
/// each of `table` is named in there. Tests and the tables themselves are left out.
///
/// # Errors
/// The reason that is not told, or that nothing gives.
pub fn told(folders: &[&Path], table: &BTreeSet<&str>, of_others: &BTreeSet<&str>) -> Result<()> {
    let mut sources = String::new();
    for folder in folders {
        read(folder, &mut sources)?;
    }
    for reason in given(&sources) {
        let told = table.contains(reason) || of_others.contains(reason);
        ensure!(told, "{reason} is given and stands in no table");
    }
    for reason in table {
        let named = sources.contains(&format!("\"{reason}\""));
        ensure!(named, "{reason} stands in a table and is never given");
    }
    Ok(())
}

fn read(folder: &Path, sources: &mut String) -> Result<()> {
    let context = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let name = path.file_stem().unwrap_or_default();
        if name == "reasons" || name == "tests" {
            continue;
        }
        if path.is_dir() {
            read(&path, sources)?;
        } else {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            sources.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
    Ok(())
}

/// The texts that stand where a reason is given.
fn given(sources: &str) -> impl Iterator<Item = &str> {
    let after = |place| sources.split(place).skip(1);
    let texts = PLACES.into_iter().flat_map(after);
    texts.filter_map(|text| text.trim_start().strip_prefix('"')?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        const READY: &str = "Well";
        fn fail() -> Fault {
            Fault::terminal(
                "Hopeless",
                format!("no: {}", 1),
            )
        }
        fn wait() -> Outcome { Outcome::Waiting { reason: "Late", on: "".into() } }
        fn named(reason: &'static str) -> Fault { Fault::blocked(reason, "text") }
        #[cfg(test)]
        fn test() { Fault::terminal("OfATest", "") }
    "#;

    fn check(table: &[&str]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("source.rs"), SOURCE)?;
        fs::write(folder.path().join("reasons.rs"), "name: \"Stale\"")?;
        told(
            &[folder.path()],
            &table.iter().copied().collect(),
            &BTreeSet::from(["Late"]),
        )
    }

    #[test]
    fn what_is_given_and_what_is_told_are_the_same() {
        check(&["Well", "Hopeless"]).unwrap();
        let missing = check(&["Well"]).unwrap_err().to_string();
        assert_eq!(missing, "Hopeless is given and stands in no table");
        let stale = check(&["Well", "Hopeless", "Stale"]).unwrap_err();
        assert_eq!(
            stale.to_string(),
            "Stale stands in a table and is never given"
        );
    }
}
