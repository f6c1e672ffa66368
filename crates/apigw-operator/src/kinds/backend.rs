use crd_types::{
    apigw::v1alpha1::{AppliedGateways, Backend, BackendStatus},
    rules::InvalidField,
};

use super::{Delivered, Text};
use crate::{
    compile::{self, Candidate},
    snapshot::Kind,
};

impl Delivered for Backend {
    const KIND: Kind = Kind::Backend;
    const NOUN: &'static str = "Backend";
    const EARLIER_FINALIZER: &'static str = "backend.avapigw.io/finalizer";

    fn candidate(&self, _: &Text<'_>) -> Result<Candidate, InvalidField> {
        compile::backend(self)
    }

    fn hosts(&self) -> Vec<(String, i32)> {
        let hosts = self.spec.hosts.iter();
        hosts
            .map(|host| (host.address.clone(), host.port))
            .collect()
    }

    fn gateways(status: &mut BackendStatus) -> &mut AppliedGateways {
        &mut status.gateways
    }

    fn show(&self, status: &mut BackendStatus) {
        status.total_hosts = i32::try_from(self.spec.hosts.len()).ok();
    }
}
