//! What is in force, and how it is replaced: step by step, with nothing rolled back.

use std::sync::Arc;

use apigw_protocol::ConfigurationUpdate;
use operator_core::decide::clock::Moment;

use crate::backends::Backends;
use crate::behaviour::{Behaviour, Refusal};
use crate::event::Outcome;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::router::Router;
use crate::spec::Spec;
use crate::tracked::{Taken, Tracked};
use crate::validate;

/// The routes and backends that requests meet.
#[derive(Default)]
pub(crate) struct InForce {
    pub(crate) router: Router,
    pub(crate) backends: Backends,
}

/// An update's outcome, and what the counters want to know.
pub(crate) struct Processed {
    pub(crate) outcome: Outcome,
    /// A whole rebuild for a content that was in force already.
    pub(crate) identical: bool,
}

/// Processes one update as far as its acknowledgement.
pub(crate) fn process(
    update: &ConfigurationUpdate,
    tracked: &mut Tracked,
    in_force: &InForce,
    behaviour: &Behaviour,
    now: Moment,
) -> Processed {
    let taken = tracked.take(update, now);
    let processed = settle(taken, tracked, in_force, behaviour);
    match processed.outcome {
        Outcome::Dropped | Outcome::Refused(_) => {}
        Outcome::Applied | Outcome::Nothing | Outcome::Swallowed(_) => tracked.succeeded(update),
    }
    processed
}

/// Applies what the tracked resources are now, as far as `taken` asks for.
pub(crate) fn settle(
    taken: Taken,
    tracked: &Tracked,
    in_force: &InForce,
    behaviour: &Behaviour,
) -> Processed {
    let verdict = |result: Result<(), (&str, Fault)>| match result {
        Ok(()) => Outcome::Applied,
        Err((step, fault)) => {
            let text = fault.text(behaviour.names_in_errors);
            Outcome::Refused(format!("{step}: {text}"))
        }
    };
    let mut rebuilt_for_nothing = false;
    let outcome = match taken {
        Taken::Dropped => Outcome::Dropped,
        Taken::Nothing => Outcome::Nothing,
        Taken::Swallowed(guard) => Outcome::Swallowed(guard),
        Taken::Refused(text) => Outcome::Refused(text),
        Taken::Reload(kind) => verdict(in_force.reload(kind, tracked, behaviour.refuses.as_ref())),
        Taken::ApplyAll { identical, .. } => {
            rebuilt_for_nothing = identical;
            verdict(in_force.apply_all(tracked, behaviour.refuses.as_ref()))
        }
    };
    Processed {
        outcome,
        identical: rebuilt_for_nothing,
    }
}

