//! The crates that a program is built of, and which of them needs which, as Cargo tells it of this one program: other
//! packages of the workspace, and tests, ask for more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::TARGET;

/// A crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub name: String,
    pub version: String,
}

/// What is known of a crate within a program.
#[derive(Debug, Default, PartialEq)]
pub struct Part {
    /// Whether its code is in the program; otherwise it is run to build it.
    pub linked: bool,
    pub needs: BTreeSet<Id>,
}

/// A program's own crate, and all that it is built of, itself among them.
#[derive(Debug, PartialEq)]
pub struct Closure {
    pub program: Id,
    pub parts: BTreeMap<Id, Part>,
}

impl Closure {
    /// That of an operator.
    ///
    /// # Errors
    /// When Cargo does not tell.
    pub fn of(sh: &Shell, operator: &str) -> Result<Self> {
        let all = cmd!(
            sh,
            "cargo tree --quiet --locked --package {operator} --target {TARGET} --edges no-dev --prefix depth"
        );
        let linked = cmd!(
            sh,
            "cargo tree --quiet --locked --package {operator} --target {TARGET} --edges no-dev,no-build,no-proc-macro --prefix none"
        );
        Self::told(&all.quiet().read()?, &linked.quiet().read()?)
    }

    fn told(all: &str, linked: &str) -> Result<Self> {
        let mut parts: BTreeMap<Id, Part> = BTreeMap::new();
        // Who stands above the line, from the program on.
        let mut above: Vec<Id> = Vec::new();
        for line in all.lines() {
            let named = line.trim_start_matches(|it: char| it.is_ascii_digit());
            let depth: usize = line[..line.len() - named.len()]
                .parse()
                .with_context(|| format!("no depth before {line:?}"))?;
            let id = Id::told(named)?;
            above.truncate(depth);
            if let Some(part) = above.last().and_then(|parent| parts.get_mut(parent)) {
                part.needs.insert(id.clone());
            }
            parts.entry(id.clone()).or_default();
            above.push(id);
        }
        for line in linked.lines() {
            let id = Id::told(line)?;
            let part = parts.get_mut(&id);
            part.with_context(|| format!("{} is linked, and not needed", id.name))?
                .linked = true;
        }
        let program = above.into_iter().next().context("Cargo tells nothing")?;
        Ok(Self { program, parts })
    }

    /// Those whose code is in the program, itself among them.
    pub fn linked(&self) -> impl Iterator<Item = &Id> {
        let linked = self.parts.iter().filter(|(_, part)| part.linked);
        linked.map(|(id, _)| id)
    }
}

impl Id {
    /// As in `serde_derive v1.0.229 (proc-macro) (*)`.
    fn told(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        let name = words.next();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let (name, version) = name
            .zip(version)
            .with_context(|| format!("no crate and version in {line:?}"))?;
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Id {
        Id {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
        }
    }

    #[test]
    fn who_needs_whom_and_what_is_only_run_is_read_off_the_tree() {
        let all = "\
0an-operator v1.0.0 (/source/crates/an-operator)
1kube v1.0.0
2serde v1.0.0
3serde_derive v1.0.0 (proc-macro)
1prost-build v1.0.0
1serde v1.0.0 (*)";
        let linked = "an-operator v1.0.0 (/source/crates/an-operator)\nkube v1.0.0\nserde v1.0.0\nserde v1.0.0 (*)";
        let closure = Closure::told(all, linked).unwrap();
        assert_eq!(closure.program, id("an-operator"));
        let needs = |name: &str| {
            let needs = &closure.parts[&id(name)].needs;
            needs.iter().map(|id| id.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(needs("an-operator"), ["kube", "prost-build", "serde"]);
        assert_eq!(needs("kube"), ["serde"]);
        assert_eq!(needs("serde"), ["serde_derive"]);
        let linked: Vec<_> = closure.linked().map(|id| id.name.as_str()).collect();
        assert_eq!(linked, ["an-operator", "kube", "serde"]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        assert!(Closure::told("", "").is_err());
        assert!(Closure::told("serde v1.0.0", "").is_err());
        assert!(Closure::told("0serde", "").is_err());
        assert!(Closure::told("0serde v1.0.0", "other v1.0.0").is_err());
    }
}
