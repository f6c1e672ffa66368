//! Helm, as the person before the terminal would use it.

use anyhow::Result;
use harness::Cluster;

use crate::ground::tree;
use crate::program::{self, quoted};
use crate::teller::Teller;

/// Helm for one cluster, at the root of the source tree.
pub struct Helm<'a> {
    helm: &'a charts::Helm,
    cluster: &'a Cluster,
}

impl<'a> Helm<'a> {
    /// For this cluster.
    pub fn new(helm: &'a charts::Helm, cluster: &'a Cluster) -> Self {
        Self { helm, cluster }
    }

    /// Tells the command line, runs it, and returns what it prints. Options come last.
    ///
    /// # Errors
    /// When it fails; the message is Helm's.
    pub async fn tell(&self, teller: &Teller, args: &[&str]) -> Result<String> {
        let typed = program::line("helm", args);
        let options = args.iter().position(|arg| arg.starts_with("--"));
        let (words, options) = args.split_at(options.unwrap_or(args.len()));
        let options: Vec<String> = options.iter().map(|arg| quoted(arg)).collect();
        teller.typed_with(&program::line("helm", words), &options);

        let mut command = self.helm.command();
        command
            .args(args)
            .arg("--kubeconfig")
            .arg(self.cluster.kubeconfig())
            .current_dir(tree());
        program::run(command, &typed, "").await
    }
}
