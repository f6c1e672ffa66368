//! What routes may refer to.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Service;
use kube::core::PartialObjectMeta;
use operator_core::{
    cluster::cache::{Cache, Projection},
    decide::key::ObjectKey,
};

use super::wish::Wishes;
use crate::{
    compile::Targets,
    snapshot::{ItemId, Kind, Snapshot},
};

/// Keeps of a Service that it is there.
pub struct ServiceNames;

impl Projection for ServiceNames {
    type Object = PartialObjectMeta<Service>;
    type Stored = ();

    fn project(_: PartialObjectMeta<Service>) {}
}

/// What routes may refer to at one moment.
pub(super) struct Known<'a> {
    backends: HashSet<&'a str>,
    hosts: HashSet<(&'a str, i32)>,
    services: &'a Cache<ServiceNames>,
}

impl<'a> Known<'a> {
    /// Of the Backends, those that gateways get.
    pub fn of(wishes: &'a Wishes, sent: &Snapshot, services: &'a Cache<ServiceNames>) -> Self {
        let is_sent = |id: &ItemId| id.kind == Kind::Backend && sent.has(id);
        let backends = || wishes.iter().filter(|(id, _)| is_sent(id));
        let hosts = backends().flat_map(|(_, wish)| &wish.hosts);
        Self {
            backends: backends().map(|(id, _)| &*id.key.name).collect(),
            hosts: hosts.map(|(address, port)| (&**address, *port)).collect(),
            services,
        }
    }
}

impl Targets for Known<'_> {
    fn has_backend(&self, name: &str) -> bool {
        self.backends.contains(name)
    }

    fn has_host(&self, address: &str, port: i32) -> bool {
        self.hosts.contains(&(address, port))
    }

    fn has_service(&self, key: &ObjectKey) -> bool {
        self.services.get(key).is_some()
    }
}
