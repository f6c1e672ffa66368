//! The end of a bench whose process is killed.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use harness::process::{self, Signal};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use serde_json::json;

use crate::stage::{pod, ready, restricted, start};

/// Says to the process that it is to be killed.
const VICTIM: &str = "E2E_NODE_TEST_VICTIM";

pub fn is_victim() -> bool {
    env::var_os(VICTIM).is_some()
}

/// Runs a Pod, says so, and waits for its end.
pub async fn victim() -> ExitCode {
    let play = async {
        let bench = start().await?;
        let namespace = restricted(&bench, "victim").await?;
        let pod = pod(&namespace, "target", json!({}), json!({}));
        ready(&bench, &namespace, pod).await?;
        println!("ready");
        std::future::pending::<Result<()>>().await
    };
    if let Err(error) = play.await {
        eprintln!("{error:?}");
    }
    ExitCode::FAILURE
}

/// Kills such a process, and looks for what it leaves of all that it started.
pub async fn killed() -> Result<()> {
    let folder = Scratch::new("victim")?;
    let mut command = Command::new(env::current_exe()?);
    // It leaves this bench's namespaces for its own.
    command.env(VICTIM, "1").env_remove(node::sandbox::LEFT);
    let victim = process::spawn(command, &folder.path().join("victim.log"))?;
    let says = || async {
        let log = fs::read_to_string(victim.log());
        log.is_ok_and(|log| log.lines().any(|line| line == "ready"))
    };
    tokio::select! {
        said = until("the victim to run a Pod", 10 * PATIENCE, says) => said?,
        status = victim.wait() => bail!("the victim ended with {status}:\n{}", victim.log_tail(20)),
    }
    let family = Family::of(victim.pid())?;
    victim.kill().await;
    // etcd, the API server, two that control, and the Pod.
    ensure!(family.0.len() >= 5, "{:?}", family.0.keys());
    let ended = || async {
        let left: Vec<&u32> = family.0.keys().filter(|it| runs(**it)).collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("{left:?} run on")),
        }
    };
    until("the end of all that it started", PATIENCE, ended).await
}

/// What a process has started, and what that has. It ends with this value at the latest.
struct Family(BTreeMap<u32, OwnedFd>);

impl Family {
    fn of(process: u32) -> Result<Self> {
        let mut all = BTreeMap::new();
        let mut next = vec![process];
        while let Some(parent) = next.pop() {
            // One that has just ended has no children any more.
            let threads = fs::read_dir(format!("/proc/{parent}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                // Each thread has the children that it started.
                let children = fs::read_to_string(thread.path().join("children"));
                for child in children.unwrap_or_default().split_whitespace() {
                    let child: u32 = child.parse()?;
                    let id = Pid::from_raw(child.try_into()?).context("an id of a process")?;
                    if let Ok(handle) = pidfd_open(id, PidfdFlags::empty()) {
                        all.insert(child, handle);
                        next.push(child);
                    }
                }
            }
        }
        Ok(Self(all))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for handle in self.0.values() {
            // Who has ended is not there to get it.
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

/// A zombie does not run: who reaps it is not our matter.
fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with('Z')
}
