//! All releases of a cluster.

use anyhow::{Context, Result};
use charts::helms;
use harness::Cluster;
use serde_json::Value;

/// The project's charts.
const CHARTS: [&str; 3] = ["apigw-operator", "cloud-operator", "operator-suite"];

/// A release, as Helm tells of it.
#[derive(Debug)]
pub struct Listed {
    pub namespace: String,
    pub name: String,
    /// With its version.
    chart: String,
}

impl Listed {
    /// Whether it is of one of the project's charts.
    pub fn is_ours(&self) -> bool {
        let version = CHARTS
            .iter()
            .find_map(|chart| self.chart.strip_prefix(chart));
        version.is_some_and(|it| it.starts_with('-'))
    }

    fn of(release: &Value) -> Result<Self> {
        let text = |field: &str| {
            let text = release[field].as_str().map(str::to_owned);
            text.with_context(|| format!("a release without {field}: {release}"))
        };
        Ok(Self {
            namespace: text("namespace")?,
            name: text("name")?,
            chart: text("chart")?,
        })
    }
}

/// Those of all namespaces.
///
/// # Errors
/// What Helm says.
pub fn all(cluster: &Cluster) -> Result<Vec<Listed>> {
    let [_, helm] = helms()?;
    let list = ["list", "--all-namespaces", "--output=json"];
    let listed = helm.on(cluster.kubeconfig(), "default", &list)?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    listed.iter().map(Listed::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_is_known_by_its_chart() {
        for (chart, ours) in [
            ("cloud-operator-0.1.0", true),
            ("operator-suite-1.0.0-rc.1", true),
            ("cloud-operators-0.1.0", false),
            ("cert-manager-v1.19.0", false),
        ] {
            let release = json!({ "namespace": "system", "name": "any", "chart": chart });
            assert_eq!(Listed::of(&release).unwrap().is_ours(), ours, "{chart}");
        }
    }
}
