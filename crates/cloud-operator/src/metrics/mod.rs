//! The families of this operator's own; `docs/metrics.md` tells what each of them means.

mod finalizers;
mod standing;

use std::{fmt, sync::Arc};

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use operator_core::{
    cluster::cache::{Cache, Whole},
    process,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};

pub use self::finalizers::{Finalizers, Finalizing};
use self::standing::{Standings, is_ready};
use crate::{aws::Meter, drift::Drift, provider::Sessions};

/// What every name begins with; as dashboards of the older operator have it.
const PREFIX: &str = "infra_operator";

/// What is told of objects at each scrape.
pub struct Live {
    providers: Arc<Cache<Whole<AWSProvider>>>,
    of_providers: Standings<AWSProvider>,
    of_buckets: Standings<S3Bucket>,
}

impl Live {
    /// Of those in these caches. To be called before the caches run.
    pub fn of(
        providers: &Arc<Cache<Whole<AWSProvider>>>,
        buckets: &Arc<Cache<Whole<S3Bucket>>>,
    ) -> Self {
        Self {
            providers: providers.clone(),
            of_providers: Standings::of(providers),
            of_buckets: Standings::of(buckets),
        }
    }
}

/// Adds the families to those of the operator.
pub fn register(
    metrics: &process::metrics::Metrics,
    meter: &Meter,
    drift: &Drift,
    finalizers: &Finalizers,
    sessions: &Sessions,
    live: Live,
) {
    metrics.register(|registry| {
        let registry = registry.sub_registry_with_prefix(PREFIX);
        meter.register(registry);
        drift.register(registry);
        finalizers.register(registry);
        registry.register(
            "provider_credential_rotations",
            "Times an AWSProvider went over to other credentials, as its spec or Secrets had changed",
            sessions.rotations(),
        );
        registry.register_collector(Box::new(live));
    });
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Objects of a kind by what their status says";
        let gauge = MetricType::Gauge;
        let mut family = encoder.encode_descriptor("resources_total", help, None, gauge)?;
        let of_kinds = [self.of_providers.counts(), self.of_buckets.counts()];
        for (resource_type, counts) in of_kinds {
            for (status, count) in counts {
                let labels = [("resource_type", resource_type), ("status", status)];
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
            }
        }

        let help = "1 where AWS knows the credentials of the AWSProvider, else 0";
        let mut family = encoder.encode_descriptor("provider_ready", help, None, gauge)?;
        for (key, provider) in self.providers.objects() {
            let labels = [
                ("provider_name", &*key.name),
                ("namespace", &*key.namespace),
                ("region", provider.spec.region.as_str()),
            ];
            let ready = ConstGauge::new(i64::from(is_ready(&*provider)));
            ready.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
