//! Why settings were refused.

use std::{fmt, io, path::PathBuf, process};

/// A setting by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the environment and in a mounted ConfigMap, if it can be given there.
    pub environment: Option<String>,
    /// Its flag with the dashes, if it has one.
    pub flag: Option<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// A file: of the mounted ConfigMap, or one that describes this machine.
    File(PathBuf),
}

/// Why an operator does not start with the settings that it was given. A setting holds no secret (those come
/// from Secrets), so the value is shown; one that may, as the URL of a proxy, has a parser that takes everything.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an error: `--help` or `--version` was asked for.
    #[error("{0}")]
    Information(String),
    /// The command line could not be understood.
    #[error("{0}")]
    Usage(String),
    /// A value is not allowed.
    #[error("{setting}: {value:?} {origin} is not allowed; allowed: {allowed}")]
    Value {
        /// The setting.
        setting: Setting,
        /// Its value.
        value: String,
        /// Where it came from.
        origin: Origin,
        /// What would be allowed.
        allowed: String,
    },
    /// A value is not text.
    #[error("{setting}: the value {origin} is not UTF-8 text")]
    NotText {
        /// The setting.
        setting: Setting,
        /// Where it came from.
        origin: Origin,
    },
    /// A setting without a default is missing.
    #[error("{0} must be set: by flag, in the environment or in the mounted ConfigMap")]
    Missing(Setting),
    /// Values that are allowed one by one contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The mounted ConfigMap cannot be read.
    #[error("CONFIG_DIR (--config-dir): cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
}

impl ConfigError {
    /// The process's exit code: 0 for what was asked for, 2 for settings that are refused.
    pub fn exit_code(&self) -> i32 {
        if matches!(self, Self::Information(_)) {
            0
        } else {
            2
        }
    }

    /// Prints the text, to standard output if it was asked for, and ends the process.
    pub fn exit(&self) -> ! {
        if matches!(self, Self::Information(_)) {
            print!("{self}");
        } else {
            eprintln!("error: {self}\n\nFor the settings and their defaults try '--help'.");
        }
        process::exit(self.exit_code())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.environment, &self.flag) {
            (Some(name), Some(flag)) => write!(f, "{name} ({flag})"),
            (Some(name), None) | (None, Some(name)) => f.write_str(name),
            (None, None) => f.write_str("argument"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("on the command line"),
            Self::Environment => f.write_str("in the environment"),
            Self::File(path) => write!(f, "in the file {}", path.display()),
        }
    }
}
