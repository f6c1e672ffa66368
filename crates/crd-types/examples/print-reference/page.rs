//! A definition as a page.

use std::{error::Error, fmt::Write};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::Value;

use crate::fields::{Field, fields};

const HEAD: &str = "\
| field | type | default | allowed | meaning |
|---|---|---|---|---|
";

/// The page on a kind.
pub fn page(crd: &CustomResourceDefinition) -> Result<String, Box<dyn Error>> {
    let (spec, names) = (&crd.spec, &crd.spec.names);
    let mut page = format!("# {}\n", names.kind);
    for version in &spec.versions {
        let schema = version
            .schema
            .as_ref()
            .and_then(|it| it.open_api_v3_schema.as_ref());
        let schema = serde_json::to_value(schema.ok_or("a version without a schema")?)?;
        let short: Vec<_> = names
            .short_names
            .iter()
            .flatten()
            .map(|it| format!("`{it}`"))
            .collect();
        let groups: Vec<_> = names
            .categories
            .iter()
            .flatten()
            .map(|it| format!("`{it}`"))
            .collect();
        let _ = write!(
            page,
            "\n`{}/{}`, {}. `kubectl get` knows it as `{}` and {}, and lists it among {}.\n\n{}\n\n\
             `kubectl explain {}.spec` tells the same. A field with \\* must be there wherever what it stands in is; \
             `[]` stands for each item of a list, `.*` for each entry of a map.\n",
            spec.group,
            version.name,
            spec.scope.to_lowercase(),
            names.plural,
            short.join(", "),
            groups.join(", "),
            text(&schema["description"]),
            names.singular.as_deref().unwrap_or(&names.plural),
        );
        for part in ["spec", "status"] {
            write_part(&mut page, part, &schema["properties"][part]);
        }
        write_columns(&mut page, version);
    }
    page.push_str("\nMade by `cargo xtask gen-docs` from the schema that the API server checks.\n");
    Ok(page)
}

fn write_part(page: &mut String, name: &str, schema: &Value) {
    let fields = fields(schema);
    let _ = write!(
        page,
        "\n## {name}\n\n{}\n\n{HEAD}",
        text(&schema["description"])
    );
    for field in &fields {
        let Field {
            path,
            required,
            sort,
            default,
            allowed,
            meaning,
        } = field;
        let required = if *required { " \\*" } else { "" };
        let path = path.strip_prefix('.').unwrap_or(path);
        let _ = writeln!(
            page,
            "| `{path}`{required} | {sort} | {} | {} | {} |",
            default
                .as_ref()
                .map(|it| format!("`{}`", cell(it)))
                .unwrap_or_default(),
            prose(&allowed.join("; ")),
            prose(meaning),
        );
    }
}

fn write_columns(page: &mut String, version: &CustomResourceDefinitionVersion) {
    page.push_str("\n## Columns of `kubectl get`\n\n| column | shows | where |\n|---|---|---|\n");
    for column in version.additional_printer_columns.iter().flatten() {
        let place = match column.priority {
            Some(1..) => "with `-o wide`",
            _ => "",
        };
        let _ = writeln!(
            page,
            "| {} | `{}` | {place} |",
            column.name,
            cell(&column.json_path)
        );
    }
}

fn text(value: &Value) -> String {
    prose(value.as_str().unwrap_or_default())
}

/// Text in which nothing but code is taken for markup.
fn prose(text: &str) -> String {
    let plain = |text: &str| {
        let text = text.replace('<', "&lt;").replace('*', "\\*");
        text.replace('_', "\\_").replace("\n\n", "<br>")
    };
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => plain(part),
        _ => part.to_owned(),
    });
    cell(&parts.collect::<Vec<_>>().join("`"))
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(kind: &str) -> String {
        let crd = crd_types::crds()
            .into_iter()
            .find(|it| it.spec.names.kind == kind);
        page(&crd.expect("the kind")).expect("a page")
    }

    #[test]
    fn every_kind_has_a_page_in_which_each_row_has_all_columns() {
        for crd in crd_types::crds() {
            let page = page(&crd).expect("a page");
            for row in page.lines().filter(|line| line.starts_with("| `")) {
                let columns = row.replace("\\|", "").matches('|').count();
                assert!(columns == 6, "{row}");
            }
        }
    }

    #[test]
    fn a_row_tells_all_of_a_field() {
        let page = page_of("S3Bucket");
        let row = |path: &str| {
            let start = format!("| `{path}` ");
            let found = page.lines().find(|line| line.starts_with(&start));
            found
                .unwrap_or_else(|| panic!("{path} in {page}"))
                .to_owned()
        };
        let name = row("bucketName");
        assert!(
            name.starts_with("| `bucketName` \\* | string |  | 3 to 63 characters;"),
            "{name}"
        );
        assert!(
            row("corsRules[].allowedMethods[]").contains("must be GET"),
            "{page}"
        );
        assert!(
            row("corsRules[].allowedOrigins").contains("at most one `*`."),
            "{page}"
        );
        assert!(
            page.contains("| Age | `.metadata.creationTimestamp` |  |"),
            "{page}"
        );
    }
}
