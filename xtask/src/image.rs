//! The image of an operator.

mod archive;
mod bases;
mod engine;
mod local;
mod platform;
mod record;
mod source;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Args;
use xshell::Shell;

use self::archive::Archive;
use self::bases::Bases;
use self::engine::{Build, Engine};
use self::platform::Platform;
use self::source::Source;
use crate::project::Project;
use crate::sbom::{self, closure::Closure};

/// Where archives go.
const MADE: &str = "target/images";

/// The folder of the source whose files go into the image beside the licence.
const TOLD: &str = "image/doc";

/// The version of all operators, which is the project's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Build the image of an operator, of the last commit: an OCI archive in `target/images`.
///
/// The first time takes many minutes. Another commit with the same dependencies takes fewer.
#[derive(Args)]
pub struct Image {
    /// The operator, for example `cloud-operator` or only `cloud`
    operator: String,

    /// What builds it: by default the first of these that works here
    #[arg(long, value_enum)]
    engine: Option<Engine>,

    /// Where no registry is at hand: make the base images of Debian's packages and this machine's Rust (needs mmdebstrap)
    #[arg(long, conflicts_with_all = ["builder", "base"])]
    local_bases: bool,

    /// The image that the program is built in, in place of the Dockerfile's, as in `rust@sha256:…`
    #[arg(long, value_name = "IMAGE")]
    builder: Option<String>,

    /// The image that libc is taken of, in place of the Dockerfile's, as in `debian@sha256:…`
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// What it runs on: by default machines like this one; `linux/arm64` was never tried
    #[arg(long, value_enum)]
    platform: Option<Platform>,

    /// Where the source is to be had, for the image's label
    #[arg(long, value_name = "URL")]
    source: Option<String>,

    /// Build it once more, from nothing, and fail if that is not the same image
    #[arg(long)]
    twice: bool,

    /// Write its size to docs/benchmarks/images.md
    #[arg(long)]
    record: bool,
}

impl Image {
    pub fn run(self, project: &Project) -> Result<()> {
        let sh = &project.shell;
        let operator = project.operator(&self.operator)?;
        let engine = Engine::find(sh, self.engine, self.local_bases)?;
        let here = Platform::here()?;
        let platform = self.platform.unwrap_or(here);
        ensure!(
            !self.local_bases || platform == here,
            "--local-bases makes images for {} alone, as this machine's Rust does; --platform is {}",
            here.name(),
            platform.name()
        );
        let source = Source::head(sh)?;
        let program = made_of(sh, &operator, &source)?;
        let dockerfile = source.folder().join(dockerfile(&operator));
        let bases = self.bases(sh, engine, &source, &dockerfile)?;

        let name = name(&operator);
        let build = Build {
            dockerfile: &dockerfile,
            context: source.folder(),
            name: &name,
            arguments: bases.arguments(),
            labels: self.labels(&source, &bases),
            platform: self.platform,
            may_pull: !self.local_bases,
        };
        println!(
            "Building {name} of commit {}, by {}, {} ...",
            source.commit,
            engine.program(),
            bases.described()
        );
        engine.build(sh, &build, false).with_context(|| {
            if self.local_bases {
                "the image cannot be built".to_owned()
            } else {
                format!(
                    "the image cannot be built; where it says that {} or {} cannot be pulled: --local-bases does without",
                    bases.builder, bases.base
                )
            }
        })?;
        engine.starts(sh, &name, &operator)?;

        sh.create_dir(MADE)?;
        let file = format!("{operator}-{VERSION}-{}.tar", platform.architecture());
        let file = sh.current_dir().join(MADE).join(file);
        engine.archive(sh, &build, &file)?;
        let archive = Archive::read(sh, &file)?;
        archive.check(&operator)?;
        if self.twice {
            again(sh, engine, &build, &archive)?;
        }

        let size = record::Size::of(&program, &archive);
        println!("{}: {name}, {}", file.display(), archive.digest);
        println!("{size}");
        if self.record {
            let how = format!("{}, {}", engine.version(sh)?, bases.described());
            record::write(sh, &operator, platform, &size, &source.commit, &how)?;
        }
        Ok(())
    }

    fn bases(
        &self,
        sh: &Shell,
        engine: Engine,
        source: &Source,
        dockerfile: &Path,
    ) -> Result<Bases> {
        let mut bases = Bases::of(&sh.read_file(dockerfile)?)?;
        if self.local_bases {
            return bases.made_here(sh, engine, source);
        }
        if let Some(builder) = &self.builder {
            bases.builder.clone_from(builder);
        }
        if let Some(base) = &self.base {
            bases.base.clone_from(base);
        }
        Ok(bases)
    }

    /// What the Dockerfile cannot say of the image, under the names that the OCI gives them.
    fn labels(&self, source: &Source, bases: &Bases) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("org.opencontainers.image.version", VERSION.to_owned()),
            ("org.opencontainers.image.revision", source.commit.clone()),
            ("org.opencontainers.image.created", source.time.clone()),
            ("org.opencontainers.image.base.name", bases.base.clone()),
        ];
        labels.extend(
            self.source
                .clone()
                .map(|url| ("org.opencontainers.image.source", url)),
        );
        labels
    }
}

