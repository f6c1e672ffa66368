//! The operator of gateways: memory, the way of an edit, a burst of creations, many gateways.

mod objects;
mod stage;

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use gateway::State;
use tokio::time::sleep;

use self::stage::{Dialled, Stage};
use crate::{machine, resident::Resident, spread::Times};

/// How many routes there are.
const ROUTES: usize = 1_000;
/// How many edits are timed.
const EDITS: usize = 300;
/// How many gateways there are at the end.
const GATEWAYS: usize = 200;
/// After which time memory counts as steady: the allocator returns what was not used for 10 s.
const STEADY: Duration = Duration::from_secs(15);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures the operator `program`; returns the figures as a document.
pub async fn measure(program: &Path) -> Result<String> {
    let stage = Stage::set(program).await?;
    let mut gateway = stage.gateway("measured").await?;
    stage.objects.backend("one").await?;
    gateway
        .has("the backend", |state| state.tracked == 1)
        .await?;
    println!("idle ...");
    sleep(STEADY).await;
    let idle = stage.resident()?;

    println!("{ROUTES} creations at once ...");
    let burst = burst(&stage, &mut gateway).await?;
    sleep(STEADY).await;
    let loaded = stage.resident()?;

    println!("{EDITS} edits, one after the other ...");
    let edits = edits(&stage, &mut gateway).await?;

    println!("{GATEWAYS} gateways ...");
    let many = many(&stage).await?;
    let violations = gateway.gateway.violations();
    ensure!(
        violations.is_empty(),
        "the protocol was violated: {violations:?}"
    );
    Ok(report(idle, loaded, &burst, &edits, &many))
}

struct Burst {
    snapshots: usize,
    created: Duration,
    applied: Duration,
    ready: Duration,
}

async fn burst(stage: &Stage, gateway: &mut Dialled) -> Result<Burst> {
    let before = gateway.gateway.state().counts.updates;
    let started = stage.clock.now();
    let since = || stage.clock.now().since(started);
    stage.objects.routes(ROUTES).await?;
    let created = since();
    gateway
        .has("every route", |state| state.routes == ROUTES)
        .await?;
    let applied = since();
    let after = gateway.gateway.state().counts.updates;
    stage.objects.all_ready(ROUTES).await?;
    Ok(Burst {
        snapshots: usize::try_from(after - before)?,
        created,
        applied,
        ready: since(),
    })
}

/// From the request, and from its answer, until the gateway has applied it.
struct Edits {
    asked: Times,
    answered: Times,
}

async fn edits(stage: &Stage, gateway: &mut Dialled) -> Result<Edits> {
    let (mut asked, mut answered) = (Times::default(), Times::default());
    gateway.forget();
    for edit in 0..EDITS {
        let begun = stage.clock.now();
        stage.objects.edit(edit % ROUTES, edit).await?;
        let stored = stage.clock.now();
        let applied = gateway.applied().await?;
        asked.add(applied.since(begun));
        // The gateway may have it before the API server's answer has reached us.
        answered.add(applied.since(stored));
        // What follows the acknowledgement, status and all, is over before the next one.
        stage.objects.ready(edit % ROUTES).await?;
        gateway.forget();
    }
    Ok(Edits { asked, answered })
}

struct Many {
    resident: Resident,
    edit: Times,
}

async fn many(stage: &Stage) -> Result<Many> {
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        gateways.push(
            stage
                .gateway_without_traffic(&format!("many-{number}"))
                .await?,
        );
    }
    for gateway in &mut gateways {
        gateway
            .has("every route", |state: &State| state.routes == ROUTES)
            .await?;
    }
    sleep(STEADY).await;
    let resident = stage.resident()?;
    let mut edit = Times::default();
    for number in 0..20 {
        gateways.iter_mut().for_each(Dialled::forget);
        let begun = stage.clock.now();
        stage.objects.edit(number, EDITS + number).await?;
        let mut last = Duration::ZERO;
        for gateway in &mut gateways {
            last = last.max(gateway.applied().await?.since(begun));
        }
        edit.add(last);
        stage.objects.ready(number).await?;
    }
    Ok(Many { resident, edit })
}

fn report(idle: Resident, loaded: Resident, burst: &Burst, edits: &Edits, many: &Many) -> String {
    let (kept, missed) = ("kept", "**missed**");
    let verdict = |holds| if holds { kept } else { missed };
    let mb = |resident: Resident| resident.now as f64 / 1e6;
    let p50 = edits.asked.quantile(0.5);
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    format!(
        "\
# apigw-operator: figures

Written by `cargo xtask bench apigw` on {machine}. Everything runs on this one machine: etcd, the API server, the
operator's program (release), and the gateways, which are the project's own (`e2e/gateway`) and live in the measuring
process. Gateways dial by mTLS. Memory is the operator's resident set {steady} s after the last change.

| what | measured | aim |
|---|---|---|
| resident, idle: one gateway, one backend | {idle} | ≤ 15 MB: {idle_kept} |
| resident, {ROUTES} routes, one gateway | {loaded} | ≤ 20 MB: {loaded_kept} |
| resident, {ROUTES} routes, {GATEWAYS} gateways more | {many_resident} | |
| edit → applied by one gateway, at {ROUTES} routes, from sending the request ({EDITS} edits, each after the one before is ready) | {asked} | p50 ≤ 20 ms: {p50_kept} |
| the same, from the API server's answer | {answered} | |
| edit → applied by all of {GATEWAYS} gateways, from sending the request (20 edits) | {many_edit} | |
| snapshots sent to one gateway for {ROUTES} creations at once (16 clients) | {snapshots} | ≤ 50: {snapshots_kept} |
| that burst: all created, all applied, all `Ready` | {created}, {applied}, {ready} | |
",
        machine = machine::described(),
        steady = STEADY.as_secs(),
        idle = idle.shown(),
        idle_kept = verdict(mb(idle) <= 15.0),
        loaded = loaded.shown(),
        loaded_kept = verdict(mb(loaded) <= 20.0),
        many_resident = many.resident.shown(),
        asked = edits.asked.shown(),
        p50_kept = verdict(p50 <= Duration::from_millis(20)),
        answered = edits.answered.shown(),
        many_edit = many.edit.shown(),
        snapshots = burst.snapshots,
        snapshots_kept = verdict(burst.snapshots <= 50),
        created = seconds(burst.created),
        applied = seconds(burst.applied),
        ready = seconds(burst.ready),
    )
}
