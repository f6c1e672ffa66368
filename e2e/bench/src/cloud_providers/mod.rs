//! The operator of AWS: what a provider costs.

mod stage;

use std::{path::Path, time::Duration};

use anyhow::Result;
use tokio::time::sleep;

use self::stage::Stage;
use crate::{machine, resident::Resident};

/// How many providers there are.
const PROVIDERS: usize = 500;
/// How much memory one may cost, in bytes.
const AIM: f64 = 200e3;
/// After which time memory counts as steady: the allocator returns what was not used for 10 s.
const STEADY: Duration = Duration::from_secs(15);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Measures the operator `program`; returns the figures as a document.
pub async fn measure(program: &Path) -> Result<String> {
    let stage = Stage::set(program).await?;
    // What is loaded once, for whatever first needs it, is no provider's.
    stage.providers(0..1).await?;
    stage.buckets(0..1).await?;
    println!("one provider ...");
    sleep(STEADY).await;
    let one = stage.resident()?;

    println!("{PROVIDERS} providers ...");
    let begun = stage.clock.now();
    stage.providers(1..PROVIDERS).await?;
    let ready = stage.clock.now().since(begun);
    sleep(STEADY).await;
    let many = stage.resident()?;
    let assumed = stage.assumed();

    println!("a bucket of each ...");
    stage.buckets(1..PROVIDERS).await?;
    sleep(STEADY).await;
    let used = stage.resident()?;
    Ok(report(one, many, used, ready, assumed))
}

fn report(
    one: Resident,
    many: Resident,
    used: Resident,
    ready: Duration,
    assumed: usize,
) -> String {
    let each =
        |resident: Resident| resident.now.saturating_sub(one.now) as f64 / (PROVIDERS - 1) as f64;
    let kb = |bytes: f64| format!("{:.0} kB", bytes / 1e3);
    let verdict = if each(many) <= AIM {
        "kept"
    } else {
        "**missed**"
    };
    format!(
        "\
# cloud-operator: what a provider costs

Written by `cargo xtask bench cloud-providers` on {machine}. Everything runs on this one machine: etcd, the API server,
the operator's program (release), and moto as AWS. Each provider has a Secret of its own and a chain of two roles into an
account of its own, so nothing is shared among them. Memory is the operator's resident set {steady} s after the last
change.

| what | measured | aim |
|---|---|---|
| resident, one provider with one bucket | {one} | |
| resident, {PROVIDERS} providers, that one bucket | {many} | |
| that is, for each provider | {each_many} | ≤ {aim}: {verdict} |
| resident, a bucket of each provider besides | {used} | |
| that is, for each provider with its bucket | {each_used} | |
| all {PROVIDERS} ready, from the first creation | {ready:.1} s | |
| roles assumed | {assumed} | |
",
        machine = machine::described(),
        steady = STEADY.as_secs(),
        one = one.shown(),
        many = many.shown(),
        used = used.shown(),
        each_many = kb(each(many)),
        each_used = kb(each(used)),
        aim = kb(AIM),
        ready = ready.as_secs_f64(),
    )
}
