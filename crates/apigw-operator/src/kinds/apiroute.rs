use std::collections::BTreeSet;

use crd_types::{
    apigw::v1alpha1::{APIRoute, APIRouteStatus, AppliedGateways},
    rules::InvalidField,
};
use operator_core::decide::key::ObjectKey;

use super::{Delivered, Text};
use crate::{
    compile::{self, Candidate, Destinations},
    snapshot::Kind,
};

impl Delivered for APIRoute {
    const KIND: Kind = Kind::ApiRoute;
    const NOUN: &'static str = "Route";
    const EARLIER_FINALIZER: &'static str = "apiroute.avapigw.io/finalizer";

    fn candidate(&self, text: &Text<'_>) -> Result<Candidate, InvalidField> {
        compile::route(self, &text)
    }

    fn config_maps(&self) -> Option<BTreeSet<ObjectKey>> {
        Some(compile::config_maps(self))
    }

    fn destinations(&self) -> Option<Destinations> {
        Some(Destinations::of(&self.spec))
    }

    fn gateways(status: &mut APIRouteStatus) -> &mut AppliedGateways {
        &mut status.gateways
    }
}
