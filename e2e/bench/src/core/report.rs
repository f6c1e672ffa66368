//! The figures as a document, and as charts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use harness::proxy::Kind;

use super::{
    Options, Results, WORKERS,
    chart::{Bar, draw},
    contender::Contender,
    figures::{Figures, Spread},
    scenarios::{RECOVERY, Scenario},
};
use crate::machine;

/// What is measured of one contender in one scenario, over all rounds.
type Measure = fn(&Figures) -> Option<f64>;

const WALL: Measure = |it| Some(it.wall.as_secs_f64());
const CPU: Measure = |it| Some(it.cpu.as_secs_f64());
const RESIDENT: Measure = |it| it.resident.map(|it| it.now as f64 / 1e6);
const PEAK: Measure = |it| it.resident.map(|it| it.peak as f64 / 1e6);
const REQUESTS: Measure = |it| Some(it.requests() as f64);
const MEGABYTES: Measure = |it| Some(it.bytes() as f64 / 1e6);
const P50: Measure = |it| quantile(it, 0.5);
const P99: Measure = |it| quantile(it, 0.99);

fn quantile(figures: &Figures, share: f64) -> Option<f64> {
    let time = figures.effects.quantile(share).as_secs_f64();
    (time > 0.0).then_some(time * 1e3)
}

impl Results {
    fn spread(&self, scenario: Scenario, contender: Contender, measure: Measure) -> Option<Spread> {
        let all = self.figures.get(&(scenario, contender))?;
        Spread::of(all.iter().filter_map(measure))
    }

    fn ceiling(&self, measure: Measure) -> Option<Spread> {
        Spread::of(self.ceiling.iter().filter_map(measure))
    }

    /// How many times as much as controller-runtime, by the medians.
    fn of_go(&self, scenario: Scenario, measure: Measure) -> Option<f64> {
        let core = self.spread(scenario, Contender::Core, measure)?;
        let go = self.spread(scenario, Contender::Go, measure)?;
        Some(core.median / go.median)
    }
}

/// The charts, each with its name.
pub fn charts(results: &Results) -> Vec<(&'static str, String)> {
    let bars = |scenario, measure| {
        let bars = Contender::ALL.into_iter().filter_map(|contender| {
            let label = contender.name();
            let value = results.spread(scenario, contender, measure)?;
            Some(Bar { label, value })
        });
        bars.collect::<Vec<_>>()
    };
    let mut walls = bars(Scenario::Cold, WALL);
    walls.extend(results.ceiling(WALL).map(|value| Bar {
        label: "the ceiling",
        value,
    }));
    let edits = bars(Scenario::Edits, P99);
    let behind = bars(Scenario::Resync, P99);
    vec![
        ("cold-start", draw("Cold start", "s", 1, &walls)),
        (
            "cpu",
            draw("CPU of a cold start", "s", 1, &bars(Scenario::Cold, CPU)),
        ),
        (
            "memory",
            draw(
                "Resident memory, steady",
                "MB",
                1,
                &bars(Scenario::Idle, RESIDENT),
            ),
        ),
        ("edits", draw("Edit to effect, p99", "ms", 1, &edits)),
        (
            "resync",
            draw("Edit to effect behind a resync, p99", "ms", 1, &behind),
        ),
    ]
}

/// What stands behind missed aims. It speaks of the programs, not of one run's figures.
const REMARKS: &str = include_str!("remarks.md");

/// The document.
pub fn written(options: &Options, results: &Results) -> String {
    let mut text = head(options, results.ceiling.len());
    text.push_str(&aims(results));
    text.push_str(REMARKS);
    let folder = options.report.file_stem().unwrap_or_default().display();
    for (name, _) in charts(results) {
        let _ = writeln!(text, "![{name}]({folder}/core-{name}.svg)");
    }
    for scenario in Scenario::ALL {
        let _ = write!(text, "\n## {}\n\n{}\n", title(scenario), story(scenario));
        text.push_str(&table(results, scenario));
        text.push_str(&requests(results, scenario));
    }
    text
}

fn head(options: &Options, rounds: usize) -> String {
    format!(
        "\
# operator-core beside controller-runtime and kube's Controller

Written by `cargo xtask bench core --objects {objects} --rounds {rounds}` on {machine}.

Three programs do the same job: each of {objects} `Widget`s becomes a ConfigMap that it owns, by server-side apply where it
does not stand as it should, and a status that says so. [`widget-core`](../e2e/widget/src/core.rs) stands on operator-core,
[`widget-go`](../e2e/widget-go/main.go) on controller-runtime (no client-side limits, managedFields stripped, priority queue, warm
standby, reads that show what was written before, which is experimental there), [`widget-kube`](../e2e/widget/src/bin/widget-kube.rs) on kube's `Controller`. Each works on {workers} objects at once.

Everything runs on this one machine: etcd, kube-apiserver, kube-controller-manager, the program, and a recording proxy between the
program and the API server, plain HTTP on the program's side, for all alike. Each program has a new control plane in each round, and
goes first, second and third in turn. Values are medians of {rounds} rounds, with the least and the greatest. CPU and memory are the
program's own, from `/proc`; bytes are those of bodies, both ways; the Lease's requests are left out. The ceiling is the wall time of
the same writes by a client that has two watches open and does nothing else, in the same run. Memory is steady memory, taken 15 s or
more after the last change: Go's runtime gives back later, and little by little.

What makes operator-core's requests cheap: a list is the beginning of its watch; an apply and a status are answered with metadata
alone, as protobuf, for the rest is known of a version that was tested; nothing is applied of which `managedFields` say that it
stands; a status is a JSON patch of what differs, once a pass.

",
        objects = options.objects,
        machine = machine::described(),
        workers = WORKERS,
    )
}

