//! Rust from `proto/`, by a compiler in Rust: no `protoc` on any machine.

use std::error::Error;

const ROOT: &str = "../../proto";
const FILES: [&str; 1] = ["operator/replicas/v1alpha1/replicas.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}/operator");
    tonic_prost_build::configure().compile_fds(protox::compile(FILES, [ROOT])?)?;
    Ok(())
}
