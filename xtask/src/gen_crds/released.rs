//! The definitions that users have: those of the last release, and what may become of them.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    Files, definition,
    exceptions::{Exceptions, emptied},
    files,
};
use crate::project::Project;

/// Fails where what the types give takes something away from those who use the last release.
///
/// # Errors
/// Names every such change by file, version and field, with what was and what is.
pub fn check(project: &Project, generated: &Files) -> Result<()> {
    let file = project.breaking_changes();
    let read = || format!("cannot read {}", file.display());
    let text = fs::read_to_string(&file).with_context(read)?;
    let exceptions = Exceptions::read(&text).with_context(read)?;
    let left = exceptions.judge(compare(&files::read(&project.released_crds())?, generated)?);
    if !left.is_empty() {
        bail!(
            "schemas within a version only grow, but since the last release:\n  {}\n\
             What must be is written to {} with its reason.",
            left.join("\n  "),
            file.display()
        );
    }
    Ok(())
}

/// Makes what the types give the definitions that users have.
///
/// # Errors
/// When a file cannot be written.
pub fn renew(project: &Project, generated: &Files) -> Result<()> {
    files::write(&project.released_crds(), generated)?;
    let file = project.breaking_changes();
    let text = fs::read_to_string(&file)?;
    fs::write(&file, emptied(&text))?;
    Ok(())
}

/// One line for each change that takes something away.
fn compare(released: &Files, generated: &Files) -> Result<Vec<String>> {
    let parse = |name: &str, text: &str| -> Result<Value> {
        serde_saphyr::from_str(text).with_context(|| format!("{name} is not YAML"))
    };
    let mut faults = Vec::new();
    for (name, was) in released {
        match generated.get(name) {
            None => faults.push(format!("{name}: the kind is gone")),
            Some(is) if is == was => {}
            Some(is) => {
                let found = definition::compare(&parse(name, was)?, &parse(name, is)?);
                faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn folder(path: &str) -> Files {
        files::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
    }

    #[test]
    fn the_committed_definitions_only_add_to_the_released_ones() -> Result<()> {
        let exceptions = Exceptions::read(include_str!(
            "../../../crates/crd-types/breaking-changes.yaml"
        ))?;
        let faults = compare(&folder("crates/crd-types/released"), &folder("crds"))?;
        assert_eq!(exceptions.judge(faults), [""; 0]);
        Ok(())
    }

    #[test]
    fn a_kind_may_come_and_not_go_and_a_change_is_named_with_its_file() -> Result<()> {
        let released = folder("crates/crd-types/released");
        let buckets = "aws-infra-operator.runner.codes_s3buckets.yaml";
        assert!(released.contains_key(buckets));
        let none = Files::new();
        assert_eq!(compare(&none, &released)?, [""; 0]);
        let gone = compare(&released, &none)?;
        assert_eq!(gone.len(), released.len());
        assert!(
            gone.contains(&format!("{buckets}: the kind is gone")),
            "{gone:#?}"
        );

        let mut changed = released.clone();
        let text = &released[buckets];
        assert_eq!(
            text.matches("maxLength: 63\n                minLength: 3\n")
                .count(),
            1
        );
        changed.insert(
            buckets.to_owned(),
            text.replace(
                "maxLength: 63\n                minLength: 3\n",
                "maxLength: 62\n                minLength: 3\n",
            ),
        );
        assert_eq!(
            compare(&released, &changed)?,
            [format!(
                "{buckets}: v1alpha1 spec.bucketName: maxLength was 63, is 62"
            )]
        );
        Ok(())
    }
}
