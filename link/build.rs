//! How the program of an operator is linked: the build script of each.

use std::{env, path::Path};

/// Relocations are read at the start and stay in memory: packed they take kilobytes in place of a megabyte. A program with
/// them needs glibc 2.36, as its image has; what developers run need not be of a machine as new.
const PACKED: &str = "-z,pack-relative-relocs";
/// What `cloud-operator` hardly runs at rest lies together. lld, which Rust brings, and GNU ld read such scripts; other
/// linkers may not.
const SELDOM: &str = "seldom.ld";

fn main() {
    let operator = env::var("CARGO_MANIFEST_DIR").expect("Cargo tells");
    let seldom = Path::new(&operator).join("../../link").join(SELDOM);
    println!("cargo::rerun-if-changed={}", seldom.display());
    let is = |name, value: &str| env::var(name).is_ok_and(|it| it == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        println!("cargo::rustc-link-arg-bins=-Wl,{PACKED}");
        println!("cargo::rustc-link-arg-bins=-T{}", seldom.display());
    }
}
