//! The end of a bench whose process is killed.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, until};
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
        ready(
            &bench,
            &namespace,
            pod(&namespace, "target", json!({}), json!({})),
        )
        .await?;
        println!("ready");
        std::future::pending::<Result<()>>().await
    };
    if let Err(error) = play.await {
        eprintln!("{error:?}");
    }
    ExitCode::FAILURE
}

/// Kills such a process, and looks for what it leaves: whoever is in its network.
pub fn killed() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| e.to_string())?;
    runtime.block_on(kill()).map_err(|e| format!("{e:?}"))
}

async fn kill() -> Result<()> {
    let mut victim = Command::new(env::current_exe()?)
        .env(VICTIM, "1")
        // It leaves this bench's namespaces for its own.
        .env_remove(node::sandbox::LEFT)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(victim.stdout.take().context("its output is piped")?);
    let said = output
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "ready");
    let family = descendants(victim.id())?;
    victim.kill()?;
    victim.wait()?;
    ensure!(said, "it did not run a Pod");
    // etcd, the API server, two that control, and the Pod.
    ensure!(family.len() >= 5, "{family:?}");
    let ended = || async {
        let left: BTreeSet<&u32> = family.iter().filter(|&&process| runs(process)).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    };
    until("the end of all that it started", PATIENCE, ended).await
}

fn descendants(process: u32) -> Result<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    let mut next = vec![process];
    while let Some(parent) = next.pop() {
        // Each thread has the children that it started.
        for thread in fs::read_dir(format!("/proc/{parent}/task"))?.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children
                .split_whitespace()
                .filter_map(|it| it.parse::<u32>().ok());
            next.extend(children.filter(|child| all.insert(*child)));
        }
    }
    Ok(all)
}

/// A zombie does not run: who reaps it is not our matter.
fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .trim_start()
        .to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