/// Tells what the program is made of, in the source, from where it gets into the image.
fn made_of(sh: &Shell, operator: &str, source: &Source) -> Result<Closure> {
    let _there = sh.push_dir(source.folder());
    let program = Closure::of(sh, operator)?;
    sbom::write(sh, &program, Some(&source.time), TOLD)?;
    Ok(program)
}

/// Builds the image from nothing.
///
/// # Errors
/// Where it comes out otherwise than before.
fn again(sh: &Shell, engine: Engine, build: &Build, before: &Archive) -> Result<()> {
    println!("Building it once more, from nothing ...");
    engine.build(sh, build, true)?;
    let folder = sh.create_temp_dir()?;
    let file = folder.path().join("again.tar");
    engine.archive(sh, build, &file)?;
    let after = Archive::read(sh, &file)?;
    ensure!(
        before.digest == after.digest,
        "two builds of one commit are not the same image: {}",
        before.difference(&after)
    );
    println!("The same image: {}", after.digest);
    Ok(())
}

/// What an operator's image is called; its chart asks for that.
fn name(operator: &str) -> String {
    format!("{operator}:{VERSION}")
}

/// The name of an operator's Dockerfile.
fn dockerfile(operator: &str) -> String {
    let short = operator.strip_suffix("-operator").unwrap_or(operator);
    format!("Dockerfile.{short}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use xshell::cmd;

    use super::*;
    use crate::gen_charts::CHARTS;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn read(file: &str) -> String {
        fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    #[test]
    fn the_dockerfiles_differ_by_the_operators_name_alone() {
        let general = |operator: &str| {
            let short = operator.strip_suffix("-operator").expect("an operator");
            let text = read(&dockerfile(operator));
            assert!(text.contains(operator), "{operator}: {text}");
            text.replace(operator, "NAME-operator")
                .replace(&format!("xtask image {short}`"), "xtask image NAME`")
        };
        let all = CHARTS.map(|chart| general(chart.name));
        for (chart, text) in CHARTS.iter().zip(&all) {
            assert_eq!(*text, all[0], "{}", chart.name);
        }
    }

    #[test]
    fn charts_ask_for_images_as_they_are_called() {
        for chart in CHARTS {
            let values = read(&format!("charts/{}/values.yaml", chart.name));
            let about = read(&format!("charts/{}/Chart.yaml", chart.name));
            let value = |text: &str, key: &str| {
                let found = text.lines().find_map(|it| it.trim().strip_prefix(key));
                found.expect("it has one").trim_matches('"').to_owned()
            };
            let repository = value(&values, "repository: ");
            let asked = format!("{repository}:{}", value(&about, "appVersion: "));
            assert_eq!(asked, name(chart.name));
            assert!(values.contains("\n  tag: \"\"\n"), "{values}");
        }
    }

    #[test]
    fn programs_are_built_by_the_projects_rust_on_the_debian_whose_libc_they_get() {
        let bases = Bases::of(&read("Dockerfile.cloud")).unwrap();
        let toolchain = read("rust-toolchain.toml");
        let (rust, debian) = bases.rust_and_debian().unwrap();
        assert!(
            toolchain.contains(&format!("channel = \"{rust}\"")),
            "{rust}"
        );
        assert_eq!(bases.base, format!("debian:{debian}-slim"));
    }

    #[test]
    fn what_is_left_for_the_dependencies_is_a_workspace_to_cargo() {
        let sh = Shell::new().unwrap();
        sh.change_dir(root());
        let folder = sh.create_temp_dir().unwrap();
        let copy = folder.path();
        let ignored = read(".dockerignore");
        let kept = ignored.lines().filter_map(|line| line.strip_prefix('!'));
        let files = cmd!(sh, "git ls-files {kept...}").quiet().read().unwrap();
        let files = files.lines().filter(|file| root().join(file).is_file());
        cmd!(sh, "cp --parents {files...} {copy}")
            .quiet()
            .run()
            .unwrap();
        sh.change_dir(copy);
        cmd!(sh, "sh image/skeleton.sh").quiet().run().unwrap();

        let known = cmd!(sh, "cargo metadata --no-deps --offline --format-version 1")
            .quiet()
            .read()
            .unwrap();
        let known: serde_json::Value = serde_json::from_str(&known).unwrap();
        let packages = known["packages"].as_array().unwrap();
        for chart in CHARTS {
            let operator = packages.iter().find(|it| it["name"] == chart.name);
            let targets = operator.expect("a package")["targets"].as_array().unwrap();
            let of_kind = |kind: &str| targets.iter().find(|it| it["kind"][0] == kind);
            for kind in ["lib", "bin", "custom-build"] {
                let target = of_kind(kind).unwrap_or_else(|| panic!("{kind} of {}", chart.name));
                let source = target["src_path"].as_str().unwrap();
                assert!(Path::new(source).is_file(), "{source}");
            }
        }
        let left = cmd!(sh, "find . -name *.rs").quiet().read().unwrap();
        for file in left.lines() {
            assert_eq!(sh.read_file(file).unwrap(), "fn main() {}\n", "{file}");
        }
        assert!(!left.contains("/config.rs"), "{left}");
    }
}
