//! Rust from `proto/`, by a compiler in Rust: no `protoc` on any machine.

use std::error::Error;

const ROOT: &str = "../../proto";
const FILES: [&str; 1] = ["avapigw/operator/v1alpha1/configuration.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let files = protox::compile(FILES, [ROOT])?;
    tonic_prost_build::configure()
        .bytes(".avapigw.operator.v1alpha1.ConfigurationResource.spec_json")
        .compile_fds(files)?;
    Ok(())
}
