//! Feature gates: parts of an operator that can be turned off, and those that are not on by default.

use std::collections::BTreeMap;

/// A part that can be turned on and off.
#[derive(Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its name, in CamelCase.
    pub name: &'static str,
    /// Whether it is on where nobody says otherwise.
    pub default: bool,
    /// What it is.
    pub meaning: &'static str,
}

/// `/debug/state`: what an operator is doing, beside its metrics.
pub const DEBUG_STATE: Gate = Gate {
    name: "DebugState",
    default: true,
    meaning: "`/debug/state`, which shows what the operator is doing",
};

/// Traces, where the environment names a collector.
pub const TRACES: Gate = Gate {
    name: "Traces",
    default: true,
    meaning: "traces, where the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`)",
};

/// The gates that somebody has set: `A=true,B=false`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureGates(BTreeMap<String, bool>);

impl FeatureGates {
    /// A parser that knows these gates.
    pub fn of(
        known: &'static [&'static Gate],
    ) -> impl Fn(&str) -> Result<Self, String> + Clone + Send + Sync + 'static {
        move |text| {
            let mut gates = BTreeMap::new();
            for item in text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
            {
                let (name, value) = item.split_once('=').ok_or_else(|| allowed(known))?;
                let gate = known.iter().find(|gate| gate.name == name.trim());
                let gate = gate.ok_or_else(|| allowed(known))?;
                let on = match value.trim().to_ascii_lowercase().as_str() {
                    "true" | "t" | "1" => true,
                    "false" | "f" | "0" => false,
                    _ => return Err(allowed(known)),
                };
                gates.insert(gate.name.to_owned(), on);
            }
            Ok(Self(gates))
        }
    }

    /// Whether a part is on.
    pub fn is_on(&self, gate: &Gate) -> bool {
        self.0.get(gate.name).copied().unwrap_or(gate.default)
    }
}

fn allowed(known: &[&Gate]) -> String {
    let gates = known.iter().map(|gate| format!("{}=true|false", gate.name));
    format!(
        "a comma-separated list of {}",
        gates.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Gate = Gate {
        name: "New",
        default: false,
        meaning: "",
    };

    #[test]
    fn a_gate_is_as_set_and_else_as_by_default() {
        let parse = FeatureGates::of(&[&DEBUG_STATE, &NEW]);
        let on = |text: &str| {
            let gates = parse(text).unwrap();
            (gates.is_on(&DEBUG_STATE), gates.is_on(&NEW))
        };
        assert_eq!(on(""), (true, false));
        assert_eq!(on("New=true"), (true, true));
        assert_eq!(on(" DebugState=False , New=1,"), (false, true));
        assert_eq!(on("New=true,New=false"), (true, false), "the last one");
    }

    #[test]
    fn an_unknown_gate_is_refused_with_those_that_are_known() {
        let parse = FeatureGates::of(&[&DEBUG_STATE, &NEW]);
        for text in ["Old=true", "new=true", "New", "New=yes", "=true"] {
            let refused = parse(text).unwrap_err();
            assert!(
                refused.contains("DebugState=true|false, New=true|false"),
                "{refused}"
            );
        }
    }
}
