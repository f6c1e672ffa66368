//! What a program was built of.

/// The source of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of the operator's crate.
    pub version: &'static str,
    /// The commit, with `-dirty` where the tree differed; `unknown` where nobody told.
    pub commit: &'static str,
    /// When the commit was made, so that a commit builds to the same program whenever that is done; `unknown` where nobody told.
    pub time: &'static str,
}

/// The [`Build`] of the crate that says this: `BUILD_COMMIT` and `BUILD_TIME` tell it while it is compiled.
#[doc(hidden)]
#[macro_export]
macro_rules! __build {
    () => {
        $crate::process::build::Build {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("BUILD_COMMIT").unwrap_or("unknown"),
            time: option_env!("BUILD_TIME").unwrap_or("unknown"),
        }
    };
}

#[doc(inline)]
pub use __build as build;
