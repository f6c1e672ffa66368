//! The process of a container: in its Pod's network, with a root of its own, as the user that its spec names.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::process::{self, Child};
use k8s_openapi::api::core::v1::PodSpec;

use super::environment::Process;
use crate::images;

/// Whom images' programs run as where the spec names nobody.
const NOBODY: NonZeroU32 = NonZeroU32::new(65532).unwrap();

/// The machine's folders that a container has, to read.
pub const MACHINE: [&str; 8] = [
    "bin", "etc/ssl", "lib", "lib32", "lib64", "libx32", "sbin", "usr",
];

/// How `container.sh` ends where no program was started.
pub const NOT_STARTED: i32 = 128;

/// Who a container's process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Never root: it would be the machine's.
    user: NonZeroU32,
    group: u32,
    groups: Vec<u32>,
}

impl Identity {
    /// Whom the security contexts of a Pod with one container name.
    ///
    /// # Errors
    /// When a number is no id, or the user is root.
    pub fn of(spec: &PodSpec) -> Result<Self, String> {
        let pod = spec.security_context.as_ref();
        let own = spec
            .containers
            .first()
            .and_then(|it| it.security_context.as_ref());
        let id = |name: &str, id: i64| {
            u32::try_from(id).map_err(|_| format!("{name} is {id}, which is no id"))
        };
        let user = own
            .and_then(|it| it.run_as_user)
            .or(pod.and_then(|it| it.run_as_user));
        let user = match user {
            None => NOBODY,
            Some(user) => NonZeroU32::new(id("runAsUser", user)?)
                .ok_or("runAsUser is 0, which would be the machine's root")?,
        };
        let group = own
            .and_then(|it| it.run_as_group)
            .or(pod.and_then(|it| it.run_as_group));
        let group = group.map_or(Ok(NOBODY.get()), |group| id("runAsGroup", group));
        let more = pod
            .and_then(|it| it.supplemental_groups.clone())
            .unwrap_or_default();
        let more = more.into_iter().chain(pod.and_then(|it| it.fs_group));
        let groups: Result<_, _> = more.map(|it| id("a group", it)).collect();
        Ok(Self {
            user,
            group: group?,
            groups: groups?,
        })
    }
}

/// Where a folder of the node appears in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub source: PathBuf,
    pub target: String,
    pub read_only: bool,
}

/// A container that is still to be started.
pub struct Container<'a> {
    /// The file of its Pod's network namespace.
    pub network: &'a Path,
    /// An empty folder.
    pub root: &'a Path,
    /// The folder with the files of `/etc` that all Pods share.
    pub node: &'a Path,
    pub host_name: &'a str,
    pub image: &'a str,
    /// What stands in for the image.
    pub program: &'a Path,
    pub process: Process,
    pub mounts: Vec<Mount>,
    pub read_only: bool,
    /// `None` where this node cannot change users.
    pub identity: Option<Identity>,
    /// Where its output goes.
    pub log: &'a Path,
}

impl Container<'_> {
    /// Starts it. It is one process from here to the program, so that signals reach that and its end is seen.
    ///
    /// # Errors
    /// When there is no `nsenter`, or the log cannot be written.
    pub fn start(self) -> io::Result<Child> {
        let mut command = Command::new("nsenter");
        let mut network = std::ffi::OsString::from("--net=");
        network.push(self.network);
        command
            .env_clear()
            .envs(&self.process.variables)
            .arg(network)
            .args(["--", "unshare", "--mount", "--uts", "--"])
            .args(["sh", "-c", include_str!("container.sh"), "container.sh"])
            .args([
                self.root,
                self.node,
                Path::new(self.host_name),
                self.program,
            ])
            .arg(images::entry(self.image))
            .arg(access(self.read_only))
            .arg(MACHINE.join(" "));
        let mut mounts = self.mounts;
        // What lies in another comes after it.
        mounts.sort_by(|one, other| one.target.cmp(&other.target));
        for mount in &mounts {
            command
                .arg(&mount.source)
                .arg(&mount.target)
                .arg(access(mount.read_only));
        }
        command.args(["--", "setpriv"]);
        if let Some(Identity {
            user,
            group,
            groups,
        }) = &self.identity
        {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
            match groups.is_empty() {
                true => command.arg("--clear-groups"),
                false => command.arg(format!("--groups={}", groups.join(","))),
            };
        }
        command
            .args(["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"])
            // The kernel forgets it at a change of users.
            .args(["--pdeathsig=KILL", "--"])
            .args(&self.process.command);
        process::spawn(command, self.log)
    }
}

fn access(read_only: bool) -> &'static str {
    if read_only { "ro" } else { "rw" }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn identity(pod: Value, container: Value) -> Result<Identity, String> {
        let spec = json!({
            "containers": [{ "name": "c", "securityContext": container }],
            "securityContext": pod,
        });
        Identity::of(&serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn a_container_is_whom_its_own_context_names_before_the_pods() {
        let of = |user, group, groups: &[u32]| Identity {
            user: NonZeroU32::new(user).unwrap(),
            group,
            groups: groups.to_vec(),
        };
        assert_eq!(identity(json!({}), json!({})), Ok(of(65532, 65532, &[])));
        let pod =
            json!({ "runAsUser": 1, "runAsGroup": 2, "fsGroup": 3, "supplementalGroups": [4] });
        assert_eq!(identity(pod.clone(), json!({})), Ok(of(1, 2, &[4, 3])));
        assert_eq!(
            identity(pod, json!({ "runAsUser": 5 })),
            Ok(of(5, 2, &[4, 3]))
        );
    }

    #[test]
    fn no_container_is_root() {
        for (pod, container) in [
            (json!({ "runAsUser": 0 }), json!({})),
            (json!({ "runAsUser": 1 }), json!({ "runAsUser": 0 })),
        ] {
            let refused = identity(pod, container).unwrap_err();
            assert_eq!(refused, "runAsUser is 0, which would be the machine's root");
        }
        let refused = identity(json!({ "runAsUser": -1 }), json!({})).unwrap_err();
        assert_eq!(refused, "runAsUser is -1, which is no id");
    }
}
