//! The volumes of one Pod, as folders of this node.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::PodSpec;
use kube::{Client, ResourceExt};
use operator_core::decide::clock::Moment;

use super::atomic::Folder;
use super::container::Mount;
use super::downward::Told;
use super::sources::Sources;
use super::tokens::Held;
use super::volumes;

/// The folders, each filled from what the volume's sources hold. It has no `Debug`: some of that is secret.
pub struct Folders {
    path: PathBuf,
    /// The group that may read them.
    group: Option<u32>,
    filled: BTreeMap<String, Folder>,
    tokens: Held,
}

impl Folders {
    /// Folders in `path`, for a group of the Pod's if it has one and this node can give files away.
    pub fn new(path: PathBuf, group: Option<u32>) -> Self {
        Self {
            path,
            group,
            filled: BTreeMap::new(),
            tokens: Held::default(),
        }
    }

    /// When a token is to be renewed.
    pub fn renewal(&self) -> Moment {
        self.tokens.renewal()
    }

    /// Brings all up to date, and returns what the sources hold.
    ///
    /// # Errors
    /// What is missing or cannot be written. What was there before holds on then.
    pub async fn fill(
        &mut self,
        client: &Client,
        told: &Told<'_>,
        now: Moment,
    ) -> Result<Sources, String> {
        let pod = told.pod;
        let Some(spec) = &pod.spec else {
            return Err("the Pod has no spec".to_owned());
        };
        let namespace = pod.namespace().unwrap_or_default();
        let sources = Sources::read(client, &namespace, spec).await;
        let sources = sources.map_err(|e| format!("what the Pod refers to cannot be read: {e}"))?;
        let refreshed = self.tokens.refresh(client, pod, now).await;
        refreshed.map_err(|e| format!("there is no token: {e}"))?;
        let tokens = self.tokens.tokens();
        for volume in spec.volumes.iter().flatten() {
            let name = &volume.name;
            let said = |e: &dyn std::fmt::Display| format!("volume {name}: {e}");
            match volumes::files(volume, told, &sources, &tokens).map_err(|e| said(&e))? {
                Some(files) => {
                    let folder = match self.filled.remove(name) {
                        Some(folder) => Ok(folder),
                        None => Folder::make(self.path.join(name), self.group),
                    };
                    let folder = self
                        .filled
                        .entry(name.clone())
                        .or_insert(folder.map_err(|e| said(&e))?);
                    folder.fill(files).map_err(|e| said(&e))?;
                }
                None => empty(&self.path.join(name), self.group).map_err(|e| said(&e))?,
            }
        }
        Ok(sources)
    }

    /// Where they appear in the container.
    pub fn mounts(&self, spec: &PodSpec) -> Vec<Mount> {
        let containers = spec.containers.iter();
        let mounts = containers.flat_map(|container| container.volume_mounts.iter().flatten());
        let mounts = mounts.map(|mount| {
            // Those that follow what changes are nobody else's to write.
            let filled = self.filled.get(&mount.name).map(Folder::path);
            Mount {
                source: filled.map_or_else(|| self.path.join(&mount.name), Path::to_owned),
                target: mount.mount_path.clone(),
                read_only: filled.is_some() || mount.read_only == Some(true),
            }
        });
        mounts.collect()
    }
}

/// A folder that begins empty, which everybody may write; it stays as it is when the container starts again.
fn empty(folder: &Path, group: Option<u32>) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    chown(folder, None, group)?;
    // Files in it get the group, too.
    let mode = if group.is_some() { 0o2777 } else { 0o777 };
    fs::set_permissions(folder, Permissions::from_mode(mode))
}
