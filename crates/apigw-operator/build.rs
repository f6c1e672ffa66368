//! How the program is linked.

use std::env;

/// Relocations are read at the start and stay in memory: packed they take kilobytes in place of a megabyte. A program with
/// them needs glibc 2.36, as its image has; what developers run need not be of a machine as new.
const PACKED: &str = "cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name, value: &str| env::var(name).is_ok_and(|it| it == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        println!("{PACKED}");
    }
}
