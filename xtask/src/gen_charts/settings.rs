//! How values become settings of an operator: by what its page in `docs/settings` says of each.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use super::values::{Entry, Fields, Shape};
use crate::project::Project;

/// What a page of `docs/settings` tells, which is made of the operator's code.
#[derive(Debug)]
pub struct SettingsPage {
    settings: Vec<Setting>,
    /// The feature gates.
    pub gates: Vec<String>,
}

#[derive(Debug)]
struct Setting {
    name: String,
    /// As the page shows it: code, words, or nothing.
    default: String,
    /// From what to what is allowed, where it is a number or a duration.
    range: Option<[String; 2]>,
    /// Whether a change of the mounted ConfigMap takes effect at once.
    is_live: bool,
}

impl SettingsPage {
    /// The page of an operator.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(project: &Project, operator: &str) -> Result<Self> {
        let file = project.settings_page(operator);
        let read = || Self::read(&fs::read_to_string(&file)?);
        read().with_context(|| format!("cannot read {}", file.display()))
    }

    fn read(page: &str) -> Result<Self> {
        let mut found = Self {
            settings: Vec::new(),
            gates: Vec::new(),
        };
        for line in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line
                .split(" | ")
                .map(|cell| cell.trim_matches(['|', ' ']))
                .collect();
            let name = cells[0].trim_matches('`').to_owned();
            match cells[..] {
                [_, "on" | "off", _] => found.gates.push(name),
                [_, _, value, default, meaning, .., change] => found.settings.push(Setting {
                    name,
                    default: default.replace(['`', '\\'], ""),
                    range: range(meaning).filter(|_| ["COUNT", "DURATION"].contains(&value)),
                    is_live: change == "at once",
                }),
                _ => bail!("a row is neither a setting nor a gate: {line}"),
            }
        }
        ensure!(!found.settings.is_empty(), "it tells no setting");
        Ok(found)
    }
}

/// The templates `CHART.settings.live`, lines of the ConfigMap, `CHART.settings.env`, a list of variables, and
/// `CHART.settings.durations`, what each duration may be.
///
/// # Errors
/// Names a value whose setting the operator does not have, or whose default or range is another one.
pub fn templates(chart: &str, fields: &Fields, page: &SettingsPage) -> Result<String> {
    let (mut live, mut env, mut durations) = (String::new(), String::new(), String::new());
    for (path, leaf) in fields.leaves() {
        let Some(name) = &leaf.setting else { continue };
        let known = page.settings.iter().find(|it| it.name == *name);
        let setting = known.with_context(|| format!("{path}: {chart} has no setting {name}"))?;
        let given = shown(leaf);
        ensure!(
            given.is_empty() || given == setting.default,
            "{path}: the default is {given:?}, and that of {name} is {:?}",
            setting.default
        );
        let shape = leaf.shape()?;
        let told = setting.range.as_ref().map(|[least, most]| match shape {
            // Of numbers 0 may stand for no limit.
            Shape::Count if leaf.least.is_none() => format!("0 to {most}"),
            _ => format!("{least} to {most}"),
        });
        ensure!(
            leaf.range() == told,
            "{path}: the range is {:?}, and that of {name} is {told:?}",
            leaf.range()
        );
        if let (Shape::Duration, Some([least, most])) = (shape, &setting.range) {
            writeln!(
                durations,
                "- {{ value: {path}, given: {{{{ .Values.{path} | toJson }}}}, least: {least}, most: {most} }}"
            )?;
        }
        let (guard, value) = expression(&path, shape)?;
        let (text, line) = match setting.is_live {
            true => (&mut live, format!("{name}: {{{{ {value} | quote }}}}")),
            false => (
                &mut env,
                format!("- name: {name}\n  value: {{{{ {value} | quote }}}}"),
            ),
        };
        match guard {
            Some(guard) => writeln!(text, "{{{{- if {guard} }}}}\n{line}\n{{{{- end }}}}")?,
            None => writeln!(text, "{line}")?,
        }
    }
    Ok(format!(
        "{{{{- /* Made by `cargo xtask gen-charts` of charts/values: edit there. */}}}}\n\
         \n{{{{- define \"{chart}.settings.live\" -}}}}\n{live}{{{{- end }}}}\n\
         \n{{{{- define \"{chart}.settings.env\" -}}}}\n{env}{{{{- end }}}}\n\
         \n{{{{- define \"{chart}.settings.durations\" -}}}}\n{durations}{{{{- end }}}}\n"
    ))
}

/// The range that a setting's meaning tells, as in `1 to 1024` or `10s to 24h`.
fn range(meaning: &str) -> Option<[String; 2]> {
    let parts: Vec<_> = meaning.split(" to ").collect();
    parts.windows(2).find_map(|pair| {
        let least = pair[0].rsplit(' ').next()?;
        let most = pair[1].split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        let is_number = |end: &str| end.starts_with(|c: char| c.is_ascii_digit());
        (is_number(least) && is_number(most)).then(|| [least, most].map(str::to_owned))
    })
}

