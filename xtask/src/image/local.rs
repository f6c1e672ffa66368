//! Base images where no registry is at hand: Debian of its packages, Rust as it is on this machine, and the crates of the
//! lock. They are kept by the engine under names of `localhost/operator-suite`; one that is removed is made anew.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::engine::{Build, Engine};
use super::source::Source;

/// What crates with parts in C are built with, and whom the image trusts.
const PACKAGES: &str = "ca-certificates,gcc,libc6-dev,make";

/// Cargo's settings where crates lie in the image, so that a build needs no network.
const CARGO_SETTINGS: &str = r#"[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "/usr/local/cargo/vendor"

[net]
offline = true
"#;

/// The names of the images for `BUILDER` and `BASE`, made where they are not there yet.
///
/// # Errors
/// Where one cannot be made; the terminal shows why.
pub fn make(
    sh: &Shell,
    engine: Engine,
    source: &Source,
    rust: &str,
    debian: &str,
) -> Result<(String, String)> {
    let maker = Maker { sh, engine };
    let base = maker.debian(debian)?;
    let with_rust = maker.rust(rust, &base)?;
    Ok((maker.crates(source, &with_rust)?, base))
}

struct Maker<'a> {
    sh: &'a Shell,
    engine: Engine,
}

impl Maker<'_> {
    fn debian(&self, release: &str) -> Result<String> {
        let (sh, name) = (self.sh, local("debian", release));
        if self.engine.has(sh, &name) {
            return Ok(name);
        }
        println!("Making {name} of Debian's packages ...");
        let folder = sh.create_temp_dir()?;
        let archive = folder.path().join("debian.tar");
        cmd!(
            sh,
            "mmdebstrap --variant=essential --include={PACKAGES} {release} {archive}"
        )
        .quiet()
        .run()
        .context("mmdebstrap is the package of that name in Debian")?;
        self.image(&name, "FROM scratch\nADD debian.tar /\n", folder.path())?;
        Ok(name)
    }

    fn rust(&self, version: &str, base: &str) -> Result<String> {
        let sh = self.sh;
        let (_, release) = base.rsplit_once(':').context("a name has a tag")?;
        let name = local("rust", &format!("{version}-{release}"));
        if self.engine.has(sh, &name) {
            return Ok(name);
        }
        println!("Making {name} of this machine's Rust ...");
        let here = cmd!(sh, "rustc --version").quiet().read()?;
        ensure!(
            here.starts_with(&format!("rustc {version} ")),
            "images are built by Rust {version}; this machine has {here}"
        );
        let folder = cmd!(sh, "rustc --print sysroot").quiet().read()?;
        let folder = std::fs::canonicalize(folder)?;
        let dockerfile = format!(
            "FROM {base}\nENV CARGO_HOME=/usr/local/cargo\nCOPY bin/cargo bin/rustc /usr/local/bin/\nCOPY lib /usr/local/lib\n"
        );
        self.image(&name, &dockerfile, &folder)?;
        Ok(name)
    }

    fn crates(&self, source: &Source, with_rust: &str) -> Result<String> {
        let (sh, commit) = (self.sh, &source.commit);
        let lock = cmd!(sh, "git rev-parse --short=12 {commit}:Cargo.lock")
            .quiet()
            .read()?;
        let (_, rust) = with_rust.rsplit_once(':').context("a name has a tag")?;
        let name = local("rust-with-crates", &format!("{rust}-{lock}"));
        if self.engine.has(sh, &name) {
            return Ok(name);
        }
        println!("Making {name} of the crates in Cargo.lock ...");
        let folder = sh.create_temp_dir()?;
        let crates = folder.path().join("vendor");
        let manifest = source.folder().join("Cargo.toml");
        cmd!(
            sh,
            "cargo vendor --quiet --locked --versioned-dirs --manifest-path {manifest} {crates}"
        )
        .quiet()
        .ignore_stdout()
        .run()?;
        sh.write_file(folder.path().join("config.toml"), CARGO_SETTINGS)?;
        let dockerfile = format!("FROM {with_rust}\nCOPY . /usr/local/cargo/\n");
        self.image(&name, &dockerfile, folder.path())?;
        Ok(name)
    }

    fn image(&self, name: &str, dockerfile: &str, context: &Path) -> Result<()> {
        let folder = self.sh.create_temp_dir()?;
        let file = folder.path().join("Dockerfile");
        self.sh.write_file(&file, dockerfile)?;
        let build = Build {
            dockerfile: &file,
            context,
            name,
            arguments: Vec::new(),
            labels: Vec::new(),
            platform: None,
            may_pull: false,
        };
        self.engine.build(self.sh, &build, false)
    }
}

fn local(what: &str, tag: &str) -> String {
    format!("localhost/operator-suite/{what}:{tag}")
}
