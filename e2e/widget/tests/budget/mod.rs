//! Committed budgets: what a run costs, counted, compared and renewed.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

/// Set to anything, it makes the run write its own numbers as the budget.
const RENEW: &str = "RENEW_BUDGET";

/// How often each line occurs, in order.
#[allow(dead_code, reason = "each test binary uses its own part")]
pub fn counted(lines: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    lines.for_each(|line| *counts.entry(line).or_default() += 1);
    counts.into_iter().collect()
}

/// Fails unless each number lies within `tolerance`, as a share, of the committed one: also a smaller one, so
/// that what was gained is kept.
pub fn check(name: &str, measured: &[(String, u64)], tolerance: f64) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/budgets")
        .join(format!("{name}.txt"));
    if env::var_os(RENEW).is_some() {
        let lines = measured
            .iter()
            .map(|(what, cost)| format!("{what} = {cost}\n"));
        fs::write(&file, lines.collect::<String>()).unwrap();
        return;
    }
    let text = fs::read_to_string(&file).unwrap();
    let budget = text.lines().filter_map(|line| {
        let (what, cost) = line.rsplit_once(" = ")?;
        Some((what.to_owned(), cost.parse().ok()?))
    });
    let changes = changes(&budget.collect(), measured, tolerance);
    assert!(
        changes.is_empty(),
        "the costs are not those of {}:\n{}\nIf that is meant, set {RENEW}=1 for this test, and commit the file.",
        file.display(),
        changes.join("\n"),
    );
}

fn changes(
    budget: &BTreeMap<String, u64>,
    measured: &[(String, u64)],
    tolerance: f64,
) -> Vec<String> {
    let measured: BTreeMap<String, u64> = measured.iter().cloned().collect();
    let mut all: Vec<&String> = budget.keys().chain(measured.keys()).collect();
    all.sort();
    all.dedup();
    let cost = |costs: &BTreeMap<String, u64>, what| costs.get(what).copied().unwrap_or_default();
    let changed = all.into_iter().filter_map(|what| {
        let (allowed, found) = (cost(budget, what), cost(&measured, what));
        let within = allowed.abs_diff(found) as f64 <= allowed as f64 * tolerance;
        (!within).then(|| format!("  {what}: {found}, the budget is {allowed}"))
    });
    changed.collect()
}

#[test]
fn more_less_and_something_else_are_told() {
    let budget = BTreeMap::from([("a".to_owned(), 100), ("b".to_owned(), 1)]);
    let measured = |costs: &[(&str, u64)]| -> Vec<(String, u64)> {
        let costs = costs.iter();
        costs
            .map(|(what, cost)| ((*what).to_owned(), *cost))
            .collect()
    };
    let told = |costs: &[(&str, u64)], tolerance| changes(&budget, &measured(costs), tolerance);
    assert!(told(&[("a", 100), ("b", 1)], 0.0).is_empty());
    assert!(told(&[("a", 102), ("b", 1)], 0.02).is_empty());
    assert_eq!(
        told(&[("a", 97), ("c", 3)], 0.02),
        [
            "  a: 97, the budget is 100",
            "  b: 0, the budget is 1",
            "  c: 3, the budget is 0"
        ]
    );
}
