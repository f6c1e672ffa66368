//! The table of HTTP routes: cleared and filled one by one, so a request in between may miss.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::fault::Fault;
use crate::kind::Kind;
use crate::matching::{Matched, Subject};
use crate::spec::route::Route;
use crate::spec::{Body, HttpRoute, Spec};
use crate::turns::Turns;

/// The routes in force.
#[derive(Default)]
pub(crate) struct Router(RwLock<Table>);

#[derive(Default)]
struct Table {
    /// The first that matches answers: by priority, then by name.
    entries: Vec<Arc<Entry>>,
    names: HashSet<String>,
}

/// One route in force.
pub(crate) struct Entry {
    spec: Arc<Spec>,
    /// Which destination the next request goes to.
    pub(crate) turns: Turns,
}

impl Entry {
    fn http(&self) -> &HttpRoute {
        match self.spec.body() {
            Body::Route(http) => http,
            _ => unreachable!("only routes are added"),
        }
    }

    pub(crate) fn route(&self) -> &Route {
        &self.http().route
    }

    fn priority(&self) -> usize {
        self.http().matcher.as_ref().map_or(0, |it| it.priority())
    }

    fn matches(&self, subject: &Subject) -> Option<Matched> {
        self.http().matcher.as_ref().ok()?.matches(subject)
    }
}

impl Router {
    /// Clears the table and adds the routes one by one.
    ///
    /// # Errors
    /// At the first duplicate name or bad expression; the routes before it stay.
    pub(crate) fn load<'a>(&self, specs: impl Iterator<Item = &'a Arc<Spec>>) -> Result<(), Fault> {
        *self.0.write() = Table::default();
        for spec in specs {
            self.add(spec)?;
        }
        Ok(())
    }

    fn add(&self, spec: &Arc<Spec>) -> Result<(), Fault> {
        let Body::Route(http) = spec.body() else {
            return Ok(());
        };
        let name = &http.route.name;
        let fault = |reason: &str| Fault::new(Kind::ApiRoute, name, reason);
        let mut table = self.0.write();
        if table.names.contains(name) {
            return Err(fault("route already exists"));
        }
        if let Err(reason) = &http.matcher {
            return Err(fault(reason));
        }
        table.names.insert(name.clone());
        let entry = Arc::new(Entry {
            spec: spec.clone(),
            turns: Turns::default(),
        });
        let before = |other: &Arc<Entry>| {
            (other.priority(), name.as_str()) > (entry.priority(), other.spec.name())
        };
        let at = table.entries.partition_point(before);
        table.entries.insert(at, entry);
        Ok(())
    }

    /// The route that answers, and how much of the path it matched.
    pub(crate) fn find(&self, subject: &Subject) -> Option<(Arc<Entry>, Matched)> {
        let table = self.0.read();
        table.entries.iter().find_map(|entry| {
            let matched = entry.matches(subject)?;
            Some((entry.clone(), matched))
        })
    }

    /// The names of the routes in force, in the order in which they are asked.
    pub(crate) fn names(&self) -> Vec<String> {
        let table = self.0.read();
        let name = |entry: &Arc<Entry>| entry.spec.name().to_owned();
        table.entries.iter().map(name).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().entries.len()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use serde_json::{Value, json};

    use super::*;

    fn route(name: &str, block: &Value) -> Arc<Spec> {
        let json = json!({"name": name, "match": [block]}).to_string();
        Spec::read(Kind::ApiRoute, &json.into()).unwrap()
    }

    fn answers(router: &Router, path: &str) -> Option<String> {
        let subject = Subject {
            method: &Method::GET,
            path,
            query: "",
            headers: &HeaderMap::new(),
        };
        let (entry, _) = router.find(&subject)?;
        Some(entry.route().name.clone())
    }

    #[test]
    fn the_more_specific_route_answers_then_the_first_by_name() {
        let router = Router::default();
        let specs = [
            route("z-root", &json!({"uri": {"prefix": "/"}})),
            route("b-api", &json!({"uri": {"prefix": "/api"}})),
            route("a-api", &json!({"uri": {"prefix": "/api"}})),
            route("exact", &json!({"uri": {"exact": "/api/x"}})),
            route("regex", &json!({"uri": {"regex": "^/api"}})),
        ];
        router.load(specs.iter()).unwrap();
        assert_eq!(
            router.names(),
            ["exact", "a-api", "b-api", "z-root", "regex"]
        );
        assert_eq!(answers(&router, "/api/x").as_deref(), Some("exact"));
        assert_eq!(answers(&router, "/api/y").as_deref(), Some("a-api"));
        assert_eq!(answers(&router, "/other").as_deref(), Some("z-root"));
    }

    #[test]
    fn a_bad_route_leaves_a_partial_table() {
        let router = Router::default();
        let good = route("good", &json!({}));
        let bad = route("bad", &json!({"uri": {"regex": "("}}));
        let last = route("last", &json!({}));
        let fault = router.load([&good, &bad, &last].into_iter()).unwrap_err();
        assert!(
            fault
                .text(true)
                .starts_with(r#"route "bad": invalid regex"#)
        );
        assert_eq!(router.names(), ["good"]);
        router.load([&last, &good, &last].into_iter()).unwrap_err();
        assert_eq!(router.names(), ["good", "last"]);
        router.load([].into_iter()).unwrap();
        assert_eq!(answers(&router, "/"), None);
    }
}
