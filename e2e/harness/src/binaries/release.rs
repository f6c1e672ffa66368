//! Which Kubernetes the control plane is.

use std::env;

use anyhow::{Result, bail};

/// The variable that says which release is run: `newest`, as without it, or `oldest`.
pub const RELEASE: &str = "E2E_KUBERNETES";

/// A release of Kubernetes that the project is tested on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// That of `e2e/control-plane`.
    #[default]
    Newest,
    /// The oldest that the charts allow, that of `e2e/control-plane/oldest`.
    Oldest,
}

/// A file's name and text.
type File = (&'static str, &'static str);

// The modules travel inside this crate: a build needs no source tree at a known place.
const PROGRAM: File = ("main.go", include_str!("../../../control-plane/main.go"));
const NEWEST: [File; 3] = [
    ("go.mod", include_str!("../../../control-plane/go.mod")),
    ("go.sum", include_str!("../../../control-plane/go.sum")),
    PROGRAM,
];
const OLDEST: [File; 3] = [
    (
        "go.mod",
        include_str!("../../../control-plane/oldest/go.mod"),
    ),
    (
        "go.sum",
        include_str!("../../../control-plane/oldest/go.sum"),
    ),
    PROGRAM,
];

impl Release {
    /// What [`RELEASE`] asks for.
    ///
    /// # Errors
    /// When it names no release.
    pub fn of_this_process() -> Result<Self> {
        match env::var(RELEASE).unwrap_or_default().as_str() {
            "" | "newest" => Ok(Self::Newest),
            "oldest" => Ok(Self::Oldest),
            other => bail!("{RELEASE} is {other:?}; it may be newest or oldest"),
        }
    }

    /// The version that its module asks for, so that it stands in one place: `v1.36.3`.
    pub fn version(self) -> &'static str {
        let [(_, module), ..] = self.module();
        module
            .lines()
            .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
            .expect("go.mod requires k8s.io/kubernetes, as a test proves")
    }

    /// The files that it is built of.
    pub(super) fn module(self) -> [File; 3] {
        match self {
            Self::Newest => NEWEST,
            Self::Oldest => OLDEST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::GO_NEEDED;
    use super::*;

    #[test]
    fn a_module_names_one_version_of_kubernetes() {
        for release in [Release::Newest, Release::Oldest] {
            let version = release.version();
            let library = version.replacen("v1.", "v0.", 1);
            let [(_, text), ..] = release.module();
            let replaced: Vec<&str> = text.lines().filter(|line| line.contains(" => ")).collect();
            assert!(replaced.len() > 25, "{replaced:?}");
            for line in replaced {
                assert!(line.ends_with(&library), "{line} does not follow {version}");
            }
            assert!(
                text.contains(&format!("\ngo {GO_NEEDED}.")),
                "the go line and GO_NEEDED differ"
            );
        }
    }
}
