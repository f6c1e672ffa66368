//! What a scene plays on: a namespace of its own in the cluster.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use harness::Namespace;

use crate::ground::Ground;
use crate::kubectl::Kubectl;
use crate::teller::Teller;

/// A namespace that is one scene's own.
pub struct Stage {
    ground: Arc<Ground>,
    namespace: Namespace,
}

impl Stage {
    /// Makes the namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn make(ground: &Arc<Ground>) -> Result<Self> {
        Ok(Self {
            namespace: ground.cluster().namespace("demo").await?,
            ground: ground.clone(),
        })
    }

    /// The cluster that it is in.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// kubectl in the scene's namespace.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(self.ground.cluster(), self.namespace.name())
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Tells how somebody gets at the namespace, and at all that only this process reaches, from another terminal.
    pub fn invite(&self, teller: &Teller) {
        let name = self.namespace.name();
        teller.typed(&format!(
            "alias kubectl='{} --namespace {name}'",
            self.kubectl().program()
        ));
        let kubeconfig: &Path = match &*self.ground {
            Ground::Pods(pods) => {
                teller.typed(&format!("alias inside='{}'", pods.way_in()));
                pods.kubeconfig()
            }
            ground => ground.cluster().kubeconfig(),
        };
        teller.typed(&format!("export KUBECONFIG={}", kubeconfig.display()));
    }

    /// A command for that terminal, which has to be run where this process is.
    pub fn inside(&self, command: &str) -> String {
        match &*self.ground {
            Ground::Pods(_) => format!("inside {command}"),
            _ => command.to_owned(),
        }
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
        teller.happened("nothing is left but the kinds: other objects may need them");
        Ok(())
    }
}
