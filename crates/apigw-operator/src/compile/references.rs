//! Whether the destinations of a route are known: told, and never a reason to leave the route out.
//!
//! A gateway takes a destination for the name of a Backend, in whatever namespace; else for the address and port of
//! a Backend's host; else it dials the host itself, in plain HTTP. Mirrors are not looked up: gateways do nothing
//! with them. Targets of an aggregate are, while it is enabled.

use std::{fmt, net::IpAddr};

use crd_types::apigw::v1alpha1::{APIRouteSpec, Destination};
use operator_core::decide::{key::ObjectKey, reason::Reason};

use crate::reasons;

/// What there is to refer to.
pub trait Targets {
    /// Whether a Backend of any namespace has this name.
    fn has_backend(&self, name: &str) -> bool;
    /// Whether a Backend has a host with this address and port.
    fn has_host(&self, address: &str, port: i32) -> bool;
    /// Whether this Service is there.
    fn has_service(&self, key: &ObjectKey) -> bool;
}

/// What the destinations of a route come to, in the words of the condition `ResolvedRefs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum References {
    /// Each is known.
    Resolved,
    /// These are not; there is at least one.
    Unresolved(Vec<Unresolved>),
}

/// A destination that is neither a Backend nor a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The field: `spec.route[0].destination`.
    pub path: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// What it may be.
    pub hint: Hint,
}

/// What an unknown destination may be, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A Backend or this Service, which is not there.
    NoService(ObjectKey),
    /// An IP address that no Backend has.
    Address,
    /// A host outside the cluster.
    Foreign,
}

/// The destinations of a route that are looked up. Kept where the route is not.
#[derive(Clone, Debug)]
pub struct Destinations(Box<[Named]>);

#[derive(Clone, Debug)]
struct Named {
    list: List,
    at: usize,
    host: Box<str>,
    port: i32,
}

#[derive(Clone, Copy, Debug)]
enum List {
    Route,
    Aggregate,
}

impl Destinations {
    /// Those of a route.
    pub fn of(spec: &APIRouteSpec) -> Self {
        let named = |list| {
            move |(at, destination): (usize, &Destination)| Named {
                list,
                at,
                host: destination.host.as_str().into(),
                port: destination.port,
            }
        };
        let places = spec.route.iter().map(|place| &place.destination);
        let aggregate = spec.aggregate.as_deref().filter(|it| it.enabled);
        let targets = aggregate.into_iter().flat_map(|it| &it.targets);
        let targets = targets.map(|target| &target.destination);
        let places = places.enumerate().map(named(List::Route));
        Self(
            places
                .chain(targets.enumerate().map(named(List::Aggregate)))
                .collect(),
        )
    }

    /// Looks up each, for a route of this namespace.
    pub fn look_up(&self, namespace: &str, targets: &impl Targets) -> References {
        let unresolved = self.0.iter().filter_map(|destination| {
            Some(Unresolved {
                hint: unknown(namespace, destination, targets)?,
                path: destination.path(),
                host: destination.host.to_string(),
                port: destination.port,
            })
        });
        match unresolved.collect::<Vec<_>>() {
            none if none.is_empty() => References::Resolved,
            unresolved => References::Unresolved(unresolved),
        }
    }
}

impl Named {
    fn path(&self) -> String {
        let at = self.at;
        match self.list {
            List::Route => format!("spec.route[{at}].destination"),
            List::Aggregate => format!("spec.aggregate.targets[{at}].destination"),
        }
    }
}

/// None if it is known.
fn unknown(namespace: &str, destination: &Named, targets: &impl Targets) -> Option<Hint> {
    let (host, port) = (&*destination.host, destination.port);
    if targets.has_backend(host) || targets.has_host(host, port) {
        return None;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if bare.unwrap_or(host).parse::<IpAddr>().is_ok() {
        return Some(Hint::Address);
    }
    match service(namespace, host) {
        Some((key, _)) if targets.has_service(&key) => None,
        Some((key, Form::Sure)) => Some(Hint::NoService(key)),
        Some((_, Form::Perhaps)) | None => Some(Hint::Foreign),
    }
}

/// How sure it is that a name is a Service's.
enum Form {
    Sure,
    /// `svc.ns` looks like any host of two labels.
    Perhaps,
}

/// The Service that a name in the cluster's DNS stands for: `svc`, `svc.ns`, `svc.ns.svc` or `svc.ns.svc.<domain>`,
/// whatever the domain of the cluster is.
fn service(namespace: &str, host: &str) -> Option<(ObjectKey, Form)> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let labels: Vec<_> = host.splitn(4, '.').collect();
    match labels[..] {
        [name] => Some((ObjectKey::new(namespace, name), Form::Sure)),
        [name, namespace] => Some((ObjectKey::new(namespace, name), Form::Perhaps)),
        [name, namespace, "svc"] | [name, namespace, "svc", _] => {
            Some((ObjectKey::new(namespace, name), Form::Sure))
        }
        _ => None,
    }
}

