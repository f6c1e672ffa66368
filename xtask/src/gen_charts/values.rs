//! The values of a chart as `charts/values` has them: each with what it means, its default, and what is allowed.

use std::fmt;

use anyhow::{Result, bail, ensure};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// Values by their names, in the order in which they are told.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, Entry)>);

/// A value, or a group of values.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it means.
    pub text: String,
    /// What it is unless somebody says otherwise.
    #[serde(default)]
    pub default: Value,
    /// What is allowed, where the default does not tell.
    #[serde(default)]
    shape: Option<Shape>,
    /// The only texts that are allowed, beside none at all where that is the default.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// The least number that is allowed; 0 if it is left out.
    #[serde(default)]
    pub least: Option<u64>,
    /// The greatest number that is allowed.
    #[serde(default)]
    pub most: Option<u64>,
    /// From which duration to which is allowed, as in `10s to 24h`.
    #[serde(default)]
    range: Option<String>,
    /// What a text as a whole has to match, or each of some.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The operator's setting that it becomes, by its environment name.
    #[serde(default)]
    pub setting: Option<String>,
    /// Whether other values than these may stand in this group.
    #[serde(default)]
    pub open: bool,
    /// The values of a group.
    #[serde(default)]
    pub fields: Option<Fields>,
}

/// What is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Any text, or one of some.
    Text,
    /// true or false.
    Flag,
    /// A number, not negative.
    Count,
    /// A duration in Go's notation.
    Duration,
    /// A duration as Prometheus has it.
    Interval,
    /// A port.
    Port,
    /// A DNS label, or nothing.
    Label,
    /// The name of an object, or nothing.
    Name,
    /// A digest of an image, or nothing.
    Digest,
    /// A list of texts.
    Texts,
    /// A list of texts that a setting has with commas between.
    Names,
    /// A list of namespaces.
    Namespaces,
    /// Texts by names.
    Map,
    /// An object of the Kubernetes API.
    Object,
    /// A list of them.
    Objects,
    /// How often and how long a probe is tried.
    Probe,
    /// What a container asks for, and its limits.
    Resources,
    /// A list of objects with `name`.
    References,
    /// A list of objects with `namespace` and `name`.
    Accounts,
    /// The same, where `namespace` may be left out.
    Secrets,
    /// Feature gates, on or off.
    Gates,
    /// A number, a percentage, or nothing.
    Share,
}

impl Fields {
    /// These, and after them others.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// With the chart's name where defaults refer to it.
    pub fn of_chart(mut self, name: &str) -> Self {
        for (_, entry) in &mut self.0 {
            if entry.default == "{chart}" {
                entry.default = name.into();
            }
            entry.fields = entry.fields.take().map(|fields| fields.of_chart(name));
        }
        self
    }

    /// Each value that is no group, by its path.
    pub fn leaves(&self) -> Vec<(String, &Entry)> {
        let mut leaves = Vec::new();
        for (name, entry) in &self.0 {
            match &entry.fields {
                None => leaves.push((name.clone(), entry)),
                Some(fields) => {
                    let below = fields.leaves().into_iter();
                    leaves.extend(below.map(|(path, leaf)| (format!("{name}.{path}"), leaf)));
                }
            }
        }
        leaves
    }

    /// Whether every entry says what it has to.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<()> {
        for (name, entry) in &self.0 {
            ensure!(entry.text.ends_with('.'), "{name}: `text` is no sentence");
            let Some(fields) = &entry.fields else {
                ensure!(!entry.open, "{name}: only a group can be `open`");
                continue;
            };
            ensure!(
                entry.shape.is_none() && entry.default.is_null() && entry.setting.is_none(),
                "{name}: a group has neither shape nor default nor setting"
            );
            fields.check()?;
        }
        for (path, leaf) in self.leaves() {
            if let Err(why) = leaf.check() {
                bail!("{path}: {why:#}");
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Whether what it says fits together.
    fn check(&self) -> Result<()> {
        let shape = self.shape()?;
        let has_bound = self.least.is_some() || self.most.is_some();
        ensure!(
            shape == Shape::Count || !has_bound,
            "only a number has `least` or `most`"
        );
        ensure!(
            shape == Shape::Duration || self.range.is_none(),
            "only a duration has `range`"
        );
        let is_free = matches!(shape, Shape::Text | Shape::Names) && self.one_of.is_empty();
        ensure!(
            is_free || self.pattern.is_none(),
            "only a text, or a list of names, has `pattern`"
        );
        Ok(())
    }

    /// The range of a number or a duration, as users are told.
    pub fn range(&self) -> Option<String> {
        let least = self.least.unwrap_or(0);
        let of_number = || self.most.map(|most| format!("{least} to {most}"));
        self.range.clone().or_else(of_number)
    }

    /// What is allowed.
    ///
    /// # Errors
    /// Where neither the shape nor the default says it.
    pub fn shape(&self) -> Result<Shape> {
        Ok(match (self.shape, &self.default) {
            (Some(shape), _) => shape,
            (None, Value::String(_)) => Shape::Text,
            (None, Value::Bool(_)) => Shape::Flag,
            (None, Value::Number(_)) => Shape::Count,
            (None, other) => bail!("the default {other} tells no `shape`"),
        })
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by their names")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fields> {
        let fields: Fields = serde_saphyr::from_str(text)?;
        fields.check()?;
        Ok(fields)
    }

    #[test]
    fn values_keep_their_order_and_have_paths() {
        let fields = read(
            "b: { text: B., fields: { z: { text: Z., default: 1 }, a: { text: A., default: true } } }\n\
             a: { text: A., default: '{chart}' }\n",
        );
        let fields = fields.unwrap().of_chart("x");
        let leaves = fields.leaves();
        let paths: Vec<_> = leaves.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["b.z", "b.a", "a"]);
        assert_eq!(leaves[2].1.default, "x");
        assert_eq!(leaves[0].1.shape().unwrap(), Shape::Count);
    }

    #[test]
    fn what_says_too_little_is_refused_by_name() {
        for (text, named) in [
            (
                "a: { text: A., default: [] }",
                "a: the default [] tells no `shape`",
            ),
            ("a: { text: no sentence, default: 1 }", "a: `text`"),
            ("a: { text: A., default: 1, kind: x }", "kind"),
            ("a: { text: A., default: 1, fields: {} }", "a: a group"),
            ("a: { text: A., default: x, most: 1 }", "a: only a number"),
            (
                "a: { text: A., default: 1, range: 1s to 2s }",
                "a: only a duration",
            ),
            ("a: { text: A., default: 1, pattern: x }", "a: only a text"),
        ] {
            let refused = format!("{:#}", read(text).unwrap_err());
            assert!(refused.contains(named), "{refused}");
        }
    }
}
