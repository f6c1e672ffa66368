//! The pages of `docs/` that are made of this crate.

use crd_types::apigw::v1alpha1::GROUP;
use operator_core::{
    engines::reasons::{self, Section},
    process::config,
};

use crate::{
    Config,
    kinds::PROGRAMMED,
    status::{ACCEPTED, RESOLVED_REFS, reasons::OWN},
};

/// What its objects may say of themselves.
pub fn conditions() -> String {
    let section = Section {
        title: "APIRoute and Backend",
        intro: "",
        reasons: OWN,
    };
    let own = [
        (
            ACCEPTED,
            "True: it is sent to gateways. False: a gateway would refuse it, or an older object has what it asks for",
        ),
        (
            PROGRAMMED,
            "True: every connected gateway has it in force. False: not yet, or one has refused it",
        ),
        (
            RESOLVED_REFS,
            "of an APIRoute: whether each destination is a Backend or a Service; False is a warning that stops nothing",
        ),
    ];
    reasons::page("apigw-operator", GROUP, &own, &[section])
}

/// Its settings.
pub fn settings() -> String {
    config::page::<Config>()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use operator_core::engines::{controller, reasons::Reason};

    use super::*;

    #[test]
    fn every_reason_is_told_and_each_that_is_told_is_given() {
        let names = |table: &'static [Reason]| -> BTreeSet<&str> {
            table.iter().map(|it| it.name).collect()
        };
        let (own, core) = (names(OWN), names(controller::reasons::REASONS));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        harness::reasons::told(&[&sources], &own, &core).unwrap();
    }
}
