//! Helm, as users have it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use harness::scratch::Scratch;
use serde_json::Value;
use tools::{HELM_3, HELM_4};

use crate::{Rendered, chart};

/// The version that Helm is told that the cluster has, where there is none.
pub const KUBERNETES: &str = "1.36.3";

/// That Helm waits for what it does to take effect.
pub const WAITING: [&str; 2] = ["--wait", "--timeout=3m"];

/// A Helm with a home of its own, so that it neither reads nor writes the user's.
#[derive(Debug)]
pub struct Helm {
    /// `helm 3` or `helm 4`.
    pub name: &'static str,
    program: PathBuf,
    home: Scratch,
}

/// Both that users have, the earlier one first.
///
/// # Errors
/// When one cannot be built.
pub fn helms() -> Result<&'static [Helm; 2]> {
    static HELMS: OnceLock<[Helm; 2]> = OnceLock::new();
    if let Some(helms) = HELMS.get() {
        return Ok(helms);
    }
    let helms = [Helm::new("helm 3", HELM_3.program()?)?, Helm::present()?];
    Ok(HELMS.get_or_init(|| helms))
}

impl Helm {
    /// The present one alone.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn present() -> Result<Self> {
        Self::new("helm 4", HELM_4.program()?)
    }

    fn new(name: &'static str, program: PathBuf) -> Result<Self> {
        let home = Scratch::new("helm")?;
        Ok(Self {
            name,
            program,
            home,
        })
    }

    /// What a chart makes of these values, in the namespace `namespace`.
    ///
    /// # Errors
    /// Helm's own words where it refuses.
    pub fn template(&self, name: &str, namespace: &str, values: &Value) -> Result<Rendered> {
        self.template_of(&chart(name), KUBERNETES, namespace, values)
    }

    /// What the chart in a folder or an archive makes of these values, for a cluster of this version.
    ///
    /// # Errors
    /// Helm's own words where it refuses.
    pub fn template_of(
        &self,
        chart: &Path,
        kubernetes: &str,
        namespace: &str,
        values: &Value,
    ) -> Result<Rendered> {
        let file = self.values(values)?;
        let mut template = self.command();
        template
            .args(["template", "installed"])
            .arg(chart)
            .args(["--namespace", namespace, "--kube-version", kubernetes])
            .arg("--values")
            .arg(file.path());
        Rendered::of(&self.run(template)?)
    }

    /// Makes an archive of the chart in a folder, and tells where it is.
    ///
    /// # Errors
    /// Helm's own words where it refuses; where it does not say where the archive is.
    pub fn package(&self, chart: &Path, destination: &Path) -> Result<PathBuf> {
        let mut package = self.command();
        package
            .arg("package")
            .arg(chart)
            .arg("--destination")
            .arg(destination);
        let said = self.run(package)?;
        let (_, archive) = said
            .trim_end()
            .rsplit_once(": ")
            .with_context(|| format!("{} says of its archive: {said}", self.name))?;
        Ok(archive.into())
    }

    /// Whether Helm finds nothing wrong with a chart.
    ///
    /// # Errors
    /// What it finds.
    pub fn lint(&self, name: &str, values: &Value) -> Result<()> {
        let file = self.values(values)?;
        let mut lint = self.command();
        lint.args(["lint", "--strict", "--kube-version", KUBERNETES])
            .arg(chart(name))
            .arg("--values")
            .arg(file.path());
        self.run(lint).map(drop)
    }

    /// Installs or upgrades the release `installed` of this namespace, which is made if it is not there, to the chart in a
    /// folder.
    ///
    /// # Errors
    /// Helm's own words where it refuses, or has waited too long where the options are [`WAITING`].
    pub fn upgrade(
        &self,
        cluster: &Path,
        chart: &Path,
        namespace: &str,
        values: &Value,
        options: &[&str],
    ) -> Result<()> {
        let file = self.values(values)?;
        let mut upgrade = self.command();
        upgrade
            .args(["upgrade", "--install", "installed"])
            .arg(chart)
            .args(["--namespace", namespace, "--create-namespace"])
            .arg("--kubeconfig")
            .arg(cluster)
            .arg("--values")
            .arg(file.path())
            .args(options);
        self.run(upgrade).map(drop)
    }

    /// Runs Helm with these arguments on a cluster and a namespace of it.
    ///
    /// # Errors
    /// Helm's own words where it refuses.
    pub fn on(&self, cluster: &Path, namespace: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.command();
        command
            .args(arguments)
            .args(["--namespace", namespace, "--kubeconfig"])
            .arg(cluster);
        self.run(command)
    }

    fn values(&self, values: &Value) -> Result<tempfile::NamedTempFile> {
        let file = tempfile::NamedTempFile::new_in(self.home.path())?;
        std::fs::write(file.path(), values.to_string())?;
        Ok(file)
    }

    /// The program in its home, for arguments of the caller's.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let home = self.home.path();
        command
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"))
            // It remembers by address what a server serves, and addresses are used again.
            .env("KUBECACHEDIR", home.join("kube"))
            .env_remove("KUBECONFIG");
        command
    }

    fn run(&self, mut command: Command) -> Result<String> {
        let Output {
            status,
            stdout,
            stderr,
        } = command
            .output()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&stdout).into_owned();
        if !status.success() {
            bail!("{}: {said}{}", self.name, String::from_utf8_lossy(&stderr));
        }
        Ok(said)
    }
}
