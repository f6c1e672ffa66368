//! CustomResourceDefinitions as templates: Helm never upgrades what lies in a chart's folder `crds`.

use anyhow::{Context, Result, ensure};

use crate::gen_crds::files::{self, Files};
use crate::project::Project;

/// The definitions of a group's kinds, by the files' names.
///
/// # Errors
/// Where there are none, or one is not as it is made.
pub fn templates(project: &Project, group: &str) -> Result<Files> {
    let mut templates = Files::new();
    for (name, text) in files::read(&project.crds())? {
        if name.starts_with(&format!("{group}_")) {
            let template = template(&text).with_context(|| format!("crds/{name}"))?;
            templates.insert(name, template);
        }
    }
    ensure!(
        !templates.is_empty(),
        "crds/ has no kind of the group {group}"
    );
    Ok(templates)
}

fn template(definition: &str) -> Result<String> {
    ensure!(
        !definition.contains("{{"),
        "it holds `{{{{`, which Helm would take for its own"
    );
    let (head, rest) = definition
        .split_once("\nmetadata:\n")
        .context("it has no metadata")?;
    let (name, rest) = rest.split_once("\nspec:\n").context("it has no spec")?;
    ensure!(
        name.starts_with("  name: ") && !name.contains('\n'),
        "its metadata has more than a name"
    );
    Ok(format!(
        "{{{{- if .Values.crds.install }}}}\n{head}\nmetadata:\n{name}\n  \
         {{{{- include \"operator-library.definitionMetadata\" . | nindent 2 }}}}\nspec:\n{rest}{{{{- end }}}}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_what_it_was_but_for_its_metadata() {
        let made = template("kind: K\nmetadata:\n  name: k\nspec:\n  group: g\n").unwrap();
        assert_eq!(
            made,
            "{{- if .Values.crds.install }}\nkind: K\nmetadata:\n  name: k\n  \
             {{- include \"operator-library.definitionMetadata\" . | nindent 2 }}\nspec:\n  group: g\n{{- end }}\n"
        );
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        template("kind: K\nmetadata:\n  name: k\n  annotations: {}\nspec:\n").unwrap_err();
        template("kind: K\nmetadata:\n  name: k\nspec:\n  a: '{{ x }}'\n").unwrap_err();
    }
}
