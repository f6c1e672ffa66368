//! What a scene plays on: a namespace of its own in the cluster.

use std::path::Path;

use anyhow::Result;
use harness::{Cluster, Namespace};

use crate::ground::Ground;
use crate::kubectl::Kubectl;
use crate::teller::Teller;

/// A namespace that is one scene's own.
pub struct Stage {
    cluster: Cluster,
    namespace: Namespace,
    borrowed: bool,
}

impl Stage {
    /// Makes the namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn make(ground: &Ground) -> Result<Self> {
        Ok(Self {
            cluster: ground.cluster().clone(),
            namespace: ground.cluster().namespace("demo").await?,
            borrowed: ground.is_borrowed(),
        })
    }

    /// kubectl in the scene's namespace.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(&self.cluster, self.namespace.name())
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The kubeconfig file of the cluster.
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    /// Tells how somebody gets at the namespace from another terminal.
    pub fn invite(&self, teller: &Teller) {
        let name = self.namespace.name();
        teller.typed(&format!(
            "alias kubectl='{} --namespace {name}'",
            self.kubectl().program()
        ));
        teller.typed(&format!(
            "export KUBECONFIG={}",
            self.kubeconfig().display()
        ));
    }

    /// What is known about the objects, for a person who looks for a fault.
    pub async fn evidence(&self, kinds: &str) -> String {
        let mut evidence = String::new();
        for command in [
            ["get", kinds, "-o", "yaml"],
            ["get", "events", "-o", "wide"],
        ] {
            evidence += &format!("--- kubectl {}\n", command.join(" "));
            evidence += &match self.kubectl().run(&command).await {
                Ok(shown) => shown,
                Err(error) => format!("{error:#}\n"),
            };
        }
        evidence
    }

    /// Removes the namespace.
    ///
    /// # Errors
    /// When it remains.
    pub async fn remove(&self, teller: &Teller) -> Result<()> {
        let delete = ["delete", "namespace", self.namespace.name()];
        let delete = [&delete[..], &["--timeout=60s"]].concat();
        self.kubectl().show(teller, &delete).await?;
        teller.happened(match self.borrowed {
            true => "nothing is left but the kinds: other objects may need them",
            false => "nothing is left",
        });
        Ok(())
    }
}
