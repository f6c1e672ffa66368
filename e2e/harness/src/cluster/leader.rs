//! Who leads, by a Lease.

use anyhow::{Context, Result};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;

use super::Namespace;
use crate::wait::{PATIENCE, wait_for};

/// A process that leads; the next one of the same Pod is another leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader(String);

impl Leader {
    /// Its Pod.
    pub fn pod(&self) -> &str {
        // `POD_NUMBER`; names of Pods have no underscore.
        self.0.split('_').next().unwrap_or(&self.0)
    }

    fn of(lease: &Lease) -> Option<Self> {
        let spec = lease.spec.as_ref()?;
        let holder = spec.holder_identity.clone()?;
        (!holder.is_empty()).then_some(Self(holder))
    }
}

impl Namespace {
    /// Waits until somebody leads by this Lease who fits, and says who.
    ///
    /// # Errors
    /// When nobody does within two minutes.
    pub async fn leader(&self, lease: &str, fits: impl Fn(&Leader) -> bool) -> Result<Leader> {
        let leads = |lease: &Lease| match Leader::of(lease) {
            Some(found) if fits(&found) => Ok(()),
            Some(found) => Err(format!("{} leads", found.0)),
            None => Err("nobody leads".to_owned()),
        };
        let leases: Api<Lease> = self.api()?;
        let lease = wait_for(&leases, lease, "a leader", 2 * PATIENCE, leads).await?;
        Leader::of(&lease).context("nobody leads any more")
    }
}
