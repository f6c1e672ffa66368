//! Rules that admission enforces and an operator can check again.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// One rule about a value of type `V`, said twice: for the API server in CEL, for an operator in Rust.
#[derive(Debug)]
pub struct Rule<V: ?Sized> {
    /// The expression that must be true; `self` is the value.
    pub cel: &'static str,
    /// What the user is told when it is not.
    pub message: &'static str,
    /// The field that is to blame, below the value (`.kmsKeyID`); empty for the value itself.
    pub field: &'static str,
    /// The same as `cel`.
    pub holds: fn(&V) -> bool,
}

impl<V: ?Sized> Rule<V> {
    /// A rule that blames the value itself.
    pub const fn new(cel: &'static str, message: &'static str, holds: fn(&V) -> bool) -> Self {
        Self {
            cel,
            message,
            field: "",
            holds,
        }
    }

    /// A rule that blames a field below the value (`.kmsKeyID`).
    pub const fn of_field(
        field: &'static str,
        cel: &'static str,
        message: &'static str,
        holds: fn(&V) -> bool,
    ) -> Self {
        Self {
            cel,
            message,
            field,
            holds,
        }
    }
}

/// A rule about a change, for the API server only: nobody else sees the earlier value.
#[derive(Debug)]
pub struct Transition {
    /// The expression that must be true; `self` is the value, `oldSelf` what it was.
    pub cel: &'static str,
    /// What the user is told when it is not.
    pub message: &'static str,
    /// The field that is to blame, below the value; empty for the value itself.
    pub field: &'static str,
}

/// A value with rules.
pub trait Ruled: 'static {
    /// What must hold for every value.
    const RULES: &'static [Rule<Self>];
    /// What must hold for every change.
    const TRANSITIONS: &'static [Transition] = &[];

    /// Checks the rules of this value; not those of the values that it holds.
    ///
    /// # Errors
    /// The first rule that does not hold, at `path` (`spec.encryption`).
    fn check_rules(&self, path: &str) -> Result<(), InvalidField> {
        match Self::RULES.iter().find(|rule| !(rule.holds)(self)) {
            None => Ok(()),
            Some(rule) => Err(InvalidField::new(
                format!("{path}{}", rule.field),
                rule.message,
            )),
        }
    }
}

/// A value of which an operator checks again what admission checks: its own rules and those of all that it
/// holds.
pub trait Check {
    /// Checks a value at `path` (`spec.cache`).
    ///
    /// # Errors
    /// The first field that admission would refuse.
    fn check(&self, path: &str) -> Result<(), InvalidField>;
}

impl<T: Check> Check for Box<T> {
    fn check(&self, path: &str) -> Result<(), InvalidField> {
        T::check(self, path)
    }
}

impl<T: Check> Check for Option<T> {
    fn check(&self, path: &str) -> Result<(), InvalidField> {
        self.as_ref().map_or(Ok(()), |value| value.check(path))
    }
}

impl<T: Check> Check for Vec<T> {
    fn check(&self, path: &str) -> Result<(), InvalidField> {
        let mut items = self.iter().enumerate();
        items.try_for_each(|(index, item)| item.check(&format!("{path}[{index}]")))
    }
}

/// [`Check`] for a struct: its own rules first if it says `ruled`, then the fields that are named, each with
/// what it adds to the path.
macro_rules! checks {
    (ruled $type:ident { $($field:ident: $step:literal),* }) => {
        impl $crate::rules::Check for $type {
            fn check(&self, path: &str) -> Result<(), $crate::rules::InvalidField> {
                $crate::rules::Ruled::check_rules(self, path)?;
                $($crate::rules::Check::check(&self.$field, &format!("{path}{}", $step))?;)*
                Ok(())
            }
        }
    };
    ($type:ident { $($field:ident: $step:literal),* }) => {
        impl $crate::rules::Check for $type {
            fn check(&self, path: &str) -> Result<(), $crate::rules::InvalidField> {
                $($crate::rules::Check::check(&self.$field, &format!("{path}{}", $step))?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use checks;

/// A field that admission would refuse today.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct InvalidField {
    /// The field, from the object's root: `spec.encryption.kmsKeyID`.
    pub path: String,
    /// What is wrong with it and what is allowed.
    pub why: String,
}

impl InvalidField {
    /// The field at `path` is wrong because of `why`.
    pub fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            why: why.into(),
        }
    }
}

/// Writes the rules of `V` into its schema; for `#[schemars(transform = with_rules::<V>)]`.
pub(crate) fn with_rules<V: Ruled>(schema: &mut Schema) {
    schema.insert(VALIDATIONS.into(), cel_of::<V>());
}

/// Key of the CEL rules in a schema.
pub(crate) const VALIDATIONS: &str = "x-kubernetes-validations";

/// The rules of `V` as the API server reads them.
pub(crate) fn cel_of<V: Ruled + ?Sized>() -> Value {
    let entry = |cel: &str, message: &str, field: &str| {
        let mut entry = Map::from_iter([
            ("rule".into(), json!(cel)),
            ("message".into(), json!(message)),
        ]);
        if !field.is_empty() {
            entry.insert("fieldPath".into(), json!(field));
        }
        Value::Object(entry)
    };
    let rules = V::RULES
        .iter()
        .map(|rule| entry(rule.cel, rule.message, rule.field));
    let transitions = V::TRANSITIONS
        .iter()
        .map(|rule| entry(rule.cel, rule.message, rule.field));
    rules.chain(transitions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Range {
        low: i32,
        high: i32,
    }

    impl Ruled for Range {
        const RULES: &'static [Rule<Self>] = &[
            Rule::new("self.low != 0", "low is never zero", |range| range.low != 0),
            Rule::of_field(
                ".high",
                "self.low <= self.high",
                "high is below low",
                |range| range.low <= range.high,
            ),
        ];
        const TRANSITIONS: &'static [Transition] = &[Transition {
            cel: "self.low == oldSelf.low",
            message: "low stays",
            field: ".low",
        }];
    }

    #[test]
    fn the_first_broken_rule_blames_its_field() {
        let check = |low, high| Range { low, high }.check_rules("spec.range");
        assert_eq!(check(1, 1), Ok(()));
        assert_eq!(
            check(2, 1),
            Err(InvalidField::new("spec.range.high", "high is below low"))
        );
        assert_eq!(
            check(0, -1).unwrap_err().to_string(),
            "spec.range: low is never zero"
        );
    }

    #[test]
    fn the_schema_holds_rules_and_transitions() {
        assert_eq!(
            cel_of::<Range>(),
            json!([
                { "rule": "self.low != 0", "message": "low is never zero" },
                { "rule": "self.low <= self.high", "message": "high is below low", "fieldPath": ".high" },
                { "rule": "self.low == oldSelf.low", "message": "low stays", "fieldPath": ".low" },
            ])
        );
    }
}
