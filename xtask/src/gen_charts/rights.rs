//! What an operator may do, and what the API server asks it, as templates: from its code.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use xshell::{TempDir, cmd};

use super::CHARTS;
use crate::project::Project;

/// What the names in capitals stand for.
const NAMES: [(&str, &str); 4] = [
    (
        "CLUSTER-NAME",
        "{{ include \"operator-library.clusterName\" . | quote }}",
    ),
    (
        "SERVICE-NAME",
        "{{ include \"operator-library.fullname\" . | quote }}",
    ),
    ("RELEASE-NAMESPACE", "{{ .Release.Namespace | quote }}"),
    ("SECRET-NAME", "{{ . | quote }}"),
];

/// What an operator's example prints.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rights {
    rules: Map<String, Value>,
    #[serde(default)]
    webhooks: Option<Value>,
}

/// Has every operator print its rights to a folder.
///
/// # Errors
/// When one cannot be built.
pub fn print(project: &Project) -> Result<TempDir> {
    let sh = &project.shell;
    let folder = sh.create_temp_dir()?;
    let path = folder.path();
    for chart in CHARTS {
        let example = chart.rights;
        cmd!(sh, "cargo run --example {example} -- {path}")
            .quiet()
            .run()?;
    }
    Ok(folder)
}

/// The templates of a chart.
///
/// # Errors
/// When its operator has not printed its rights into `folder`.
pub fn templates(chart: &str, folder: &Path) -> Result<String> {
    let file = folder.join(format!("{chart}.json"));
    let read = || -> Result<Rights> { Ok(serde_json::from_str(&fs::read_to_string(&file)?)?) };
    let rights = read().with_context(|| format!("cannot read {}", file.display()))?;
    let mut text =
        "{{- /* Made by `cargo xtask gen-charts` of the operator's code: edit there. */}}\n"
            .to_owned();
    let rules = rights.rules.iter();
    let parts = rules.map(|(part, rules)| (format!("rules.{part}"), rules));
    let webhooks = rights.webhooks.iter().map(|it| ("webhooks".to_owned(), it));
    for (part, list) in parts.chain(webhooks) {
        write!(
            text,
            "\n{{{{- define \"{chart}.{part}\" -}}}}\n{}{{{{- end }}}}\n",
            yaml(list)?
        )?;
    }
    Ok(text)
}

/// A list as YAML; an empty one as nothing.
fn yaml(list: &Value) -> Result<String> {
    if list.as_array().is_some_and(Vec::is_empty) {
        return Ok(String::new());
    }
    let mut text = serde_saphyr::to_string(list)?;
    for (name, template) in NAMES {
        text = text.replace(name, template);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_of_the_installation() {
        let rules = json!([{ "verbs": ["get"], "resourceNames": ["SECRET-NAME"] }]);
        let text = yaml(&rules).unwrap();
        assert!(text.contains("- {{ . | quote }}\n"), "{text}");
        assert_eq!(yaml(&json!([])).unwrap(), "");
    }
}