fn aims(results: &Results) -> String {
    let mut text = String::from("| aim | measured | |\n|---|---|---|\n");
    let mut row = |aim: &str, measured: Option<f64>, holds: &dyn Fn(f64) -> bool| {
        let (shown, verdict) = match measured {
            Some(value) if holds(value) => (format!("{value:.2}"), "kept"),
            Some(value) => (format!("{value:.2}"), "**missed**"),
            None => ("not measured".to_owned(), "**missed**"),
        };
        let _ = writeln!(text, "| {aim} | {shown} | {verdict} |");
    };
    let cold = results.spread(Scenario::Cold, Contender::Core, WALL);
    let ceiling = results.ceiling(WALL);
    let share = ceiling
        .zip(cold)
        .map(|(ceiling, cold)| ceiling.median / cold.median);
    row("cold start: ≥ 0.8 of the ceiling", share, &|it| it >= 0.8);
    let of_go = |scenario, measure| results.of_go(scenario, measure);
    row(
        "own CPU of a cold start: ≤ 1/3 of controller-runtime's",
        of_go(Scenario::Cold, CPU),
        &|it| it <= 1.0 / 3.0,
    );
    row(
        "peak memory of a cold start: ≤ 1/4 of controller-runtime's",
        of_go(Scenario::Cold, PEAK),
        &|it| it <= 0.25,
    );
    row(
        "steady memory: ≤ 1/4 of controller-runtime's",
        of_go(Scenario::Idle, RESIDENT),
        &|it| it <= 0.25,
    );
    row(
        "edit behind a resync, p99: ≤ 1/5 of controller-runtime's",
        of_go(Scenario::Resync, P99),
        &|it| it <= 0.2,
    );
    for scenario in Scenario::ALL {
        // How many edits a resync takes follows from its length.
        if scenario == Scenario::Resync {
            continue;
        }
        for (what, measure) in [("requests", REQUESTS), ("bytes", MEGABYTES)] {
            row(
                &format!(
                    "{what}, {}: never more than controller-runtime's",
                    scenario.name()
                ),
                // Nothing beside nothing is no more.
                of_go(scenario, measure).map(|it| if it.is_nan() { 0.0 } else { it }),
                &|it| it <= 1.0,
            );
        }
    }
    text.push('\n');
    text
}

fn title(scenario: Scenario) -> String {
    let name = scenario.name();
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn story(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Cold => {
            "The program starts, and everything is to be done; until the last widget says that it is ready."
        }
        Scenario::Idle => "Nothing happens.",
        Scenario::Edits => {
            "One widget after the other is edited; a time is from the request to the ConfigMap's change."
        }
        Scenario::Resync => {
            "Another version of the program starts, to which every ConfigMap must change; from the first change on a widget is edited every 100 ms."
        }
        Scenario::Outage => {
            "The API server is killed and started again, and then a widget is edited; 15 s more count."
        }
        Scenario::Released => {
            "The leader is told to stop while a standby waits; when it has ended a widget is edited. The wall time is from the signal."
        }
        Scenario::Killed => {
            "The leader is killed while a standby waits, and a widget is edited. A Lease lasts 15 s for both."
        }
        Scenario::Failing => {
            "One widget in ten fails and is tried again at the program's own pace; others are edited at 50/s."
        }
    }
}

