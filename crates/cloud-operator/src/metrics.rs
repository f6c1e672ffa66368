//! The families of this operator's own; `docs/metrics.md` tells what each of them means.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket},
    lifecycle::{HasLifecycle, Managed},
};
use operator_core::{
    cluster::cache::{Cache, Whole},
    process,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};

use crate::{aws::Meter, drift::Drift};

/// What every name begins with; as dashboards of the older operator have it.
const PREFIX: &str = "infra_operator";

/// What is read from the caches at each scrape.
pub struct Live {
    /// Of providers.
    pub providers: Arc<Cache<Whole<AWSProvider>>>,
    /// Of buckets.
    pub buckets: Arc<Cache<Whole<S3Bucket>>>,
}

/// Adds the families to those of the operator.
pub fn register(metrics: &process::metrics::Metrics, meter: &Meter, drift: &Drift, live: Live) {
    metrics.register(|registry| {
        let registry = registry.sub_registry_with_prefix(PREFIX);
        meter.register(registry);
        drift.register(registry);
        registry.register_collector(Box::new(live));
    });
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Objects of a kind by what their status says";
        let gauge = MetricType::Gauge;
        let mut family = encoder.encode_descriptor("resources_total", help, None, gauge)?;
        let counts = [count(&self.providers), count(&self.buckets)];
        for (resource_type, statuses) in &counts {
            for (status, count) in statuses {
                let labels = [("resource_type", *resource_type), ("status", *status)];
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
            }
        }

        let help = "1 where AWS knows the credentials of the AWSProvider, else 0";
        let mut family = encoder.encode_descriptor("provider_ready", help, None, gauge)?;
        for (key, provider) in self.providers.snapshot() {
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

fn count<K: Managed>(cache: &Cache<Whole<K>>) -> (&'static str, BTreeMap<&'static str, usize>) {
    let mut statuses = BTreeMap::from([("deleting", 0), ("notready", 0), ("ready", 0)]);
    for (_, object) in cache.snapshot() {
        let status = match object.meta().deletion_timestamp {
            Some(_) => "deleting",
            None if is_ready(&*object) => "ready",
            None => "notready",
        };
        *statuses.entry(status).or_default() += 1;
    }
    statuses.insert("unreadable", cache.state().unreadable);
    (cache.name(), statuses)
}

fn is_ready<K: Managed>(object: &K) -> bool {
    let lifecycle = object.status().map(HasLifecycle::lifecycle);
    lifecycle.is_some_and(|lifecycle| {
        lifecycle.ready && lifecycle.observed_generation == object.meta().generation
    })
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
