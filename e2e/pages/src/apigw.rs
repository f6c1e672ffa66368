//! What is told of `apigw-operator` alone.

use apigw_operator::{
    conditions::{ACCEPTED, PROGRAMMED, RESOLVED_REFS},
    reasons,
};
use crd_types::apigw::v1alpha1::GROUP;

use crate::conditions::{Section, page};

/// What its objects may say of themselves.
pub fn conditions() -> String {
    let section = Section {
        title: "APIRoute and Backend",
        intro: "",
        tables: &[reasons::REASONS],
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
    page("apigw-operator", GROUP, &own, &[section])
}
