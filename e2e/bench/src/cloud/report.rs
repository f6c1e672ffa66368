//! The figures as a document.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use super::{
    OF_AN_ACCOUNT, RATE, STARTS, STEADY,
    drift::INTERVAL,
    edits::{EDITS, REQUESTS},
    figures::{Figures, Idle, Life, Restart},
    steady::FASTER,
};
use crate::{machine, spread::Times};

/// How many parts of a bucket are looked at in turn: those of which its spec speaks.
const PARTS: u32 = 5;

pub fn written(figures: &Figures) -> String {
    let rows = [
        start(figures),
        memory(figures),
        cpu(figures),
        ways(figures),
        drift(figures),
        whole(figures),
    ];
    format!(
        "# cloud-operator: figures\n\n{}\n| what | measured | aim |\n|---|---|---|\n{}\n{}",
        method(),
        rows.concat(),
        calls(figures)
    )
}

fn method() -> String {
    format!(
        "\
Written by `cargo xtask bench cloud` on {machine}. Everything runs on this one machine: etcd, the API server, the
operator's program (release), and AWS's stand-in, which lives in the measuring process, keeps buckets in memory under the
rules of the tests' AWS, and refuses what it does not know. Its answers take no time: AWS's own come on top of every time
here that has calls in it.

A spec speaks of five parts of its bucket: tags, versioning, encryption, the public access block and two lifecycle rules.
{OF_AN_ACCOUNT} buckets share an account and an AWSProvider. Settings are the defaults, metrics over HTTPS and the election
among them, but for what a row says. *Unlimited* is `AWS_CALL_RATE=0` and `API_WRITE_RATE=0`, and so it is while buckets are
created, edits are timed and drift is looked for: those limits are not what is measured there. Memory is the operator's
resident set at least {steady} s after the last change. *Its own* is what no file holds; the rest is code of the program and of
its libraries, as far as something near it was touched, which lies in the page cache anyway, once for all that run it.
",
        machine = machine::described(),
        steady = STEADY.as_secs(),
    )
}

fn start(figures: &Figures) -> String {
    let (median, longest) = (figures.starts.quantile(0.5), figures.starts.quantile(1.0));
    let (what, measured) = (
        format!(
            "start → ready, no bucket: from the program's start until `/readyz` answers 200 ({STARTS} starts)"
        ),
        format!("median {:.0} ms, longest {:.0} ms", ms(median), ms(longest)),
    );
    row(&what, &measured, &kept("≤ 300 ms", ms(median) <= 300.0))
}

fn memory(figures: &Figures) -> String {
    let Figures { some, many, .. } = figures;
    let at_most = |idle: &Idle, mb: f64| {
        let holds = idle.resident.now as f64 / 1e6 <= mb;
        kept(&format!("≤ {mb:.0} MB"), holds)
    };
    let resident = |what: String, idle: &Idle, aim: &str| row(&what, &idle.resident.shown(), aim);
    let (created_some, created_many) = (&figures.created_some.1, &figures.created_many.1);
    [
        resident(
            "resident, no bucket".to_owned(),
            &figures.none,
            &at_most(&figures.none, 15.0),
        ),
        resident(
            format!("resident, {some} buckets, all just created"),
            created_some,
            "",
        ),
        resident(
            format!("resident, {some} buckets, after a restart"),
            &figures.idle_some,
            "",
        ),
        resident(
            format!(
                "resident, {many} buckets, {} of them just created",
                many - some
            ),
            created_many,
            &at_most(created_many, 60.0),
        ),
        resident(
            format!("resident, {many} buckets, after a restart"),
            &figures.idle_many,
            &at_most(&figures.idle_many, 60.0),
        ),
    ]
    .concat()
}

fn cpu(figures: &Figures) -> String {
    let Figures {
        some,
        many,
        none,
        idle_some,
        idle_many,
        hour,
        ..
    } = figures;
    let percent = |core: f64| format!("{:.2} % of a core", core * 100.0);
    let still = |what: String, idle: &Idle| {
        let what = format!("CPU, {what}, {} s without a pass", idle.time.as_secs());
        row(&what, &percent(idle.core), "")
    };
    // What goes on without a pass goes on in the faster hour, too, and not faster.
    let passes = (hour.core - idle_some.core).max(0.0) / f64::from(FASTER);
    let steady = idle_some.core + passes;
    let calls: usize = hour.calls.values().sum();
    let calls = calls as f64 / *some as f64;
    [
        still("no bucket".to_owned(), none),
        still(format!("{some} buckets"), idle_some),
        still(format!("{many} buckets"), idle_many),
        row(
            &format!("CPU, {some} buckets, an hour's passes and looks in {} s: all intervals {FASTER} times shorter", 3600 / FASTER),
            &percent(hour.core),
            "",
        ),
        row(
            &format!("CPU, {some} buckets, as it follows for the default intervals: what is without a pass, and a {FASTER}th of the rest"),
            &percent(steady),
            &kept("≤ 0.2 %", steady <= 0.002),
        ),
        row(
            &format!("calls for a bucket in an idle hour, {some} buckets, in that faster hour"),
            &format!("{calls:.2}"),
            &kept("≤ 2", calls <= 2.0),
        ),
    ]
    .concat()
}