/// When a setting is given, and its value, as Helm writes them.
fn expression(path: &str, shape: Shape) -> Result<(Option<String>, String)> {
    let at = format!(".Values.{path}");
    Ok(match shape {
        Shape::Text | Shape::Duration => (Some(at.clone()), at),
        Shape::Flag => (None, at),
        // A number from a values file is a float, which is written with an exponent from a million on.
        Shape::Count => (None, format!("int64 {at}")),
        Shape::Names | Shape::Namespaces => (Some(at.clone()), format!("join \",\" {at}")),
        Shape::Gates => (
            Some(at.clone()),
            format!("include \"operator-library.gates\" {at}"),
        ),
        other => bail!("{path}: no setting is given by the shape {other:?}"),
    })
}

/// A default as the page would show it.
fn shown(leaf: &Entry) -> String {
    match &leaf.default {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(|it| it.as_str()).collect();
            texts.join(",")
        }
        serde_json::Value::Object(_) => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gen_charts::CHARTS;

    const PAGE: &str = "\
        | variable | flag | value | default | meaning | change |\n\
        | `LEVEL` | `--level` | `info`, `debug` | `info` | How much | at once |\n\
        | `NAMES` | `--names` | NAMES |  | Which, or a \\| b | restart |\n\
        | `RATE` | `--rate` | COUNT | `5` | How many go to it: 1 to 90, 0 for any | restart |\n\
        | `EVERY` | `--every` | DURATION | `5m` | How often it goes to it: 10s to 24h. In turn | at once |\n\
        |  | `--file` | FILE |  | A file |  |\n\
        | name | default | part |\n\
        | `Traces` | on | traces |\n";

    fn written(values: &str) -> Result<String> {
        let fields: Fields = serde_saphyr::from_str(values)?;
        templates("c", &fields, &SettingsPage::read(PAGE)?)
    }

    #[test]
    fn what_takes_effect_at_once_is_in_the_config_map_and_the_rest_in_the_environment() {
        let text = written(
            "log: { text: L., fields: { level: { text: L., default: info, setting: LEVEL } } }\n\
             names: { text: N., default: [], shape: names, setting: NAMES }\n\
             every: { text: E., default: 5m, shape: duration, range: 10s to 24h, setting: EVERY }\n",
        )
        .unwrap();
        let (live, env) = text.split_once("settings.env").unwrap();
        assert!(
            live.contains("LEVEL: {{ .Values.log.level | quote }}"),
            "{live}"
        );
        assert!(
            env.contains(
                "{{- if .Values.names }}\n- name: NAMES\n  value: {{ join \",\" .Values.names | quote }}\n{{- end }}"
            ),
            "{env}"
        );
        let (_, durations) = env.split_once("settings.durations").unwrap();
        let every =
            "- { value: every, given: {{ .Values.every | toJson }}, least: 10s, most: 24h }\n";
        assert!(durations.contains(every), "{durations}");
        let page = SettingsPage::read(PAGE).unwrap();
        assert_eq!(
            (page.gates, page.settings.len()),
            (vec!["Traces".to_owned()], 4)
        );
    }

    #[test]
    fn a_setting_that_is_not_there_or_has_another_default_or_range_is_refused() {
        for (values, named) in [
            (
                "a: { text: A., default: '', setting: NOPE }",
                "no setting NOPE",
            ),
            (
                "a: { text: A., default: debug, setting: LEVEL }",
                "that of LEVEL is \"info\"",
            ),
            (
                "a: { text: A., default: 5, setting: RATE }",
                "that of RATE is Some(\"0 to 90\")",
            ),
            (
                "a: { text: A., default: 5m, shape: duration, setting: EVERY }",
                "that of EVERY is Some(\"10s to 24h\")",
            ),
        ] {
            let refused = format!("{:#}", written(values).unwrap_err());
            assert!(refused.contains(named), "{refused}");
        }
    }

    /// What the other of two names of one thing says, what is known without it, and what a chart has no use for.
    const NOT_SAID: [&str; 8] = [
        "METRICS_PORT",
        "HEALTH_PROBE_PORT",
        "WEBHOOK_PORT",
        "GRPC_PORT",
        "LEADER_ELECTION_NAMESPACE",
        "CERT_SECRET_NAMESPACE",
        "CERT_NAMESPACE",
        "CERT_SERVICE_NAME",
    ];

    #[test]
    fn every_setting_of_an_operator_can_be_said_by_its_chart() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        for chart in CHARTS {
            let folders = [chart.name, "operator-library"];
            let templates: String = folders
                .iter()
                .flat_map(|it| fs::read_dir(format!("{root}/charts/{it}/templates")).unwrap())
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_file())
                .map(|path| fs::read_to_string(path).unwrap())
                .collect();
            let page = fs::read_to_string(format!("{root}/docs/settings/{}.md", chart.name));
            for Setting { name, .. } in SettingsPage::read(&page.unwrap()).unwrap().settings {
                let forms = [
                    format!("{name}: "),
                    format!("name: {name}\n"),
                    format!("\"{name}\""),
                ];
                let is_said = forms.iter().any(|form| templates.contains(form));
                let is_left_out = NOT_SAID.contains(&name.as_str());
                assert!(is_said != is_left_out, "{}: {name}", chart.name);
            }
        }
    }
}
