//! The backends in force, and which of their hosts a request goes to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::fault::Fault;
use crate::kind::Kind;
use crate::spec::backend::{Backend, Host};
use crate::spec::{Body, Spec};
use crate::turns::Turns;
use crate::validate;

/// All backends, rebuilt as one.
#[derive(Default)]
pub(crate) struct Backends(RwLock<BTreeMap<String, Arc<Live>>>);

/// One backend in force.
pub(crate) struct Live {
    spec: Arc<Spec>,
    turns: Turns,
    /// Requests under way, a host each.
    busy: Vec<AtomicUsize>,
}

impl Backends {
    /// Stops all backends and starts these.
    ///
    /// # Errors
    /// At the first that cannot be constructed; those before it run.
    pub(crate) fn load<'a>(&self, specs: impl Iterator<Item = &'a Arc<Spec>>) -> Result<(), Fault> {
        let mut live = BTreeMap::new();
        let mut build = |spec: &Arc<Spec>| {
            let Body::Backend(backend) = spec.body() else {
                return Ok(());
            };
            let fault = |reason: String| Fault::new(Kind::Backend, &backend.name, reason);
            validate::construct(backend).map_err(fault)?;
            if live.contains_key(&backend.name) {
                return Err(fault("backend already exists".into()));
            }
            live.insert(backend.name.clone(), Arc::new(Live::new(spec, backend)));
            Ok(())
        };
        let mut specs = specs;
        let result = specs.try_for_each(&mut build);
        *self.0.write() = live;
        result
    }

    /// Looks a destination up: first as a backend's name, then as a host of some backend, of which
    /// the first by name is taken.
    pub(crate) fn find(&self, host: &str, port: i64) -> Option<Arc<Live>> {
        let all = self.0.read();
        let has = |live: &&Arc<Live>| {
            let same = |it: &Host| it.address == host && it.port == port;
            live.backend().hosts.iter().any(same)
        };
        all.get(host).or_else(|| all.values().find(has)).cloned()
    }

    /// The names of the backends in force.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.read().keys().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }
}

impl Live {
    fn new(spec: &Arc<Spec>, backend: &Backend) -> Self {
        Self {
            spec: spec.clone(),
            turns: Turns::default(),
            busy: backend.hosts.iter().map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    pub(crate) fn backend(&self) -> &Backend {
        match self.spec.body() {
            Body::Backend(backend) => backend,
            _ => unreachable!("only backends are made live"),
        }
    }

    /// The host for one more request, which counts as busy until the result is dropped.
    pub(crate) fn next(self: &Arc<Self>) -> Option<Lent> {
        let backend = self.backend();
        let equal = || vec![1; backend.hosts.len()];
        let at = match backend.load_balancer.algorithm.as_str() {
            "random" => fastrand::choice(0..backend.hosts.len()),
            "leastConn" => {
                let busy = |at: &usize| self.busy[*at].load(Ordering::Relaxed);
                (0..backend.hosts.len()).min_by_key(busy)
            }
            "weighted" => {
                let weights: Vec<i64> = backend.hosts.iter().map(|host| host.weight).collect();
                self.turns.next(&weights)
            }
            _ => self.turns.next(&equal()),
        }?;
        self.busy[at].fetch_add(1, Ordering::Relaxed);
        Some(Lent {
            live: self.clone(),
            at,
        })
    }
}

/// A host with one of its connections in use.
pub(crate) struct Lent {
    live: Arc<Live>,
    at: usize,
}

impl Lent {
    pub(crate) fn host(&self) -> &Host {
        &self.live.backend().hosts[self.at]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.live.busy[self.at].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn backend(name: &str, algorithm: &str, hosts: &Value) -> Arc<Spec> {
        let json = json!({
            "name": name, "hosts": hosts, "loadBalancer": {"algorithm": algorithm},
        });
        Spec::read(Kind::Backend, &json.to_string().into()).unwrap()
    }

    fn hosts(weights: &[i64]) -> Value {
        let host =
            |(at, weight)| json!({"address": format!("h{at}"), "port": 80, "weight": weight});
        weights.iter().enumerate().map(host).collect()
    }

    fn picked(live: &Arc<Live>) -> String {
        live.next().unwrap().host().address.clone()
    }

    #[test]
    fn a_name_goes_before_a_host_and_the_first_name_before_others() {
        let backends = Backends::default();
        let specs = [
            backend("zeta", "", &hosts(&[1])),
            backend("alpha", "", &hosts(&[1, 1])),
            backend("h1", "", &hosts(&[1])),
        ];
        backends.load(specs.iter()).unwrap();
        let found = |host: &str, port| Some(backends.find(host, port)?.backend().name.clone());
        assert_eq!(found("zeta", 1).as_deref(), Some("zeta"));
        assert_eq!(found("h0", 80).as_deref(), Some("alpha"));
        assert_eq!(found("h1", 80).as_deref(), Some("h1"), "a name first");
        assert_eq!(found("h0", 81), None);
    }

    #[test]
    fn hosts_take_turns() {
        let backends = Backends::default();
        let specs = [
            backend("equal", "", &hosts(&[9, 1])),
            backend("weighted", "weighted", &hosts(&[3, 1])),
            backend("least", "leastConn", &hosts(&[1, 1])),
            backend("none", "random", &json!([])),
        ];
        backends.load(specs.iter()).unwrap();
        let live = |name| backends.find(name, 0).unwrap();
        let count = |name| (0..8).filter(|_| picked(&live(name)) == "h0").count();
        assert_eq!(count("equal"), 4);
        assert_eq!(count("weighted"), 6);
        let least = live("least");
        let held = least.next().unwrap();
        assert_eq!(
            (held.host().address.as_str(), picked(&least).as_str()),
            ("h0", "h1")
        );
        assert_eq!(picked(&least), "h1");
        drop(held);
        assert_eq!(picked(&least), "h0");
        assert!(live("none").next().is_none());
    }

    #[test]
    fn what_cannot_be_constructed_stops_the_rebuild() {
        let backends = Backends::default();
        let good = backend("a", "", &hosts(&[1]));
        let json = json!({"name": "b", "authentication": {"type": "jwt"}}).to_string();
        let bad = Spec::read(Kind::Backend, &json.into()).unwrap();
        let fault = backends.load([&good, &bad].into_iter()).unwrap_err();
        assert!(
            fault.text(true).starts_with(r#"backend "b": "#),
            "{fault:?}"
        );
        assert_eq!(backends.names(), ["a"]);
    }
}
