//! The program around the library.

use std::process::ExitCode;

use apigw_operator::Config;
use operator_core::process::program;

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    program::main::<Config>()
}