fn ways(figures: &Figures) -> String {
    let some = figures.some;
    let (edits, requests) = (&figures.edits, &figures.requests);
    [
        row(
            &format!("edit → written to AWS, {some} buckets, from the API server's answer ({EDITS} edits, each after the one before is ready)"),
            &edits.stored.shown(),
            "",
        ),
        row("the same, from sending the request", &edits.sent.shown(), ""),
        row(
            &format!("drift set back on request (`reconcile-requested-at`), {some} buckets, from the API server's answer ({REQUESTS} requests)"),
            &requests.stored.shown(),
            "",
        ),
        row("the same, from sending the request", &requests.sent.shown(), ""),
    ]
    .concat()
}

fn drift(figures: &Figures) -> String {
    let drift = &figures.drift;
    // A pass may come a tenth of its interval late.
    let look = INTERVAL.mul_f64(1.1);
    let found = |what: &str, times: &Times, most: Duration| {
        let measured = format!(
            "p50 {:.1} s, longest {:.1} s",
            times.quantile(0.5).as_secs_f64(),
            times.quantile(1.0).as_secs_f64()
        );
        let by_design = format!("by design at most {} s", most.as_secs());
        row(what, &measured, &by_design)
    };
    let interval = INTERVAL.as_secs();
    let times = 3600 / interval;
    [
        found(
            &format!("drift of tags set back by itself, a look each {interval} s (by default {times} times as long)"),
            &drift.tags,
            look,
        ),
        found(
            &format!("drift of versioning, of which each {PARTS}th look is"),
            &drift.versioning,
            look * PARTS,
        ),
    ]
    .concat()
}

fn whole(figures: &Figures) -> String {
    let created = |buckets: usize, took: Duration| {
        row(
            &format!(
                "{buckets} buckets from their first creation (16 clients) until all are ready, unlimited"
            ),
            &seconds(took),
            "",
        )
    };
    let restarted = |restart: &Restart| {
        let limit = match restart.least {
            None => "unlimited".to_owned(),
            Some(_) => format!("{RATE} calls a second for a provider"),
        };
        let what = format!(
            "start → {} buckets looked at as a whole, {limit}",
            restart.buckets
        );
        let least = restart
            .least
            .map(|least| format!("the calls alone take {}", seconds(least)));
        row(&what, &seconds(restart.took), &least.unwrap_or_default())
    };
    let creations = [
        created(figures.some, figures.created_some.0),
        created(figures.many - figures.some, figures.created_many.0),
    ];
    let restarts = figures.restarts.iter().map(restarted);
    creations.into_iter().chain(restarts).collect()
}

fn calls(figures: &Figures) -> String {
    let Life {
        created,
        edited,
        deleted,
    } = &figures.life;
    let stages = [created, edited, deleted];
    let operations: BTreeSet<&String> = stages.iter().flat_map(|it| it.keys()).collect();
    let mut table = String::from(
        "Calls in one bucket's life:\n\n\
         | operation | creation → ready | an edited tag → ready | deletion → gone |\n|---|---|---|---|\n",
    );
    for operation in operations {
        let [created, edited, deleted] =
            stages.map(|it| it.get(operation).copied().unwrap_or_default());
        // Writing to a text cannot fail.
        let _ = writeln!(table, "| {operation} | {created} | {edited} | {deleted} |");
    }
    let [created, edited, deleted] = stages.map(|it| it.values().sum::<usize>());
    let _ = writeln!(table, "| all | {created} | {edited} | {deleted} |");
    table
}

fn row(what: &str, measured: &str, aim: &str) -> String {
    let aim = if aim.is_empty() {
        ""
    } else {
        &format!("{aim} ")
    };
    format!("| {what} | {measured} | {aim}|\n")
}

fn kept(aim: &str, holds: bool) -> String {
    let verdict = if holds { "kept" } else { "**missed**" };
    format!("{aim}: {verdict}")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
