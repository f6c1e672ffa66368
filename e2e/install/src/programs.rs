//! What Pods run.

use std::env;
use std::path::Path;
use std::process::{ExitCode, Termination};

use anyhow::Result;
use node::Images;
use operator_core::process::program;

const CLOUD_OPERATOR: &str = "cloud-operator";
const APIGW_OPERATOR: &str = "apigw-operator";
/// The image of the stand-in for AVAPIGW gateways.
pub const GATEWAY: &str = "gateway";

/// Runs what this process was called as, if that is the name of an image.
pub fn run_as_called() -> Option<ExitCode> {
    let called = env::args_os().next()?;
    match Path::new(&called).file_name()?.to_str()? {
        CLOUD_OPERATOR => Some(program::main::<cloud_operator::Config>()),
        APIGW_OPERATOR => Some(program::main::<apigw_operator::Config>()),
        GATEWAY => Some(gateway::program::main().report()),
        _ => None,
    }
}

/// All images, each by this program, whose `main` begins with [`run_as_called`].
///
/// # Errors
/// When the program's file cannot be told.
pub fn images() -> Result<Images> {
    let this = env::current_exe()?;
    let names = [CLOUD_OPERATOR, APIGW_OPERATOR, GATEWAY];
    let images = names.into_iter();
    Ok(images.fold(Images::default(), |images, name| images.with(name, &this)))
}
