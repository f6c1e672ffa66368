//! The charts as Helm renders them, for tests.

mod helm;
mod kubeconform;
mod promtool;
mod rendered;
mod schemas;
mod source;

pub mod matrix;
pub mod others;

pub use helm::{Helm, KUBERNETES, WAITING, helms};
pub use kubeconform::Kubeconform;
pub use promtool::Promtool;
pub use rendered::Rendered;
pub use source::{Links, copy};

use std::path::{Path, PathBuf};

/// The chart of this name; a path to one elsewhere stays as it is.
pub fn chart(name: &str) -> PathBuf {
    root().join("charts").join(name)
}

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
