//! What crates say of themselves, and what the lock says of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use xshell::{Shell, cmd};

use super::TARGET;
use super::closure::Id;

/// A crate's own words.
#[derive(Deserialize)]
pub struct Package {
    name: String,
    version: String,
    pub description: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
    pub repository: Option<String>,
    /// The registry that it is of; none if it is the project's own.
    pub source: Option<String>,
    pub manifest_path: PathBuf,
}

/// All crates of the workspace and of the lock, for the images' system.
pub struct Packages {
    said: BTreeMap<Id, Package>,
    checksums: BTreeMap<Id, String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Packages {
    /// What Cargo knows.
    ///
    /// # Errors
    /// When Cargo does not tell.
    pub fn known(sh: &Shell) -> Result<Self> {
        let metadata = cmd!(
            sh,
            "cargo metadata --quiet --locked --format-version 1 --filter-platform {TARGET}"
        )
        .quiet()
        .read()?;
        let metadata: Metadata = serde_json::from_str(&metadata)?;
        let said = metadata.packages.into_iter().map(|package| {
            let id = Id {
                name: package.name.clone(),
                version: package.version.clone(),
            };
            (id, package)
        });
        Ok(Self {
            said: said.collect(),
            checksums: checksums(&sh.read_file("Cargo.lock")?),
        })
    }

    /// A crate's own words.
    ///
    /// # Errors
    /// When there is no such crate.
    pub fn package(&self, id: &Id) -> Result<&Package> {
        let found = self.said.get(id);
        found.with_context(|| format!("Cargo knows no {} {}", id.name, id.version))
    }

    /// A crate's SHA-256 in its registry, in hexadecimal.
    pub fn checksum(&self, id: &Id) -> Option<&str> {
        self.checksums.get(id).map(String::as_str)
    }
}

impl Package {
    /// Its licence as an SPDX expression; a slash was the earlier word for `OR`.
    ///
    /// # Errors
    /// When it says none.
    pub fn licence(&self) -> Result<String> {
        let said = self.license.as_deref();
        let said = said.with_context(|| format!("{} says no licence", self.name))?;
        Ok(said
            .split('/')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" OR "))
    }
}

/// The checksums of a Cargo.lock, which is always written in one way: a line for each value.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let package = |block: &str| {
        let value = |name: &str| {
            let start = format!("{name} = \"");
            let mut values = block.lines().filter_map(|line| line.strip_prefix(&start));
            values.next()?.strip_suffix('"').map(str::to_owned)
        };
        let id = Id {
            name: value("name")?,
            version: value("version")?,
        };
        Some((id, value("checksum")?))
    };
    lock.split("[[package]]").filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_found_by_name_and_version() {
        let lock = r#"version = 4

[[package]]
name = "own"
version = "0.1.0"
dependencies = [
 "serde",
]

[[package]]
name = "serde"
version = "1.0.229"
source = "registry"
checksum = "abc"

[[package]]
name = "serde"
version = "2.0.0"
source = "registry"
checksum = "def"
"#;
        let checksums = checksums(lock);
        let found: Vec<_> = checksums
            .iter()
            .map(|(id, sum)| (id.version.as_str(), sum.as_str()))
            .collect();
        assert_eq!(found, [("1.0.229", "abc"), ("2.0.0", "def")]);
    }

    #[test]
    fn a_licence_is_an_expression_whatever_its_age() {
        let package = |license: &str| Package {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            description: None,
            license: Some(license.to_owned()),
            repository: None,
            source: None,
            manifest_path: PathBuf::new(),
        };
        let licence = |text: &str| package(text).licence().unwrap();
        assert_eq!(licence("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(licence("MIT AND (A OR B)"), "MIT AND (A OR B)");
    }
}
