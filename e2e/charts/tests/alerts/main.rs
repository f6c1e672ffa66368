//! Alerts as Prometheus takes them: each fires for what it is there for, in the installation where that is, says which, and is
//! quiet on a quiet day.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{Promtool, helms};
use serde::Deserialize;
use serde_json::{Value, json};

/// The namespaces of two installations: it may be a bad day in the first one, and is a quiet one in the other.
const PLACES: [&str; 2] = ["here", "there"];

/// What makes an alert fire, and what it then says; see the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fires {
    alert: String,
    /// Minutes.
    after: u32,
    series: Vec<[String; 3]>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    summary: String,
}

/// A series' values in the table: of a day on which the alert fires, and of a quiet one.
const BAD: usize = 1;
const QUIET: usize = 2;

#[test]
fn each_alert_fires_where_it_should_and_only_then() -> Result<()> {
    let table: BTreeMap<String, Vec<Fires>> =
        serde_saphyr::from_str(include_str!("fires.yaml")).context("fires.yaml")?;
    let of_every_operator = &table["every-operator"];
    for (chart, operator) in [
        ("cloud-operator", "cloud-operator"),
        ("apigw-operator", "avapigw-operator"),
    ] {
        let told: Vec<_> = of_every_operator.iter().chain(&table[chart]).collect();
        let names: Vec<_> = told.iter().map(|fires| &fires.alert).collect();
        let [here, there] = PLACES.map(|place| rules(chart, place));
        let (here, there) = (here?, there?);
        for alert in here.alerts.keys() {
            ensure!(
                names.contains(&alert),
                "{chart}: nothing makes {alert} fire"
            );
        }
        ensure!(names.len() == here.alerts.len(), "{chart}: {names:?}");
        let tests = told
            .iter()
            .map(|fires| tests(fires, operator, &here))
            .collect::<Result<Vec<_>>>()?;

        let promtool = Promtool::new()?;
        let folder = tempfile::tempdir()?;
        let mut files = Vec::new();
        for (place, rules) in PLACES.into_iter().zip([&here, &there]) {
            let file = folder.path().join(format!("{place}.yml"));
            fs::write(&file, rules.groups.to_string())?;
            promtool.check_rules(&file).context(chart)?;
            files.push(file);
        }
        let tried = folder.path().join("tests.yml");
        let all = json!({
            "rule_files": files, "evaluation_interval": "1m", "tests": tests.concat(),
        });
        fs::write(&tried, all.to_string())?;
        promtool.test_rules(&tried).context(chart)?;
    }
    Ok(())
}

/// The rules of a chart.
struct Rules {
    /// As Prometheus reads them.
    groups: Value,
    alerts: BTreeMap<String, Value>,
}

fn rules(chart: &str, place: &str) -> Result<Rules> {
    let values = json!({ "prometheusRule": { "enabled": true } });
    let rendered = helms()?[1].template(chart, place, &values)?;
    let groups = rendered.only("PrometheusRule")?["spec"].clone();
    let all = groups["groups"][0]["rules"].as_array().context("rules")?;
    let alerts = all.iter().map(|rule| {
        let name = rule["alert"].as_str().context("a name")?;
        let told = &rule["labels"]["operator_namespace"];
        ensure!(*told == *place, "{name} is told to be of {told}");
        Ok((name.to_owned(), rule.clone()))
    });
    let alerts = alerts.collect::<Result<_>>()?;
    Ok(Rules { groups, alerts })
}

/// Two tests: of what makes it fire, and of a quiet day.
fn tests(fires: &Fires, operator: &str, rules: &Rules) -> Result<Vec<Value>> {
    let Fires {
        alert,
        after,
        series,
        labels,
        summary,
    } = fires;
    let rule = rules
        .alerts
        .get(alert)
        .with_context(|| format!("there is no alert {alert}"))?;
    let [here, there] = PLACES;
    let labels = labels
        .iter()
        .map(|(name, value)| (name.clone(), json!(named(value, operator, here))));
    let mut expected = rule["labels"].as_object().context("labels")?.clone();
    expected.extend(labels);
    let fired = json!([{
        "exp_labels": expected,
        "exp_annotations": { "summary": summary, "runbook": rule["annotations"]["runbook"] },
    }]);
    let told = |place: &str, day: usize| -> Vec<Value> {
        let told = series
            .iter()
            .map(|told| json!({ "series": named(&told[0], operator, place), "values": told[day] }));
        told.collect()
    };
    let test = |does: &str, day: usize, fired: Value| {
        let series = [told(here, day), told(there, QUIET)].concat();
        json!({
            "name": format!("{alert} {does}"), "interval": "1m", "input_series": series,
            "alert_rule_test": [{ "eval_time": format!("{after}m"), "alertname": alert, "exp_alerts": fired }],
        })
    };
    Ok(vec![
        test("fires", BAD, fired),
        test("is quiet", QUIET, json!([])),
    ])
}

/// A text of the table as it is for an installation.
fn named(text: &str, operator: &str, place: &str) -> String {
    text.replace("OWN", r#"OF_OBJECT,namespace="PLACE""#)
        .replace(
            "OF_OBJECT",
            r#"job="OPERATOR",pod="operator-0",instance="PLACE-0""#,
        )
        .replace("OPERATOR", operator)
        .replace("PLACE", place)
}
