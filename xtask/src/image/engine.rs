//! What builds images.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use xshell::{Cmd, Shell};

use super::platform::Platform;

/// The time of everything in an image, in seconds since 1970. Not a commit's: engines take layers of earlier ones again, as
/// they are.
const TIME: &str = "0";

/// A program that builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Docker,
    Podman,
    Buildah,
}

/// What is built.
pub struct Build<'a> {
    pub dockerfile: &'a Path,
    pub context: &'a Path,
    /// Name and tag.
    pub name: &'a str,
    pub arguments: Vec<(&'static str, String)>,
    pub labels: Vec<(&'static str, String)>,
    pub platform: Option<Platform>,
    /// Whether base images may come from a registry.
    pub may_pull: bool,
}

impl Engine {
    /// The one that is wanted, or else the first that works, on bases that it has made itself where they are `local`.
    ///
    /// # Errors
    /// When none does; the message says why.
    pub fn find(sh: &Shell, wanted: Option<Self>, local: bool) -> Result<Self> {
        if let Some(engine) = wanted {
            engine.works(sh, local)?;
            return Ok(engine);
        }
        let mut faults = Vec::new();
        for &engine in Self::value_variants() {
            match engine.works(sh, local) {
                Ok(()) => return Ok(engine),
                Err(why) => faults.push(why.to_string()),
            }
        }
        bail!(
            "nothing builds images here. Debian has buildah as a package, and it needs no service\n  {}",
            faults.join("\n  ")
        )
    }

    fn works(self, sh: &Shell, local: bool) -> Result<()> {
        let name = self.program();
        let said = |arguments: &[&str]| {
            let command = self.command(sh).args(arguments);
            command.ignore_stderr().read().ok()
        };
        ensure!(
            said(&["info"]).is_some(),
            "{name} does not work; see `{name} info`"
        );
        if self == Self::Docker {
            let builder = said(&["buildx", "inspect"]);
            let builder = builder.context("docker has no buildx, which makes OCI archives")?;
            let store = said(&["info", "--format", "{{.DriverStatus}}"]);
            docker_fits(&builder, &store.unwrap_or_default(), local)?;
        }
        Ok(())
    }

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    fn command(self, sh: &Shell) -> Cmd<'_> {
        let command = sh.cmd(self.program()).quiet();
        // What is built is ours: it needs no container of its own, which many machines do not let it have.
        let says = env::var_os("BUILDAH_ISOLATION").is_some();
        if self == Self::Buildah && !says {
            return command.env("BUILDAH_ISOLATION", "chroot");
        }
        command
    }

    /// The program's name and version.
    ///
    /// # Errors
    /// When it does not say.
    pub fn version(self, sh: &Shell) -> Result<String> {
        let said = self.command(sh).arg("--version").read()?;
        let version = said
            .split_whitespace()
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
            .with_context(|| format!("no version in {said:?}"))?;
        Ok(format!(
            "{} {}",
            self.program(),
            version.trim_end_matches(',')
        ))
    }

    /// Whether it has an image.
    pub fn has(self, sh: &Shell, name: &str) -> bool {
        let arguments: &[&str] = match self {
            Self::Docker | Self::Podman => &["image", "inspect", name],
            Self::Buildah => &["inspect", "--type", "image", name],
        };
        let command = self.command(sh).args(arguments);
        command.ignore_stdout().ignore_stderr().run().is_ok()
    }

    /// Builds an image, `anew` without what it remembers of earlier builds.
    ///
    /// # Errors
    /// When it cannot; the terminal shows why.
    pub fn build(self, sh: &Shell, build: &Build, anew: bool) -> Result<()> {
        let command = self
            .command(sh)
            .args(self.arguments(build))
            .args((self == Self::Docker).then_some("--load"))
            .args(anew.then_some("--no-cache"));
        Ok(command.arg(build.context).run()?)
    }

    /// Writes an image that was built to an OCI archive.
    ///
    /// # Errors
    /// When it cannot; the terminal shows why.
    pub fn archive(self, sh: &Shell, build: &Build, file: &Path) -> Result<()> {
        sh.remove_path(file)?;
        let mut to = OsString::new();
        let command = match self {
            // Of what it remembers: nothing is built.
            Self::Docker => {
                to.push("type=oci,rewrite-timestamp=true,dest=");
                to.push(file);
                let command = self.command(sh).args(self.arguments(build));
                command.arg("--output").arg(to).arg(build.context)
            }
            Self::Podman | Self::Buildah => {
                to.push("oci-archive:");
                to.push(file);
                to.push(format!(":{}", build.name));
                self.command(sh)
                    .args(["push", "--quiet", build.name])
                    .arg(to)
            }
        };
        Ok(command.run()?)
    }

    /// Whether an operator's program starts in its image, as far as telling its version.
    ///
    /// # Errors
    /// When it does not, or is not the one that was built.
    pub fn starts(self, sh: &Shell, name: &str, operator: &str) -> Result<()> {
        let said = match self {
            Self::Docker | Self::Podman => self
                .command(sh)
                .args(["run", "--rm", "--read-only", "--network=none", name])
                .arg("--version")
                .read(),
            Self::Buildah => {
                let container = self
                    .command(sh)
                    .args(["from", "--pull=never", name])
                    .read()?;
                let program = format!("/{operator}");
                let said = self
                    .command(sh)
                    .args(["run", &container, "--", &program, "--version"])
                    .read();
                self.command(sh)
                    .args(["rm", &container])
                    .ignore_stdout()
                    .run()?;
                said
            }
        };
        let said = said.with_context(|| format!("{operator} does not start in its image"))?;
        let wanted = name.replace(':', " ");
        ensure!(said == wanted, "{name} says that it is {said:?}");
        Ok(())
    }

    /// The arguments of a build, but for its context.
    fn arguments(self, build: &Build) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut say = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        match self {
            Self::Docker => {
                let epoch = format!("SOURCE_DATE_EPOCH={TIME}");
                say(&["buildx", "build", "--provenance=false"]);
                say(&["--build-arg", &epoch]);
            }
            Self::Podman | Self::Buildah => say(&["build", "--layers", "--timestamp", TIME]),
        }
        say(&["--tag", build.name]);
        for (name, value) in &build.arguments {
            say(&["--build-arg", &format!("{name}={value}")]);
        }
        for (name, value) in &build.labels {
            say(&["--label", &format!("{name}={value}")]);
        }
        if let Some(platform) = build.platform {
            say(&["--platform", platform.name()]);
        }
        if !build.may_pull {
            say(&["--pull=false"]);
        }
        arguments.extend(["--file".into(), build.dockerfile.into()]);
        arguments
    }
}

