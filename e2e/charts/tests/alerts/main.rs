//! Alerts as Prometheus takes them: each fires for what it is there for, says which, and is quiet on a quiet day.

mod fires;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{Promtool, helms};
use fires::{Fires, OF_APIGW, OF_CLOUD, OF_EVERY_OPERATOR};
use serde_json::{Value, json};

#[test]
fn each_alert_fires_when_it_should_and_only_then() -> Result<()> {
    let charts = [
        ("cloud-operator", "cloud-operator", OF_CLOUD),
        ("apigw-operator", "avapigw-operator", OF_APIGW),
    ];
    for (chart, operator, own) in charts {
        let rules = rules(chart)?;
        let told: Vec<_> = OF_EVERY_OPERATOR.iter().chain(own).collect();
        let names: Vec<_> = told.iter().map(|fires| fires.alert).collect();
        for alert in rules.alerts.keys() {
            ensure!(
                names.contains(&&**alert),
                "{chart}: nothing makes {alert} fire"
            );
        }
        ensure!(names.len() == rules.alerts.len(), "{chart}: {names:?}");
        let tests = told
            .iter()
            .map(|fires| tests(fires, operator, &rules))
            .collect::<Result<Vec<_>>>()?;

        let folder = tempfile::tempdir()?;
        let (file, tried) = (
            folder.path().join("rules.yml"),
            folder.path().join("tests.yml"),
        );
        fs::write(&file, rules.groups.to_string())?;
        let all = json!({
            "rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests.concat(),
        });
        fs::write(&tried, all.to_string())?;
        let promtool = Promtool::new()?;
        promtool.check_rules(&file).context(chart)?;
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

fn rules(chart: &str) -> Result<Rules> {
    let values = json!({ "prometheusRule": { "enabled": true } });
    let rendered = helms()?[1].template(chart, "here", &values)?;
    let groups = rendered.only("PrometheusRule")?["spec"].clone();
    let all = groups["groups"][0]["rules"].as_array().context("rules")?;
    let alerts = all.iter().map(|rule| {
        let name = rule["alert"].as_str().context("a name")?;
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
        .get(*alert)
        .with_context(|| format!("there is no alert {alert}"))?;
    let named = |text: &str| text.replace("OPERATOR", operator);
    let mut expected = rule["labels"].as_object().context("labels")?.clone();
    expected.extend(
        labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(named(value)))),
    );
    let fired = json!([{
        "exp_labels": expected,
        "exp_annotations": { "summary": summary, "runbook": rule["annotations"]["runbook"] },
    }]);
    let test = |name: String,
                values: fn(&(&str, &'static str, &'static str)) -> &'static str,
                fired: Value| {
        let series = series
            .iter()
            .map(|told| json!({ "series": named(told.0), "values": values(told) }));
        json!({
            "name": name, "interval": "1m", "input_series": series.collect::<Vec<_>>(),
            "alert_rule_test": [{ "eval_time": format!("{after}m"), "alertname": alert, "exp_alerts": fired }],
        })
    };
    Ok(vec![
        test(format!("{alert} fires"), |told| told.1, fired),
        test(format!("{alert} is quiet"), |told| told.2, json!([])),
    ])
}