impl References {
    /// Whether each is known.
    pub fn resolved(&self) -> bool {
        *self == Self::Resolved
    }

    /// The reason of the condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Resolved => reasons::RESOLVED_REFS,
            Self::Unresolved(_) => reasons::BACKEND_NOT_FOUND,
        }
    }
}

/// The message of the condition.
impl fmt::Display for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many are told.
        const SHOWN: usize = 5;
        let unresolved = match self {
            Self::Resolved => return f.write_str("Every destination is a Backend or a Service"),
            Self::Unresolved(unresolved) => unresolved,
        };
        for (at, one) in unresolved.iter().take(SHOWN).enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{one}")?;
        }
        match unresolved.len().checked_sub(SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            host,
            port,
            hint,
        } = self;
        let place = match (host.contains(':'), host.starts_with('[')) {
            (true, false) => format!("[{host}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        write!(f, "{path}: ")?;
        match hint {
            Hint::NoService(service) => write!(
                f,
                "there is no Backend {host:?}, none with the host {place}, and no Service {service}: create one, or \
                 correct the name"
            ),
            Hint::Address => write!(
                f,
                "no Backend has the host {place}: gateways dial it in plain HTTP and do not watch its health"
            ),
            Hint::Foreign => write!(
                f,
                "{host:?} is neither a Backend, nor a Backend's host at port {port}, nor a Service: gateways dial it in \
                 plain HTTP and do not watch its health"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// The Backend `users` with the host 10.0.0.1:80, and the Services `shop/web` and `other/web`.
    struct Cluster;

    impl Targets for Cluster {
        fn has_backend(&self, name: &str) -> bool {
            name == "users"
        }

        fn has_host(&self, address: &str, port: i32) -> bool {
            (address, port) == ("10.0.0.1", 80)
        }

        fn has_service(&self, key: &ObjectKey) -> bool {
            ["shop/web", "other/web"].contains(&key.to_string().as_str())
        }
    }

    fn of(spec: Value) -> References {
        let spec = serde_json::from_value(spec).expect("a route's");
        Destinations::of(&spec).look_up("shop", &Cluster)
    }

    fn to(host: &str, port: i32) -> Value {
        json!({"destination": {"host": host, "port": port}})
    }

    #[rstest]
    #[case::a_backend("users", 1)]
    #[case::a_host_of_one("10.0.0.1", 80)]
    #[case::a_service_of_the_namespace("web", 80)]
    #[case::a_service_of_another("web.other", 80)]
    #[case::a_longer_name("web.other.svc", 80)]
    #[case::a_whole_name("web.other.svc.cluster.local", 80)]
    #[case::a_rooted_name("web.other.svc.cluster.local.", 80)]
    #[case::another_domain("Web.Other.svc.example.org", 80)]
    fn known(#[case] host: &str, #[case] port: i32) {
        assert_eq!(of(json!({"route": [to(host, port)]})), References::Resolved);
    }

    #[rstest]
    #[case("user", 80, "no Service shop/user")]
    #[case("web.third.svc", 80, "no Service third/web")]
    #[case(
        "10.0.0.1",
        81,
        "no Backend has the host 10.0.0.1:81: gateways dial it"
    )]
    #[case("::1", 81, "the host [::1]:81")]
    #[case("example.com", 443, "\"example.com\" is neither")]
    #[case("a.b.example.com", 443, "\"a.b.example.com\" is neither")]
    #[case("web.shop.pod.cluster.local", 80, "is neither")]
    fn unknown(#[case] host: &str, #[case] port: i32, #[case] words: &str) {
        let references = of(json!({"route": [to("users", 80), to(host, port)]}));
        assert_eq!(references.reason(), reasons::BACKEND_NOT_FOUND);
        let message = references.to_string();
        assert!(
            message.starts_with("spec.route[1].destination: "),
            "{message}"
        );
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn what_gateways_forward_to_is_looked_up_and_nothing_else() {
        let target = json!({"name": "t", "destination": {"host": "gone", "port": 80}});
        let spec = |enabled: bool| {
            json!({
                "redirect": {}, "mirror": to("nowhere", 80),
                "aggregate": {"enabled": enabled, "targets": [target]},
            })
        };
        assert!(of(spec(false)).resolved());
        let message = of(spec(true)).to_string();
        assert!(
            message.starts_with("spec.aggregate.targets[0].destination: "),
            "{message}"
        );
        let idle = of(json!({"directResponse": {"status": 204}}));
        assert_eq!(idle.reason(), reasons::RESOLVED_REFS);
    }

    #[test]
    fn of_many_some_are_told() {
        let host = "h".repeat(253);
        let places: Vec<_> = (0..256).map(|_| to(&host, 80)).collect();
        let message = of(json!({ "route": places })).to_string();
        assert!(message.ends_with("; and 251 more"), "{message}");
        assert!(message.len() < 8 * 1024, "{}", message.len());
    }
}
