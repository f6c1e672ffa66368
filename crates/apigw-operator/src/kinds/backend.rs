use crd_types::apigw::v1alpha1::{AppliedGateways, Backend, BackendStatus};

use super::Delivered;
use crate::{
    compile::{self, Candidate},
    snapshot::Kind,
};

impl Delivered for Backend {
    const KIND: Kind = Kind::Backend;
    const NOUN: &'static str = "Backend";
    const EARLIER_FINALIZER: &'static str = "backend.avapigw.io/finalizer";

    fn candidate(&self) -> Result<Candidate, String> {
        compile::backend(self)
    }

    fn gateways(status: &mut BackendStatus) -> &mut AppliedGateways {
        &mut status.gateways
    }

    fn show(&self, status: &mut BackendStatus) {
        status.total_hosts = i32::try_from(self.spec.hosts.len()).ok();
    }
}
