//! The table of values in a chart's README.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::values::Fields;

/// What stands around the table.
const BEGIN: &str = "<!-- Made by `cargo xtask gen-charts` of charts/values: edit there. -->";
const END: &str = "<!-- The end of what is made. -->";

/// `page` with the table of these values in place of the one that it has.
///
/// # Errors
/// Where the page does not say where the table belongs.
pub fn with_values(page: &str, fields: &Fields) -> Result<String> {
    let (before, rest) = page
        .split_once(BEGIN)
        .with_context(|| format!("it has no line `{BEGIN}`"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("it has no line `{END}`"))?;
    Ok(format!(
        "{before}{BEGIN}\n\n{}\n{END}{after}",
        table(fields)?
    ))
}

fn table(fields: &Fields) -> Result<String> {
    let mut table = "| value | default | meaning |\n|---|---|---|\n".to_owned();
    for (path, leaf) in fields.leaves() {
        let mut meaning = leaf.text.replace('|', "\\|");
        if !leaf.one_of.is_empty() {
            write!(meaning, " One of `{}`.", leaf.one_of.join("`, `"))?;
        }
        if let Some(range) = leaf.range() {
            write!(meaning, " {range}.")?;
        }
        if let Some(setting) = &leaf.setting {
            write!(meaning, " Setting `{setting}`.")?;
        }
        writeln!(table, "| `{path}` | `{}` | {meaning} |", leaf.default)?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_renewed_and_the_rest_stays() {
        let fields: Fields =
            serde_saphyr::from_str("a: { text: What a is., default: 1, most: 9, setting: A }")
                .unwrap();
        let page = format!("# Chart\n{BEGIN}\nold\n{END}\nmore\n");
        let renewed = with_values(&page, &fields).unwrap();
        assert_eq!(
            renewed,
            format!(
                "# Chart\n{BEGIN}\n\n| value | default | meaning |\n|---|---|---|\n\
                 | `a` | `1` | What a is. 0 to 9. Setting `A`. |\n\n{END}\nmore\n"
            )
        );
        assert_eq!(with_values(&renewed, &fields).unwrap(), renewed);
        with_values("# Chart\n", &fields).unwrap_err();
    }
}
