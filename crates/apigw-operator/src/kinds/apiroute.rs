use crd_types::apigw::v1alpha1::{APIRoute, APIRouteStatus, AppliedGateways};

use super::Delivered;
use crate::{
    compile::{self, Candidate},
    snapshot::Kind,
};

impl Delivered for APIRoute {
    const KIND: Kind = Kind::ApiRoute;
    const NOUN: &'static str = "Route";
    const EARLIER_FINALIZER: &'static str = "apiroute.avapigw.io/finalizer";

    fn candidate(&self) -> Result<Candidate, String> {
        compile::route(self)
    }

    fn gateways(status: &mut APIRouteStatus) -> &mut AppliedGateways {
        &mut status.gateways
    }
}
