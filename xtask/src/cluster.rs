//! A cluster whose Pods run, for work by hand.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::project::Project;

/// The node's program that runs a control plane and a node.
const PROGRAM: &str = "cluster";

/// Start a control plane and a node that runs Pods as processes, until Ctrl-C.
///
/// Prints the line `export KUBECONFIG=...` when it takes Pods. Every image that is called
/// like one of the operators is this tree's. It takes root, or user namespaces for everybody.
#[derive(Args)]
pub struct Cluster {}

impl Cluster {
    pub fn run(self, project: &Project) -> Result<()> {
        let operators = project.operators()?;
        let mut programs = vec![PROGRAM];
        programs.extend(operators.iter().map(String::as_str));
        project.build(&programs)?;
        let images = operators.iter().map(|operator| {
            let mut image = OsString::from(format!("--image={operator}="));
            image.push(project.program(operator));
            image
        });
        project.exec(PROGRAM, images, &[])
    }
}
