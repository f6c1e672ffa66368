//! Where the control plane's programs come from.

mod build;
mod release;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};

pub use self::release::{RELEASE, Release};

/// The variable of controller-runtime's envtest: a folder with `etcd` and `kube-apiserver`.
pub const ASSETS: &str = "KUBEBUILDER_ASSETS";

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";
const SCHEDULER: &str = "kube-scheduler";
const KUBECTL: &str = "kubectl";

/// A folder that holds at least `etcd` and `kube-apiserver`.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Finds the programs, or builds them: the folder that `KUBEBUILDER_ASSETS` names, else our
    /// cache, else a build with Go into that cache (minutes, with lines of progress on stderr).
    ///
    /// # Errors
    /// When `KUBEBUILDER_ASSETS` names a folder without them, when the build fails, or when there
    /// is no way at all; the message then names every way.
    pub async fn find() -> Result<Self> {
        Sources::of_this_process()?.find().await
    }

    /// The programs that need no build, if any: for what can do without them.
    pub fn present() -> Option<Self> {
        Sources::of_this_process().ok()?.present().ok()?
    }

    /// The path of `etcd`.
    pub fn etcd(&self) -> PathBuf {
        self.folder.join(ETCD)
    }

    /// The path of `kube-apiserver`.
    pub fn api_server(&self) -> PathBuf {
        self.folder.join(API_SERVER)
    }

    /// The path of `kube-controller-manager`, which a folder made by `setup-envtest` lacks.
    pub fn controller_manager(&self) -> Option<PathBuf> {
        self.optional(CONTROLLER_MANAGER)
    }

    /// The path of `kube-scheduler`, which a folder made by `setup-envtest` lacks.
    pub fn scheduler(&self) -> Option<PathBuf> {
        self.optional(SCHEDULER)
    }

    /// The path of `kubectl`.
    pub fn kubectl(&self) -> Option<PathBuf> {
        self.optional(KUBECTL)
    }

    /// Whether there is all that gives Pods a node, which a folder made by `setup-envtest` lacks.
    ///
    /// # Errors
    /// When there is not; the message says what helps.
    pub fn require_pods(&self) -> Result<()> {
        ensure!(
            self.controller_manager().is_some() && self.scheduler().is_some(),
            "{} holds no {CONTROLLER_MANAGER} or no {SCHEDULER}: nothing would make Pods and give them a node; \
             unset {ASSETS}, so that all are built",
            self.folder.display()
        );
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn optional(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|path| path.exists())
    }
}

/// What decides where the programs come from.
#[derive(Debug)]
struct Sources {
    release: Release,
    assets: Option<PathBuf>,
    cache: PathBuf,
    path: OsString,
}

