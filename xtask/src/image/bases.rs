//! The images that an operator's image is built in and made of.

use anyhow::{Context, Result};
use xshell::Shell;

use super::engine::Engine;
use super::local;
use super::source::Source;

/// The base images.
pub struct Bases {
    /// Rust on Debian.
    pub builder: String,
    /// The same Debian.
    pub base: String,
    made_here: bool,
}

impl Bases {
    /// Those that a Dockerfile names.
    ///
    /// # Errors
    /// Where it names none.
    pub fn of(dockerfile: &str) -> Result<Self> {
        let named = |argument: &str| {
            let start = format!("ARG {argument}=");
            let found = dockerfile
                .lines()
                .find_map(|line| line.strip_prefix(&start));
            found
                .map(str::to_owned)
                .with_context(|| format!("the Dockerfile has no line {start}IMAGE"))
        };
        Ok(Self {
            builder: named("BUILDER")?,
            base: named("BASE")?,
            made_here: false,
        })
    }

    /// The version of Rust and the name of Debian, as in `rust:1.95.0-bookworm`.
    ///
    /// # Errors
    /// Where the builder's name does not tell.
    pub fn rust_and_debian(&self) -> Result<(&str, &str)> {
        let tag = self.builder.strip_prefix("rust:");
        tag.and_then(|tag| tag.split_once('-'))
            .with_context(|| format!("BUILDER is {}, not rust:VERSION-DEBIAN", self.builder))
    }

    /// The same, made of Debian's packages and this machine's Rust.
    ///
    /// # Errors
    /// Where that fails; the terminal shows why.
    pub fn made_here(&self, sh: &Shell, engine: Engine, source: &Source) -> Result<Self> {
        let (rust, debian) = self.rust_and_debian()?;
        let (builder, base) = local::make(sh, engine, source, rust, debian)?;
        Ok(Self {
            builder,
            base,
            made_here: true,
        })
    }

    /// As a build is told.
    pub fn arguments(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BUILDER", self.builder.clone()),
            ("BASE", self.base.clone()),
        ]
    }

    /// In a few words.
    pub fn described(&self) -> String {
        if self.made_here {
            "on bases made of Debian's packages and this machine's Rust".to_owned()
        } else {
            format!("on {} and {}", self.builder, self.base)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_the_defaults_of_the_dockerfile() {
        let text =
            "# Rust.\nARG BUILDER=rust:1.2.3-trixie\nARG BASE=debian:trixie-slim\n\nFROM a\n";
        let bases = Bases::of(text).unwrap();
        assert_eq!(bases.rust_and_debian().unwrap(), ("1.2.3", "trixie"));
        assert_eq!(
            bases.described(),
            "on rust:1.2.3-trixie and debian:trixie-slim"
        );
        let Err(error) = Bases::of("ARG BUILDER=rust:1\n") else {
            panic!("there is no BASE");
        };
        assert_eq!(
            error.to_string(),
            "the Dockerfile has no line ARG BASE=IMAGE"
        );
    }
}
