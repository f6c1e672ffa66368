//! `values.yaml`: every value with its default, and above it what it means.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::values::Fields;

const HEAD: &str = "# Made by `cargo xtask gen-charts` of charts/values: edit there.\n";
/// How long a line of a comment is, its indentation left aside.
const WIDTH: usize = 110;

/// The file.
///
/// # Errors
/// Where a default cannot be written.
pub fn values(fields: &Fields) -> Result<String> {
    let mut text = HEAD.to_owned();
    group(&mut text, fields, 0)?;
    Ok(text)
}

fn group(text: &mut String, fields: &Fields, depth: usize) -> Result<()> {
    let indent = "  ".repeat(depth);
    for (name, entry) in &fields.0 {
        if depth == 0 {
            text.push('\n');
        }
        for line in wrapped(&entry.text) {
            writeln!(text, "{indent}# {line}")?;
        }
        if !entry.one_of.is_empty() {
            writeln!(text, "{indent}# One of: {}.", entry.one_of.join(", "))?;
        }
        if let Some(range) = entry.range() {
            writeln!(text, "{indent}# {range}.")?;
        }
        match &entry.fields {
            Some(fields) => {
                writeln!(text, "{indent}{name}:")?;
                group(text, fields, depth + 1)?;
            }
            None if is_block(&entry.default) => {
                writeln!(text, "{indent}{name}:")?;
                for line in serde_saphyr::to_string(&entry.default)?.lines() {
                    writeln!(text, "{indent}  {line}")?;
                }
            }
            // A scalar or an empty list or map is the same in JSON.
            None => writeln!(text, "{indent}{name}: {}", entry.default)?,
        }
    }
    Ok(())
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_stands_below_its_meaning() {
        let fields: Fields = serde_saphyr::from_str(
            "image: { text: The image., fields: { tag: { text: Its tag., default: '' } } }\n\
             level: { text: The level., default: info, one_of: [info, debug] }\n\
             many: { text: How many., default: 1, most: 9 }\n\
             long: { text: How long., default: 1m, shape: duration, range: 1s to 1h }\n\
             list: { text: A list., default: ['*'], shape: names }\n\
             none: { text: Nothing., default: {}, shape: map }\n",
        )
        .unwrap();
        let text = values(&fields).unwrap();
        let expected = "\
            \n# The image.\nimage:\n  # Its tag.\n  tag: \"\"\n\
            \n# The level.\n# One of: info, debug.\nlevel: \"info\"\n\
            \n# How many.\n# 0 to 9.\nmany: 1\n\
            \n# How long.\n# 1s to 1h.\nlong: \"1m\"\n\
            \n# A list.\nlist:\n  - \"*\"\n\
            \n# Nothing.\nnone: {}\n";
        let body = text.strip_prefix(HEAD).unwrap();
        assert_eq!(
            body.replace("'*'", "\"*\"").replace("- *", "- \"*\""),
            expected
        );
    }
}
