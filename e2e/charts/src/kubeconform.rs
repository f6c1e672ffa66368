//! kubeconform, by which many check manifests where there is no cluster.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::Cluster;
use harness::scratch::Scratch;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tools::KUBECONFORM;

use crate::{Rendered, schemas};

/// The program with schemas; what they do not know it refuses.
#[derive(Debug)]
pub struct Kubeconform {
    program: PathBuf,
    schemas: Scratch,
}

impl Kubeconform {
    /// It knows what this cluster serves itself, and these definitions.
    ///
    /// # Errors
    /// When it cannot be built, or the cluster does not tell.
    pub fn new(cluster: &Cluster, definitions: &[CustomResourceDefinition]) -> Result<Self> {
        let program = KUBECONFORM.program()?;
        let folder = Scratch::new("schemas")?;
        let mut kubectl = cluster.kubectl();
        kubectl.args(["get", "--raw", "/openapi/v2"]);
        let answer = kubectl.output().context("cannot run kubectl")?;
        let said = String::from_utf8_lossy(&answer.stderr);
        ensure!(answer.status.success(), "kubectl: {said}");
        schemas::of_server(serde_json::from_slice(&answer.stdout)?, folder.path())?;
        for definition in definitions {
            schemas::of_definition(definition, folder.path())?;
        }
        Ok(Self {
            program,
            schemas: folder,
        })
    }

    /// Whether all objects of these manifests, each with a name, are as the schemas of their kinds want them.
    ///
    /// # Errors
    /// What it finds.
    pub fn check(&self, manifests: &[(String, Rendered)]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        for (name, rendered) in manifests {
            fs::write(
                folder.path().join(format!("{name}.yaml")),
                rendered.stream(),
            )?;
        }
        let mut check = Command::new(&self.program);
        check
            .args(["-strict", "-summary", "-schema-location"])
            .arg(self.schemas.path().join(schemas::NAMED))
            .arg(folder.path())
            // It would read a pipe instead of the folder.
            .stdin(Stdio::null());
        let answer = check.output().context("cannot run kubeconform")?;
        let said = [&answer.stdout, &answer.stderr].map(|it| String::from_utf8_lossy(it));
        let said = said.concat();
        let count: usize = manifests.iter().map(|(_, it)| it.all().count()).sum();
        let all = format!("Valid: {count}, Invalid: 0, Errors: 0, Skipped: 0");
        ensure!(
            answer.status.success() && said.contains(&all),
            "kubeconform on {count} objects: {said}"
        );
        Ok(())
    }
}
