//! Where in a container volumes may be mounted.

use serde_json::Value;

use crate::pod::container::MACHINE;

/// What a container has besides the machine's folders; no volume takes its place.
const OWN: [&str; 3] = ["dev", "proc", "run/node"];

/// Whether a volume may be mounted there: neither in a folder that is made otherwise, nor over one.
pub(super) fn check(path: &Value) -> Result<(), String> {
    let path = path.as_str().unwrap_or_default();
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.retain(|part| !matches!(*part, "" | "."));
    // A link to it.
    if parts.starts_with(&["var", "run"]) {
        parts.remove(0);
    }
    let meets = |folder: &&str| {
        let folder: Vec<&str> = folder.split('/').collect();
        parts.starts_with(&folder) || folder.starts_with(&parts)
    };
    let mut taken = MACHINE.iter().chain(&OWN);
    if path.starts_with('/') && !parts.contains(&"..") && !taken.any(meets) {
        return Ok(());
    }
    Err(format!(
        "absolute paths without .. that neither lie in nor hold one of /{}",
        [&MACHINE[..], &OWN[..]].concat().join(", /")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_machines_is_no_place_for_a_volume() {
        for path in [
            "/tmp",
            "/etc/operator/settings",
            "/var/run/secrets/kubernetes.io/serviceaccount",
            "/run/operator",
            "/usrlocal",
            "/etc/ssl2",
            "/data/./x//y/",
        ] {
            assert_eq!(check(&path.into()), Ok(()), "{path}");
        }
        for path in [
            "/usr/share/x",
            "/usr",
            "//usr/./share",
            "/lib/x",
            "/etc/ssl/certs",
            "/etc",
            "/",
            "/.",
            "/proc/sys",
            "/dev/shm",
            "/run/node/x",
            "/var/run/node",
            "/var/run",
            "/tmp/../usr/x",
            "/../../etc/x",
            "tmp",
            "",
        ] {
            let allowed = check(&path.into()).unwrap_err();
            assert!(allowed.contains("/usr"), "{path}: {allowed}");
        }
    }
}
