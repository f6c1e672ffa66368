//! What is left of a chart when it is uninstalled, and the commands that take it away.

use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{helms, root};
use install::{Ground, Release, Tenant, kubectl, values};

const CHART: &str = "cloud-operator";
const GROUP: &str = "aws-infra-operator.runner.codes";

/// Another release, in another namespace, finds nothing of the first one's in the whole cluster.
pub async fn and_installed_elsewhere(ground: &Ground) -> Result<()> {
    let helm = &helms()?[0];
    let first = Release::new(ground, helm, "first").await?;
    first.roll_out(CHART, values::cloud(ground)).await?;
    first.uninstall().await?;
    for command in commands()? {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        kubectl(ground.cluster(), &arguments)?;
    }

    let second = Release::new(ground, helm, "second").await?;
    second.roll_out(CHART, values::cloud(ground)).await?;
    let tenant = Tenant::within(ground, second.namespace());
    tenant.account_by_secret().await?;
    tenant.has_bucket("data").await.map(drop)
}

/// The commands of docs/uninstall.md for what cloud-operator leaves cluster-wide, less their first word.
fn commands() -> Result<Vec<String>> {
    let page = fs::read_to_string(root().join("docs/uninstall.md"))?;
    let (_, left) = page
        .split_once("## 4. What is left")
        .context("the page tells what is left")?;
    let commands = left.lines().filter_map(|line| {
        let command = line.split(" #").next()?.strip_prefix("kubectl ")?;
        let is_ours = command.starts_with("delete ") && command.contains(GROUP);
        is_ours.then(|| command.to_owned())
    });
    let commands: Vec<String> = commands.collect();
    ensure!(commands.len() == 3, "the page has {commands:?}");
    Ok(commands)
}
