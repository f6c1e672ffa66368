//! What has drifted and was set back, counted.

use std::collections::BTreeSet;

use operator_core::engines::external::Drifted;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Counts drift of one kind, by facet. A clone is the same.
#[derive(Clone, Debug)]
pub struct Drift {
    resource_type: &'static str,
    found: Family<Of, Counter>,
    set_back: Family<Of, Counter>,
    left: Family<Kind, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    resource_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    resource_type: &'static str,
    facet: &'static str,
}

impl Drift {
    /// Nothing of these facets has drifted yet.
    pub fn new(resource_type: &'static str, facets: impl Iterator<Item = &'static str>) -> Self {
        let drift = Self {
            resource_type,
            found: Family::default(),
            set_back: Family::default(),
            left: Family::default(),
        };
        drop(drift.left.get_or_create(&Kind { resource_type }));
        for facet in facets {
            let of = Of {
                resource_type,
                facet,
            };
            drop(drift.found.get_or_create(&of));
            drop(drift.set_back.get_or_create(&of));
        }
        drift
    }

    /// Adds the families to those of the operator.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "drift_detected",
            "Facets that were found to have changed by themselves",
            self.found.clone(),
        );
        registry.register(
            "drift_healed",
            "Facets that had changed by themselves and were set back",
            self.set_back.clone(),
        );
        registry.register(
            "drift_healing_failures",
            "Passes that ended in a fault while something that had changed by itself was to be set back",
            self.left.clone(),
        );
    }

    /// Notes that a pass could not set back what has.
    pub fn note_left(&self) {
        let resource_type = self.resource_type;
        self.left.get_or_create(&Kind { resource_type }).inc();
    }

    /// Notes that these facets have.
    pub fn note(&self, facets: &BTreeSet<&'static str>, drifted: Drifted) {
        let family = match drifted {
            Drifted::Found => &self.found,
            Drifted::SetBack => &self.set_back,
        };
        for facet in facets {
            let of = Of {
                resource_type: self.resource_type,
                facet,
            };
            family.get_or_create(&of).inc();
        }
    }
}
