//! Building the control plane with Go, once for each release and version of its module.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{MissedTickBehavior, interval};

use super::release::Release;
use crate::process::{self, Child};
use crate::progress::say;

/// The multi-call binary, and the names by which it is called.
const BINARY: &str = "control-plane";
const NAMES: [&str; 5] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
];

/// What the `go` line of the module asks for.
pub(super) const GO_NEEDED: GoVersion = GoVersion(1, 26);

/// A Go release's major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GoVersion(u32, u32);

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl GoVersion {
    /// Reads what `go env GOVERSION` prints: `go1.26.8`, `go1.27rc1`, `devel go1.28-abcdef`.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text
            .split_whitespace()
            .find_map(|word| word.strip_prefix("go"))?;
        let (major, rest) = numbers.split_once('.')?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        Some(Self(major.parse().ok()?, rest[..end].parse().ok()?))
    }
}

/// Asks a `go` program for its version.
pub(super) async fn go_version(go: &Path) -> Result<GoVersion> {
    let output = tokio::process::Command::new(go)
        .args(["env", "GOVERSION"])
        .output()
        .await
        .with_context(|| format!("cannot run {}", go.display()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    GoVersion::parse(&answer).with_context(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!(
            "`{} env GOVERSION` answered {answer:?} {complaint}",
            go.display()
        )
    })
}

/// The name of the cache folder: everything that the build depends on, but not Go's version, so
/// that neither a patch release nor a machine without Go asks for another build.
pub(super) fn key(release: Release) -> String {
    let flags = build_flags(release).join(" ");
    let module = release.module();
    let parts = module
        .iter()
        .map(|(_, text)| *text)
        .chain([flags.as_str(), std::env::consts::ARCH]);
    format!("{}-{:016x}", release.version(), fnv1a(parts))
}

/// Builds into `folder`, unless somebody else just did. Only one process builds at a time.
pub(super) async fn into_cache(go: &Path, release: Release, folder: &Path) -> Result<()> {
    let cache = folder.parent().context("a cache folder has a parent")?;
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let _turn = turn(&beside(folder, "lock")).await?;
    if folder.exists() {
        return Ok(());
    }
    let work = beside(folder, "building");
    // A builder that was killed has left its own.
    let _ = fs::remove_dir_all(&work);
    let built = work.join("bin");
    fs::create_dir_all(&built).with_context(|| format!("cannot make {}", built.display()))?;
    for (name, text) in release.module() {
        fs::write(work.join(name), text)?;
    }

    let mut command = Command::new(go);
    command
        .arg("build")
        .args(build_flags(release))
        .arg("-o")
        .arg(built.join(BINARY))
        .arg(".")
        .current_dir(&work)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env("GOWORK", "off");
    let build = process::spawn(command, &work.join("build.log"))?;
    let status = watch(&build, release).await;
    if !status.success() {
        bail!(
            "the control plane cannot be built: `go build` ended with {status}; the end of {}:\n{}",
            build.log().display(),
            build.log_tail(30)
        );
    }
    for name in NAMES {
        symlink(BINARY, built.join(name))?;
    }
    fs::rename(&built, folder)
        .with_context(|| format!("cannot move the build to {}", folder.display()))?;
    let _ = fs::remove_dir_all(&work);
    Ok(())
}

/// `FOLDER.SUFFIX`; a version has dots, so that `with_extension` would cut it.
fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Waits for the lock that a builder holds, and says so.
async fn turn(lock: &Path) -> Result<File> {
    let file = File::create(lock).with_context(|| format!("cannot write {}", lock.display()))?;
    let mut seconds = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("cannot lock {}", lock.display()));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if seconds % 10 == 0 {
            say(&format!(
                "another process builds the control plane; waiting for it, {seconds} s"
            ));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
    }
}

/// Waits for the build's end with a line of progress every few seconds.
async fn watch(build: &Child, release: Release) -> std::process::ExitStatus {
    const PACE: Duration = Duration::from_secs(5);
    say(&format!(
        "building the control plane (Kubernetes {}) with Go, once; this takes some minutes",
        release.version()
    ));
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut elapsed = Duration::ZERO;
    loop {
        tokio::select! {
            status = build.wait() => return status,
            _ = ticks.tick() => {
                elapsed += PACE;
                let log = fs::read_to_string(build.log()).unwrap_or_default();
                say(&progress(elapsed, &log));
            }
        }
    }
}

/// Sums up what `go build -v` has printed: a line for each module fetched and package compiled.
fn progress(elapsed: Duration, log: &str) -> String {
    let seconds = elapsed.as_secs();
    let (fetched, compiled): (Vec<&str>, Vec<&str>) = log
        .lines()
        .partition(|line| line.starts_with("go: downloading "));
    let doing = match (compiled.last(), fetched.len()) {
        (Some(package), _) => format!("{} packages compiled, at {package}", compiled.len()),
        (None, 0) => "go reads its cache, or links".into(),
        (None, modules) => format!("{modules} modules downloaded"),
    };
    format!(
        "building the control plane: {}:{:02}, {doing}",
        seconds / 60,
        seconds % 60
    )
}

fn build_flags(release: Release) -> Vec<String> {
    let version = release.version();
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let stamp = "k8s.io/component-base/version";
    let ldflags = format!(
        "-s -w -X {stamp}.gitVersion={version} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    );
    [
        "-v",
        "-trimpath",
        "-buildvcs=false",
        "-mod=readonly",
        "-ldflags",
    ]
    .map(String::from)
    .into_iter()
    .chain([ldflags])
    .collect()
}

/// FNV-1a: the standard library's hasher may change with the compiler, and a cache with it.
fn fnv1a<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // 0xff never occurs in UTF-8: it keeps "ab", "c" apart from "a", "bc".
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_are_read_in_every_form() {
        for (text, version) in [
            ("go1.26.8\n", GoVersion(1, 26)),
            ("go1.27rc1", GoVersion(1, 27)),
            ("devel go1.28-1a2b3c Tue", GoVersion(1, 28)),
            ("go2.0", GoVersion(2, 0)),
        ] {
            assert_eq!(GoVersion::parse(text), Some(version), "{text}");
        }
        assert_eq!(GoVersion::parse("command not found"), None);
        assert!(GoVersion(1, 9) < GO_NEEDED && GO_NEEDED < GoVersion(2, 0));
    }

    #[test]
    fn programs_say_the_version_of_their_module() {
        for release in [Release::Newest, Release::Oldest] {
            let (flags, version) = (build_flags(release), release.version());
            let stamp = format!("gitVersion={version} ");
            assert!(flags.last().unwrap().contains(&stamp), "{flags:?}");
            assert!(key(release).starts_with(version));
        }
    }

    #[test]
    fn the_key_depends_on_every_part_and_its_place() {
        let hash = |parts: &[&'static str]| fnv1a(parts.iter().copied());
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_eq!(hash(&["a"]), hash(&["a"]));
    }

    #[test]
    fn progress_tells_what_go_is_doing() {
        let at = Duration::from_secs(65);
        let line = progress(at, "go: downloading a v1\ngo: downloading b v1\n");
        assert_eq!(
            line,
            "building the control plane: 1:05, 2 modules downloaded"
        );
        let line = progress(at, "go: downloading a v1\nk8s.io/api\nk8s.io/apiserver\n");
        assert_eq!(
            line,
            "building the control plane: 1:05, 2 packages compiled, at k8s.io/apiserver"
        );
    }
}
