//! What the leader election counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lease {
    name: String,
}

/// The families of every election of this process.
#[derive(Clone)]
pub(super) struct ElectionFamilies {
    leading: Family<Lease, Gauge>,
    slow_path: Family<Lease, Counter>,
}

impl ElectionFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            leading: Family::default(),
            slow_path: Family::default(),
        };
        registry.register(
            "leader_election_master_status",
            "Whether the reporting system is master of the relevant lease: 0 indicates backup, 1 \
             indicates master. 'name' identifies the lease",
            families.leading.clone(),
        );
        registry.register(
            "leader_election_slowpath",
            "Total number of slow paths exercised in renewing leader leases. 'name' identifies the lease",
            families.slow_path.clone(),
        );
        families
    }
}

/// What one election counts.
#[derive(Clone)]
pub struct ElectionMetrics {
    leading: Gauge,
    slow_path: Counter,
}

impl ElectionMetrics {
    pub(super) fn new(lease: &str, all: &ElectionFamilies) -> Self {
        let lease = Lease {
            name: lease.to_owned(),
        };
        Self {
            leading: all.leading.get_or_create_owned(&lease),
            slow_path: all.slow_path.get_or_create_owned(&lease),
        }
    }

    /// Whether this replica leads.
    pub fn leading(&self, leads: bool) {
        self.leading.set(i64::from(leads));
    }

    /// A renewal had to read the Lease first, because what was known of it was out of date.
    pub fn slow_path(&self) {
        self.slow_path.inc();
    }
}
