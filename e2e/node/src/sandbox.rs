//! Namespaces for a whole cluster, in which this process starts itself again.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use harness::binaries::Binaries;
use harness::scratch;
use tokio::runtime;

/// Says to the process inside which mount namespace it has left. A process without it enters namespaces of its own.
pub const LEFT: &str = "E2E_NODE_LEFT";

/// Returns in a process that has its own network and mounts. Elsewhere this process is replaced by the same program
/// with the same arguments, inside: it keeps its id, its terminal and its signals, and what it starts ends with it.
///
/// Call it before anything else: what the process has begun is lost. The servers' programs are looked for first, and
/// built if need be, for which there would be no network inside.
///
/// # Errors
/// When there are no such programs ([`Binaries::find`]), or namespaces cannot be made; the message says what helps.
pub fn enter() -> Result<()> {
    if is_inside()? {
        return Ok(());
    }
    let mut this = prepared()?;
    this.args(env::args_os().skip(1));
    Err(this.exec()).context("cannot start unshare again")
}

/// Whether this process has its own network and mounts.
///
/// # Errors
/// When `/proc` does not say.
pub fn is_inside() -> Result<bool> {
    let here = mount_namespace()?;
    // The variable alone would not do: whoever inherits it outside must not mount over the machine's folders.
    Ok(env::var(LEFT).is_ok_and(|left| left != here))
}

/// As [`this_program`], once the servers' programs are there.
pub(crate) fn prepared() -> Result<Command> {
    let looking = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    looking.block_on(Binaries::find())?;
    this_program()
}

/// This program, to be started in a network and with mounts of its own.
///
/// # Errors
/// When namespaces cannot be made; the message says what helps.
pub fn this_program() -> Result<Command> {
    let mut options = vec!["--net", "--mount"];
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        options.extend(["--user", "--map-root-user"]);
    }
    may_enter(&options)?;
    let mut inside = Command::new("unshare");
    inside
        .args(options)
        .arg("--")
        .arg(env::current_exe()?)
        .env(LEFT, mount_namespace()?);
    if !is_root {
        // Inside we are root by name, and root's own temporary folders are not ours.
        inside.env("TMPDIR", scratch::root()?);
    }
    Ok(inside)
}

/// That this process has left the machine's own network and mounts.
pub(crate) fn require() -> Result<()> {
    ensure!(
        is_inside()?,
        "this process is not in namespaces of its own: call node::sandbox::enter() first of all in main"
    );
    Ok(())
}

/// Tries namespaces and, in them, the bridge of Pods: the first thing that a machine may lack.
fn may_enter(options: &[&str]) -> Result<()> {
    let tried = Command::new("unshare")
        .args(options)
        .args(["--", "ip", "link", "add", "pods", "type", "bridge"])
        .output()
        .context("cannot start unshare; it comes with util-linux")?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    bail!(
        "`unshare {}` with a bridge in it does not work here: {}. It takes `ip` of iproute2, and root or user namespaces \
         for everybody (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, \
         user.max_user_namespaces above 0), which container engines often refuse",
        options.join(" "),
        said.trim()
    )
}

fn mount_namespace() -> Result<String> {
    let link = "/proc/self/ns/mnt";
    let namespace = fs::read_link(link).with_context(|| format!("cannot read {link}"))?;
    Ok(namespace.to_string_lossy().into_owned())
}
