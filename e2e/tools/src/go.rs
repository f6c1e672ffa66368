//! Tools and data that are Go modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cache;

/// The files of a module, each with its text.
type Files = &'static [(&'static str, &'static str)];

/// A program of a Go module.
#[derive(Debug)]
pub struct GoTool {
    name: &'static str,
    package: &'static str,
    version: &'static str,
    through: Option<Files>,
}

/// A Go module of which files are wanted.
#[derive(Debug)]
pub struct GoModule {
    path: &'static str,
    version: &'static str,
    /// The folder of the files.
    folder: &'static str,
}

/// The earlier Helm, which many have.
pub const HELM_3: GoTool = GoTool::new("helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0");

/// The present Helm.
pub const HELM_4: GoTool = GoTool::new("helm", "helm.sh/helm/v4/cmd/helm", "v4.3.1");

/// Checks and tries alerts.
pub const PROMTOOL: GoTool = GoTool::new(
    "promtool",
    "github.com/prometheus/prometheus/cmd/promtool",
    "v0.315.0",
)
.through(&[
    ("go.mod", include_str!("../promtool/go.mod")),
    ("go.sum", include_str!("../promtool/go.sum")),
]);

/// Compares manifests with the schemas of their kinds.
pub const KUBECONFORM: GoTool = GoTool::new(
    "kubeconform",
    "github.com/yannh/kubeconform/cmd/kubeconform",
    "v0.8.0",
);

/// The Lua of Argo CD.
pub const LUA: GoTool = GoTool::new("glua", "github.com/yuin/gopher-lua/cmd/glua", "v1.1.1");

/// How Flux and Helm tell whether an object is ready.
pub const KSTATUS: GoTool = GoTool::new("kstatus", ".", "v1.2.2").through(&[
    ("go.mod", include_str!("../kstatus/go.mod")),
    ("go.sum", include_str!("../kstatus/go.sum")),
    ("main.go", include_str!("../kstatus/main.go")),
]);

/// Definitions of ServiceMonitor and PrometheusRule.
pub const PROMETHEUS_OPERATOR: GoModule = GoModule {
    path: "github.com/prometheus-operator/prometheus-operator",
    version: "v0.85.0",
    folder: "example/prometheus-operator-crd",
};

/// Definitions of Certificate and Issuer.
pub const CERT_MANAGER: GoModule = GoModule {
    path: "github.com/cert-manager/cert-manager",
    version: "v1.21.2",
    folder: "deploy/crds",
};

/// Linked without what a debugger wants.
const FLAGS: [&str; 3] = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];

impl GoTool {
    const fn new(name: &'static str, package: &'static str, version: &'static str) -> Self {
        Self {
            name,
            package,
            version,
            through: None,
        }
    }

    /// By a module of ours that requires it, where its own go.mod replaces modules, which `go install` refuses, or that has
    /// the program itself.
    const fn through(self, files: Files) -> Self {
        Self {
            through: Some(files),
            ..self
        }
    }

    /// The program, built first if the cache lacks it: minutes.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn program(&self) -> Result<PathBuf> {
        let Self { name, version, .. } = self;
        let folder = cache::folder(&format!("{name}-{version}"), |folder| {
            let built = match self.through {
                Some(files) => self.build(folder, files),
                None => self.install(folder),
            };
            built.with_context(|| {
                format!("{name} {version} is built with Go 1.26 or newer from the module proxy")
            })
        })?;
        Ok(folder.join(name))
    }

    fn install(&self, folder: &Path) -> Result<()> {
        let mut install = go();
        install
            .arg("install")
            .args(FLAGS)
            .arg(format!("{}@{}", self.package, self.version))
            .env("GOBIN", folder);
        cache::run(&mut install)
    }

    fn build(&self, folder: &Path, files: Files) -> Result<()> {
        let module = tempfile::tempdir()?;
        for (file, text) in files {
            fs::write(module.path().join(file), text)?;
        }
        let mut build = go();
        build
            .arg("build")
            .args(FLAGS)
            .arg("-mod=readonly")
            .arg("-o")
            .arg(folder.join(self.name))
            .arg(self.package)
            .current_dir(module.path());
        cache::run(&mut build)
    }
}

impl GoModule {
    /// The folder of the wanted files, in Go's own cache.
    ///
    /// # Errors
    /// When the module cannot be had.
    pub fn folder(&self) -> Result<PathBuf> {
        let module = format!("{}@{}", self.path, self.version);
        let mut download = go();
        download.args(["mod", "download", "-json"]).arg(&module);
        let output = download
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run go")?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`go mod download` of {module} has no answer"))?;
        let dir = answer["Dir"]
            .as_str()
            .with_context(|| format!("{module} cannot be had: {}", answer["Error"]))?;
        let folder = Path::new(dir).join(self.folder);
        ensure!(folder.is_dir(), "{module} has no folder {}", self.folder);
        Ok(folder)
    }
}

fn go() -> Command {
    let mut go = Command::new("go");
    go.env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env("GOWORK", "off");
    go
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_name_the_versions_that_are_used() {
        for (tool, module) in [
            (PROMTOOL, "github.com/prometheus/prometheus"),
            (KSTATUS, "github.com/fluxcd/cli-utils"),
        ] {
            let files = tool.through.expect("it is built through a module");
            let (_, text) = files[0];
            let required = format!("{module} {}", tool.version);
            assert!(text.contains(&required), "{required} is not in {text}");
        }
    }
}
