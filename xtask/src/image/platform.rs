//! What an image runs on.

use std::env::consts::ARCH;

use anyhow::{Result, bail};
use clap::ValueEnum;

/// A platform, as images name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    #[value(name = "linux/amd64")]
    Amd64,
    #[value(name = "linux/arm64")]
    Arm64,
}

impl Platform {
    /// That of this machine.
    ///
    /// # Errors
    /// Where it is none that images are made for.
    pub fn here() -> Result<Self> {
        match ARCH {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            other => bail!("images are made for x86_64 and aarch64; this machine is {other}"),
        }
    }

    /// As in `linux/amd64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }

    /// As in `amd64`.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}
