//! The charts as Helm renders them, for tests.

mod helm;
mod promtool;
mod rendered;
mod source;

pub mod matrix;

pub use helm::{Helm, KUBERNETES, helms};
pub use promtool::Promtool;
pub use rendered::Rendered;
pub use source::{Links, copy};

use std::path::{Path, PathBuf};

/// The chart of this name.
pub fn chart(name: &str) -> PathBuf {
    root().join("charts").join(name)
}

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
