//! What the charts' alerts say, as users read it: `docs/alerts.md`.

use std::fmt::Write;

use anyhow::{Context, Result};
use charts::{Rendered, helms};
use serde_json::{Value, json};

const HEAD: &str = "\
# Alerts

With `prometheusRule.enabled: true` a chart makes a PrometheusRule of these, selected by `prometheusRule.labels`. They take the ServiceMonitor of the same chart (`serviceMonitor.enabled`): its job is
called like the Service. An installation's alerts look at its own metrics alone: those of its job and namespace, and where the namespace is that of a single object, those of the targets (`instance`)
whose `operator_build_info` is of its namespace. Here all of that is left out.

Each has the label `severity` (*critical*: what users ask for is not done, or soon will not be; *warning*: somebody should look in the daytime; *info*: worth knowing), `operator` and
`operator_namespace`, where that operator is installed, and the annotations `summary` and `runbook`, as they stand below. [metrics.md](metrics.md) tells what the metrics count, [troubleshooting.md](troubleshooting.md) where to look next.
";

/// The namespace of the installation whose alerts are shown.
const NAMESPACE: &str = "here";

/// An alert, as a chart makes it.
#[derive(Clone, Debug, PartialEq)]
struct Alert {
    name: String,
    asks: String,
    lasts: String,
    severity: String,
    summary: String,
    runbook: String,
}

/// The page.
pub fn page() -> Result<String> {
    let cloud = alerts("cloud-operator", "cloud-operator")?;
    let apigw = alerts("apigw-operator", "avapigw-operator")?;
    let (shared, own_of_cloud): (Vec<_>, Vec<_>) =
        cloud.into_iter().partition(|alert| apigw.contains(alert));
    let own_of_apigw: Vec<_> = apigw
        .into_iter()
        .filter(|alert| !shared.contains(alert))
        .collect();

    let mut text = HEAD.to_owned();
    for (title, alerts) in [
        ("Of every operator", shared),
        ("Of `cloud-operator`", own_of_cloud),
        ("Of `apigw-operator`", own_of_apigw),
    ] {
        let _ = write!(text, "\n## {title}\n");
        for alert in alerts {
            write_alert(&mut text, &alert);
        }
    }
    text.push_str("\nMade by `cargo xtask gen-docs` from what the charts make.\n");
    Ok(text)
}

/// The alerts of a chart, whose Service has this name.
fn alerts(chart: &str, service: &str) -> Result<Vec<Alert>> {
    let values = json!({ "prometheusRule": { "enabled": true } });
    let [_, helm] = helms()?;
    let rendered = helm.template(chart, NAMESPACE, &values)?;
    let read = |rule: &Value| alert(rule, service);
    rules(&rendered)?
        .iter()
        .map(read)
        .collect::<Result<Vec<_>>>()
        .with_context(|| chart.to_owned())
}

fn rules(rendered: &Rendered) -> Result<&Vec<Value>> {
    let group = &rendered.only("PrometheusRule")?["spec"]["groups"][0];
    group["rules"].as_array().context("a group has rules")
}

fn alert(rule: &Value, service: &str) -> Result<Alert> {
    let text = |value: &Value, what: &str| -> Result<String> {
        let text = value.as_str().map(str::trim);
        let text = text.filter(|it| !it.is_empty());
        Ok(text
            .with_context(|| format!("{rule} has no {what}"))?
            .to_owned())
    };
    let annotations = &rule["annotations"];
    Ok(Alert {
        name: text(&rule["alert"], "name")?,
        asks: without_selectors(&text(&rule["expr"], "expression")?, service),
        lasts: text(&rule["for"], "duration")?,
        severity: text(&rule["labels"]["severity"], "severity")?,
        summary: readable(&text(&annotations["summary"], "summary")?),
        runbook: text(&annotations["runbook"], "runbook")?,
    })
}

/// An expression without what tells one installation from another.
fn without_selectors(expression: &str, service: &str) -> String {
    let job = format!("job=\"{service}\"");
    let series = format!("{job},namespace=\"{NAMESPACE}\"");
    let of_own_targets = format!(" and on (instance) operator_build_info{{{series}}}");
    [series, job]
        .iter()
        .fold(expression.replace(&of_own_targets, ""), |text, it| {
            text.replace(&format!("{{{it}}}"), "")
                .replace(&format!(",{it}}}"), "}")
        })
}

/// Prometheus's templates as what they stand for.
fn readable(summary: &str) -> String {
    let mut text = String::new();
    let mut rest = summary;
    while let Some((before, after)) = rest.split_once("{{") {
        let (template, after) = after.split_once("}}").unwrap_or((after, ""));
        let name = template.trim().strip_prefix("$labels.").unwrap_or("N");
        let _ = write!(text, "{before}*{name}*");
        rest = after;
    }
    text + rest
}

fn write_alert(text: &mut String, alert: &Alert) {
    let Alert {
        name,
        asks,
        lasts,
        severity,
        summary,
        runbook,
    } = alert;
    let _ = write!(
        text,
        "\n### {name}\n\n{summary} *{severity}*, once it has lasted {lasts}.\n\n```promql\n{asks}\n```\n\n{runbook}\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_without_what_is_the_same_for_all() {
        let rule = json!({
            "alert": "GadgetLate", "for": "5m", "labels": { "severity": "warning" },
            "expr": "sum by (le) (rate(gadget_bucket{job=\"gadgets\",namespace=\"here\"}[5m])) > max(late{kind=\"a\",job=\"gadgets\"} \
                     and on (instance) operator_build_info{job=\"gadgets\",namespace=\"here\"})",
            "annotations": { "summary": "{{ $value | humanizeDuration }} late: {{ $labels.name }}.", "runbook": "Hurry.\n" },
        });
        let mut text = String::new();
        write_alert(&mut text, &alert(&rule, "gadgets").unwrap());
        assert_eq!(
            text,
            "\n### GadgetLate\n\n*N* late: *name*. *warning*, once it has lasted 5m.\n\n```promql\n\
             sum by (le) (rate(gadget_bucket[5m])) > max(late{kind=\"a\"})\n```\n\nHurry.\n"
        );
    }

    #[test]
    fn an_alert_that_says_nothing_is_refused() {
        let rule = json!({
            "alert": "GadgetLate", "for": "5m", "labels": { "severity": "warning" }, "expr": "late",
            "annotations": { "summary": "Late." },
        });
        let refused = alert(&rule, "gadgets").unwrap_err().to_string();
        assert!(refused.contains("no runbook"), "{refused}");
    }
}
