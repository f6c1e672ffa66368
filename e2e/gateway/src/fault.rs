//! Why a gateway refuses a configuration.

use crate::kind::Kind;

/// A reason, and the resource that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: Kind,
    name: String,
    reason: String,
}

impl Fault {
    pub(crate) fn new(kind: Kind, name: &str, reason: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            reason: reason.into(),
        }
    }

    /// The text of the refusal, with or without the resource's name.
    pub(crate) fn text(&self, named: bool) -> String {
        if named {
            format!("{} {:?}: {}", self.kind.word(), self.name, self.reason)
        } else {
            format!("{}: {}", self.kind.word(), self.reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_or_left_out() {
        let fault = Fault::new(Kind::ApiRoute, "x", "no destination");
        assert_eq!(fault.text(true), r#"route "x": no destination"#);
        assert_eq!(fault.text(false), "route: no destination");
    }
}
