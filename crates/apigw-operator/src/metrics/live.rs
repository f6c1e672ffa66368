//! What is read from its owners at each scrape.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::HasLifecycle,
};
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::clock::Clock,
    process::{self, certs::Certificates},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::PREFIX;
use crate::{
    config::CertProvider, gateways::Gateways, kinds::Delivered, plan::Planner, snapshot::Kind,
};

/// The owners to ask.
pub struct Live {
    /// Every route.
    pub routes: Arc<Cache<Whole<APIRoute>>>,
    /// Every backend.
    pub backends: Arc<Cache<Whole<Backend>>>,
    /// What gateways must have.
    pub planner: Arc<Planner>,
    /// The gateways of this replica.
    pub gateways: Arc<Gateways>,
    /// The certificates in force.
    pub certificates: Certificates,
    /// Where they come from.
    pub provider: CertProvider,
    /// The time.
    pub clock: Clock,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Type {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    kind: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommonName {
    common_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    provider: &'static str,
    operation: &'static str,
}

impl Live {
    /// Adds what they say to the metrics of the operator.
    pub fn register(self, metrics: &process::metrics::Metrics) {
        metrics.register(|registry| {
            let registry = registry.sub_registry_with_prefix(PREFIX);
            registry.register_collector(Box::new(self));
        });
    }

    fn objects(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (routes, backends) = (Objects::of(&self.routes), Objects::of(&self.backends));
        let kinds = [routes, backends];
        let help = "Objects of a kind that the operator sees, readable or not";
        let all = kinds.iter().map(|kind| {
            let labels = Type { r#type: kind.name };
            (labels, kind.all)
        });
        gauges(encoder, "crds_total", help, all)?;

        let help = "Objects of a kind in a namespace";
        let places = kinds.iter().flat_map(|kind| {
            kind.places.iter().map(|(namespace, count)| {
                let labels = Place {
                    kind: kind.name,
                    namespace: namespace.to_string(),
                };
                (labels, *count)
            })
        });
        gauges(encoder, "resources_total", help, places)
    }

    fn conditions(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What the status of an object says: 1 where the condition is True, else 0";
        let kind = MetricType::Gauge;
        let mut family = encoder.encode_descriptor("resource_condition", help, None, kind)?;
        conditions(&mut family, &self.routes)?;
        conditions(&mut family, &self.backends)
    }

    fn wishes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.planner.counts();
        let outdated = "Objects that were taken anew as a ConfigMap that they refer to was read";
        let earlier = "Fields that were moved from where earlier gateways looked for them to where they stand today";
        for (name, help, count) in [
            ("configmap_watch_enqueues", outdated, counts.outdated),
            ("legacy_field_conversions", earlier, counts.earlier_fields),
        ] {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            let labels = Of {
                kind: Kind::ApiRoute.into(),
            };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gateways(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let count = self.gateways.count();
        let help = "Gateways whose stream of configuration this replica serves";
        gauge(encoder, "gateways_connected", help, count.connected)?;
        let help =
            "Gateways that are registered at this replica, whether their stream is open or not";
        gauge(encoder, "grpc_active_gateways", help, count.registered)
    }

    fn certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help =
            "Time until the certificate that the operator shows expires; negative once it has";
        let kind = MetricType::Gauge;
        let mut family = encoder.encode_descriptor("cert_expiry_seconds", help, None, kind)?;
        if let Some((common_name, expires)) = self.certificates.in_force() {
            let left = expires.duration_since(self.clock.wall()).as_secs_f64();
            let labels = CommonName { common_name };
            ConstGauge::new(left).encode(family.encode_family(&labels)?)?;
        }

        let (provider, counts) = (self.provider.name(), self.certificates.counts());
        let issued =
            "Certificates that this replica issued: the operator's own, and those of gateways";
        let rotated = "Certificates that the operator showed and that another one has replaced";
        for (name, help, count) in [
            ("cert_issued", issued, counts.issued),
            ("cert_rotations", rotated, counts.rotated),
        ] {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            let labels = Provider { provider };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }

        let help = "Attempts to keep the certificates in order that failed";
        let kind = MetricType::Counter;
        let mut family = encoder.encode_descriptor("cert_errors", help, None, kind)?;
        for (operation, count) in counts.errors {
            let labels = Failed {
                provider,
                operation,
            };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.objects(&mut encoder)?;
        self.conditions(&mut encoder)?;
        self.wishes(&mut encoder)?;
        self.gateways(&mut encoder)?;
        self.certificates(&mut encoder)
    }
}

/// How many objects of a kind there are.
struct Objects {
    name: &'static str,
    all: usize,
    places: BTreeMap<Arc<str>, usize>,
}

impl Objects {
    fn of<K: Delivered>(cache: &Cache<Whole<K>>) -> Self {
        let mut places = BTreeMap::new();
        for key in cache.keys() {
            *places.entry(key.namespace).or_default() += 1;
        }
        let state = cache.state();
        Self {
            name: cache.name(),
            all: state.objects + state.unreadable,
            places,
        }
    }
}

fn conditions<K: Delivered>(
    family: &mut MetricEncoder<'_>,
    cache: &Cache<Whole<K>>,
) -> fmt::Result {
    for (key, object) in cache.objects() {
        let lifecycle = object.status().map(HasLifecycle::lifecycle);
        for condition in lifecycle.iter().flat_map(|it| &it.conditions) {
            let labels = [
                ("kind", cache.name()),
                ("name", &*key.name),
                ("namespace", &*key.namespace),
                ("condition", &*condition.type_),
            ];
            let holds = i64::from(condition.status == "True");
            ConstGauge::new(holds).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (L, usize)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, count) in samples {
        number(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: usize) -> fmt::Result {
    number(count).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn number(count: usize) -> ConstGauge {
    ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
