//! kubectl, as the person before the terminal would use it.

use anyhow::Result;
use harness::Cluster;

use crate::program;
use crate::teller::Teller;

/// kubectl in one namespace of one cluster.
pub struct Kubectl<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
}

impl<'a> Kubectl<'a> {
    /// For this namespace.
    pub fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self { cluster, namespace }
    }

    /// The program, for a person to call.
    pub fn program(&self) -> String {
        self.cluster
            .kubectl()
            .get_program()
            .to_string_lossy()
            .into_owned()
    }

    /// Tells the command line, runs it, shows what it prints, and returns that.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn show(&self, teller: &Teller, args: &[&str]) -> Result<String> {
        teller.typed(&program::line("kubectl", args));
        let printed = self.run(args).await?;
        teller.shown(&printed);
        Ok(printed)
    }

    /// Tells the command line that applies a sample, applies it, and shows what is printed. `manifest` is what the
    /// file `sample` of the source tree holds, with what only this run can know.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn show_apply(&self, teller: &Teller, sample: &str, manifest: &str) -> Result<()> {
        teller.typed(&program::line("kubectl", &["apply", "-f", sample]));
        teller.shown(&self.apply(manifest).await?);
        Ok(())
    }

    /// Waits until the present generation of each object, as `kind/name`, is Ready.
    ///
    /// # Errors
    /// When one of them is not within 2 minutes.
    pub async fn ready(&self, objects: &[&str]) -> Result<()> {
        let wait = ["wait", "--for=condition=Ready", "--timeout=120s"];
        self.run(&[&wait[..], objects].concat()).await.map(drop)
    }

    /// Runs it and returns what it prints.
    ///
    /// # Errors
    /// When it fails; the message is kubectl's.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with(args, "").await
    }

    /// Applies the objects of a manifest.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn apply(&self, manifest: &str) -> Result<String> {
        self.run_with(&["apply", "-f", "-"], manifest).await
    }

    async fn run_with(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = self.cluster.kubectl();
        command.args(["--namespace", self.namespace]).args(args);
        program::run(command, &program::line("kubectl", args), input).await
    }
}