type Step = Result<(), (&'static str, Fault)>;

impl InForce {
    /// Routes, then backends, and only then validation of the whole.
    fn apply_all(&self, tracked: &Tracked, refusal: Option<&Refusal>) -> Step {
        for kind in [Kind::ApiRoute, Kind::Backend] {
            self.load(kind, tracked)?;
        }
        for kind in Kind::ALL {
            let specs = || tracked.list(kind).values();
            refused(specs(), refusal)
                .and_then(|()| validate::kind(kind, specs()))
                .map_err(|fault| ("config validation failed", fault))?;
        }
        Ok(())
    }

    /// One subsystem alone, without validation.
    fn reload(&self, kind: Kind, tracked: &Tracked, refusal: Option<&Refusal>) -> Step {
        refused(tracked.list(kind).values(), refusal)
            .map_err(|fault| ("failed to apply", fault))?;
        self.load(kind, tracked)
    }

    fn load(&self, kind: Kind, tracked: &Tracked) -> Step {
        let specs = tracked.list(kind).values();
        match kind {
            Kind::ApiRoute => self
                .router
                .load(specs)
                .map_err(|fault| ("failed to load routes", fault)),
            Kind::Backend => self
                .backends
                .load(specs)
                .map_err(|fault| ("failed to reload backends", fault)),
            // Tracked only.
            _ => Ok(()),
        }
    }
}

fn refused<'a>(
    mut specs: impl Iterator<Item = &'a Arc<Spec>>,
    refusal: Option<&Refusal>,
) -> Result<(), Fault> {
    refusal.map_or(Ok(()), |refusal| {
        specs.try_for_each(|spec| refusal.check(spec))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apigw_protocol::{ConfigurationResource, ConfigurationSnapshot, ResourceType, UpdateType};
    use serde_json::{Value, json};

    use super::*;

    struct Under {
        tracked: Tracked,
        in_force: InForce,
        behaviour: Behaviour,
        sequence: i64,
    }

    impl Under {
        fn new() -> Self {
            Self {
                tracked: Tracked::new(Duration::ZERO),
                in_force: InForce::default(),
                behaviour: Behaviour::default(),
                sequence: 0,
            }
        }

        fn process(&mut self, update: &ConfigurationUpdate) -> Outcome {
            let (tracked, now) = (&mut self.tracked, Moment::ORIGIN);
            process(update, tracked, &self.in_force, &self.behaviour, now).outcome
        }

        fn sync(&mut self, routes: &[Value]) -> Outcome {
            let update = ConfigurationUpdate {
                r#type: UpdateType::FullSync.into(),
                snapshot: Some(ConfigurationSnapshot {
                    api_routes: routes.iter().map(resource).collect(),
                    ..ConfigurationSnapshot::default()
                }),
                ..ConfigurationUpdate::default()
            };
            self.process(&update)
        }

        fn add(&mut self, route: &Value) -> Outcome {
            self.sequence += 1;
            let update = ConfigurationUpdate {
                r#type: UpdateType::Added.into(),
                resource: Some(resource(route)),
                sequence: self.sequence,
                ..ConfigurationUpdate::default()
            };
            self.process(&update)
        }

        fn routes(&self) -> Vec<String> {
            self.in_force.router.names()
        }
    }

    fn resource(route: &Value) -> ConfigurationResource {
        ConfigurationResource {
            r#type: ResourceType::ApiRoute.into(),
            namespace: "ns".into(),
            name: route["name"].as_str().unwrap().into(),
            spec_json: route.to_string().into(),
            ..ConfigurationResource::default()
        }
    }

    fn good(name: &str) -> Value {
        json!({"name": name, "redirect": {"uri": "/"}})
    }

    fn refusal(outcome: &Outcome) -> &str {
        match outcome {
            Outcome::Refused(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_snapshot_is_half_applied_and_stays_tracked() {
        let mut under = Under::new();
        assert_eq!(under.sync(&[good("a")]), Outcome::Applied);
        let outcome = under.sync(&[good("b"), json!({"name": "c"})]);
        let text = refusal(&outcome);
        assert!(text.contains(r#"route "c": at least one"#), "{text}");
        assert_eq!(under.routes(), ["b", "c"], "the router was loaded before");
        assert_eq!(under.tracked.count(), 2);
        under.behaviour.names_in_errors = false;
        let outcome = under.sync(&[json!({"name": "c"})]);
        assert!(!refusal(&outcome).contains('"'), "{outcome:?}");
    }

    #[test]
    fn an_increment_skips_validation_and_the_next_full_sync_finds_out() {
        let mut under = Under::new();
        under.sync(&[good("a")]);
        let invalid = json!({"name": "b"});
        assert_eq!(under.add(&invalid), Outcome::Applied);
        assert_eq!(under.routes(), ["a", "b"]);
        assert!(refusal(&under.sync(&[good("a"), invalid])).contains("validation"));
    }

    #[test]
    fn an_increment_reloads_from_a_refused_snapshot() {
        let mut under = Under::new();
        let bad = json!({"name": "b", "match": [{"uri": {"regex": "("}}]});
        refusal(&under.sync(&[good("a"), bad, good("z")]));
        assert_eq!(under.routes(), ["a"]);
        assert!(refusal(&under.add(&good("c"))).contains(r#"route "b""#));
    }

    #[test]
    fn a_test_may_refuse_what_it_wants() {
        let mut under = Under::new();
        under.behaviour.refuses = Some(Refusal::of_name("b").because("because"));
        assert_eq!(under.sync(&[good("a")]), Outcome::Applied);
        let outcome = under.sync(&[good("a"), good("b")]);
        assert!(
            refusal(&outcome).ends_with(r#"route "b": because"#),
            "{outcome:?}"
        );
        let by_content =
            |kind, _: &str, json: &Value| kind == Kind::ApiRoute && json["redirect"]["uri"] == "/";
        under.behaviour.refuses = Some(Refusal::when(by_content));
        refusal(&under.add(&good("c")));
    }
}