fn table(results: &Results, scenario: Scenario) -> String {
    let mut text = String::from(
        "\n| | wall, s | edit → effect, ms: p50 | p99 | CPU, s | resident, MB | peak since the start, MB | requests | MB |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for contender in Contender::ALL {
        let cell = |measure, digits| {
            let spread = results.spread(scenario, contender, measure);
            spread.map_or_else(|| "–".to_owned(), |it| it.shown(digits))
        };
        if let Some(lost) = results
            .lost
            .get(&contender)
            .filter(|_| scenario == Scenario::Outage)
        {
            let _ = writeln!(
                text,
                "| {}, {lost} of {rounds} rounds | no effect within {} s | – | – | – | – | – | – | – |",
                contender.name(),
                RECOVERY.as_secs(),
                rounds = results.ceiling.len(),
            );
        }
        if !results.figures.contains_key(&(scenario, contender)) {
            continue;
        }
        let cells = [
            cell(WALL, 1),
            cell(P50, 1),
            cell(P99, 1),
            cell(CPU, 2),
            cell(RESIDENT, 1),
            cell(PEAK, 1),
            cell(REQUESTS, 0),
            cell(MEGABYTES, 1),
        ];
        let _ = writeln!(text, "| {} | {} |", contender.name(), cells.join(" | "));
    }
    if let (Scenario::Cold, Some(wall)) = (scenario, results.ceiling(WALL)) {
        let requests = results.ceiling(REQUESTS).map_or(0.0, |it| it.median);
        let _ = writeln!(
            text,
            "| the ceiling | {} | – | – | – | – | – | {requests:.0} | – |",
            wall.shown(1)
        );
        let shares = Contender::ALL.into_iter().filter_map(|contender| {
            let own = results.spread(scenario, contender, WALL)?;
            Some(format!(
                "{} {:.2}",
                contender.name(),
                wall.median / own.median
            ))
        });
        let shares = shares.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "\nShare of the ceiling: {shares}.");
    }
    text
}

/// Requests by method, resource and code.
fn requests(results: &Results, scenario: Scenario) -> String {
    let all = |contender| {
        let figures = results.figures.get(&(scenario, contender));
        figures.map(Vec::as_slice).unwrap_or_default()
    };
    let kinds: BTreeSet<&Kind> = Contender::ALL
        .into_iter()
        .flat_map(all)
        .flat_map(|figures| figures.traffic.keys())
        .collect();
    if kinds.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| requests |");
    let shown: BTreeMap<Contender, _> = Contender::ALL
        .into_iter()
        .filter(|contender| !all(*contender).is_empty())
        .map(|contender| (contender, all(contender)))
        .collect();
    for contender in shown.keys() {
        let _ = write!(text, " {} |", contender.name());
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(shown.len()));
    for kind in kinds {
        let _ = write!(
            text,
            "| {:?}: {} {}, {} |",
            kind.verb, kind.method, kind.about, kind.status
        );
        for figures in shown.values() {
            let counts = figures.iter().map(|it| {
                let flow = it.traffic.get(kind);
                flow.map_or(0.0, |it| it.requests as f64)
            });
            let counts = Spread::of(counts).map_or_else(String::new, |it| it.shown(0));
            let _ = write!(text, " {counts} |");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::resident::Resident;

    fn figures(wall: u64, cpu: u64, megabytes: u64) -> Figures {
        let bytes = megabytes * 1_000_000;
        Figures {
            wall: Duration::from_secs(wall),
            cpu: Duration::from_secs(cpu),
            resident: Some(Resident {
                now: bytes,
                own: bytes,
                peak: bytes,
            }),
            ..Figures::default()
        }
    }

    #[test]
    fn aims_are_judged_by_the_medians_and_what_was_not_measured_is_missed() {
        let rounds = |walls: [u64; 3], cpu, megabytes| {
            walls.map(|wall| figures(wall, cpu, megabytes)).into()
        };
        let mut results = Results {
            ceiling: rounds([9, 8, 30], 0, 0),
            ..Results::default()
        };
        let cold = |contender| (Scenario::Cold, contender);
        results
            .figures
            .insert(cold(Contender::Core), rounds([10, 11, 9], 1, 20));
        results
            .figures
            .insert(cold(Contender::Go), rounds([20, 20, 20], 4, 40));
        let text = aims(&results);
        for line in [
            "| cold start: ≥ 0.8 of the ceiling | 0.90 | kept |",
            "| own CPU of a cold start: ≤ 1/3 of controller-runtime's | 0.25 | kept |",
            "| peak memory of a cold start: ≤ 1/4 of controller-runtime's | 0.50 | **missed** |",
            "| steady memory: ≤ 1/4 of controller-runtime's | not measured | **missed** |",
            "| requests, cold start: never more than controller-runtime's | 0.00 | kept |",
            "| requests, API server restarted: never more than controller-runtime's | not measured | **missed** |",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        results.lost.insert(Contender::Kube, 2);
        let row = "| kube's Controller, 2 of 3 rounds | no effect within 60 s |";
        let outage = table(&results, Scenario::Outage);
        assert!(outage.contains(row), "{outage}");
        let row = "| operator-core | 10.0 (9.0–11.0) | – | – | 1.00 | 20.0 | 20.0 | 0 | 0.0 |";
        let table = table(&results, Scenario::Cold);
        assert!(table.contains(row), "{table}");
        let shares = "Share of the ceiling: operator-core 0.90, controller-runtime 0.45.";
        assert!(table.contains(shares), "{table}");
        assert!(
            charts(&results)
                .iter()
                .all(|(_, svg)| svg.ends_with("</svg>\n"))
        );
    }
}