impl Sources {
    fn of_this_process() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let cache = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cache")))
            .ok_or_else(|| {
                anyhow!("neither XDG_CACHE_HOME nor HOME is set: no place for a cache")
            })?;
        Ok(Self {
            release: Release::of_this_process()?,
            assets: set(ASSETS).map(PathBuf::from),
            cache: cache.join("operator-suite/control-plane"),
            path: set("PATH").unwrap_or_default(),
        })
    }

    async fn find(&self) -> Result<Binaries> {
        if let Some(found) = self.present()? {
            return Ok(found);
        }
        let Some(go) = self.program("go") else {
            bail!(self.no_way("there is no `go` on PATH to build it with"));
        };
        let version = build::go_version(&go).await?;
        if version < build::GO_NEEDED {
            bail!(self.no_way(&format!(
                "{} is Go {version}, too old to build it",
                go.display()
            )));
        }
        let folder = self.cache.join(build::key(self.release));
        build::into_cache(&go, self.release, &folder).await?;
        Ok(Binaries { folder })
    }

    fn present(&self) -> Result<Option<Binaries>> {
        if let Some(folder) = &self.assets {
            ensure!(
                self.release == Release::Newest,
                "{ASSETS} and {RELEASE} are both set: unset one of them"
            );
            for name in [ETCD, API_SERVER] {
                ensure!(
                    folder.join(name).exists(),
                    "{ASSETS} is {}, which holds no {name}; \
                     unset it, or let it name a folder with {ETCD} and {API_SERVER}",
                    folder.display()
                );
            }
            let folder = folder.clone();
            return Ok(Some(Binaries { folder }));
        }
        let folder = self.cache.join(build::key(self.release));
        Ok(folder.exists().then_some(Binaries { folder }))
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }

    fn no_way(&self, reason: &str) -> String {
        format!(
            "no control plane to run: {ASSETS} is not set, {} holds no build of this version, and {reason}.\n\
             One of these helps:\n\
             - install Go {} or newer (https://go.dev/dl): the programs are built once and cached;\n\
             - set {ASSETS} to a folder with {ETCD} and {API_SERVER}, as `setup-envtest use -p path` makes it;\n\
             - bring such a cache folder from another machine;\n\
             - use a running cluster: --kubeconfig FILE.",
            self.cache.display(),
            build::GO_NEEDED,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    /// A place with nothing in it: no assets, an empty cache, an empty PATH.
    fn nothing() -> (TempDir, Sources) {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources {
            release: Release::Newest,
            assets: None,
            cache: dir.path().join("cache"),
            path: dir.path().join("bin").into(),
        };
        fs::create_dir(dir.path().join("bin")).unwrap();
        (dir, sources)
    }

    fn fake_go(dir: &TempDir, script: &str) {
        let go = dir.path().join("bin/go");
        fs::write(&go, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
    }

    const GO: &str = r#"
        if [ "$1" = env ]; then echo go1.26.1; exit; fi
        echo k8s.io/kubernetes/pkg/apis/core >&2
        while [ "$1" != -o ]; do shift; done
        echo x >> "$2"
    "#;

    #[tokio::test]
    async fn with_nothing_the_error_names_every_way_out() {
        let (_dir, sources) = nothing();
        let message = sources.find().await.unwrap_err().to_string();
        for way in [
            ASSETS,
            "install Go 1.26",
            "another machine",
            "--kubeconfig FILE",
        ] {
            assert!(message.contains(way), "{way} is missing in: {message}");
        }
    }

    #[tokio::test]
    async fn an_old_go_is_named_with_its_version() {
        let (dir, sources) = nothing();
        fake_go(&dir, "echo go1.22.3");
        let message = sources.find().await.unwrap_err().to_string();
        assert!(message.contains("Go 1.22"), "{message}");
        assert!(message.contains("install Go 1.26"), "{message}");
    }

    #[tokio::test]
    async fn assets_win_and_must_be_whole() {
        let (dir, mut sources) = nothing();
        fake_go(&dir, GO);
        let assets = dir.path().join("assets");
        fs::create_dir(&assets).unwrap();
        fs::write(assets.join(ETCD), "").unwrap();
        sources.assets = Some(assets.clone());
        let message = sources.find().await.unwrap_err().to_string();
        assert!(message.contains("holds no kube-apiserver"), "{message}");

        fs::write(assets.join(API_SERVER), "").unwrap();
        let found = sources.find().await.unwrap();
        assert_eq!(found.etcd(), assets.join(ETCD));
        assert_eq!(found.controller_manager(), None);
        assert!(!sources.cache.exists());
    }

    #[tokio::test]
    async fn two_builders_build_once() {
        let (dir, sources) = nothing();
        fake_go(&dir, GO);
        let (one, two) = tokio::join!(sources.find(), sources.find());
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.folder(), two.folder());
        for program in [
            one.etcd(),
            one.api_server(),
            one.controller_manager().unwrap(),
            one.scheduler().unwrap(),
            one.kubectl().unwrap(),
        ] {
            assert_eq!(fs::read_to_string(program).unwrap(), "x\n");
        }

        fs::remove_file(dir.path().join("bin/go")).unwrap();
        sources.find().await.expect("a cached build needs no Go");
    }

    #[tokio::test]
    async fn a_failed_build_shows_the_compilers_words_and_leaves_no_cache() {
        let (dir, sources) = nothing();
        fake_go(
            &dir,
            r#"[ "$1" = env ] && echo go1.26.1 && exit; echo main.go:1: no such thing >&2; exit 1"#,
        );
        let message = format!("{:?}", sources.find().await.unwrap_err());
        assert!(message.contains("main.go:1: no such thing"), "{message}");
        assert!(sources.present().unwrap().is_none());
    }
}