/// Whether docker can write OCI archives, by what it tells of its builder and of where it keeps images; and whether that
/// builder sees the images that are kept, if the bases are `local`. Both would show at the end of a build.
fn docker_fits(builder: &str, store: &str, local: bool) -> Result<()> {
    let driver = builder
        .lines()
        .find_map(|line| line.strip_prefix("Driver:"));
    let driver = driver.unwrap_or_default().trim();
    let is_own = driver == "docker";
    ensure!(
        !is_own || store.contains("io.containerd.snapshotter"),
        "docker's own builder writes no OCI archive of images as docker keeps them: turn on its containerd image store, \
         or have another builder (`docker buildx create --use`)"
    );
    ensure!(
        is_own || !local,
        "docker's builder is of the driver {driver:?}, which does not see images that were made here: with --local-bases \
         it has to be docker's own (`docker buildx use default`)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_is_taken_where_it_can_write_what_is_wanted() {
        let own = "Name:          default\nDriver:        docker\n\nNodes:\nName: default";
        let container = "Name: one\nDriver: docker-container\n\nNodes:\nDriver Options: a=b";
        let containerd = "[[driver-type io.containerd.snapshotter.v1]]";
        let earlier = "[[Backing Filesystem extfs] [Supports d_type true]]";
        for (builder, store, local, fits) in [
            (own, containerd, false, true),
            (own, containerd, true, true),
            (own, earlier, false, false),
            (own, "", true, false),
            (container, earlier, false, true),
            (container, containerd, false, true),
            (container, containerd, true, false),
        ] {
            let found = docker_fits(builder, store, local);
            assert_eq!(found.is_ok(), fits, "{builder} {store} {local}: {found:?}");
        }
    }

    #[test]
    fn every_engine_is_told_the_same_in_its_own_words() {
        let build = Build {
            dockerfile: Path::new("/source/Dockerfile.a"),
            context: Path::new("/source"),
            name: "a-operator:1.0.0",
            arguments: vec![("BUILDER", "rust:1".to_owned())],
            labels: vec![("revision", "abc".to_owned())],
            platform: Some(Platform::Arm64),
            may_pull: false,
        };
        let said = |engine: Engine| {
            let words = engine.arguments(&build);
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        };
        let same = "--tag a-operator:1.0.0 --build-arg BUILDER=rust:1 --label revision=abc \
                    --platform linux/arm64 --pull=false --file /source/Dockerfile.a";
        assert_eq!(
            said(Engine::Buildah),
            format!("build --layers --timestamp 0 {same}")
        );
        assert_eq!(said(Engine::Podman), said(Engine::Buildah));
        assert_eq!(
            said(Engine::Docker),
            format!("buildx build --provenance=false --build-arg SOURCE_DATE_EPOCH=0 {same}")
        );
    }
}
