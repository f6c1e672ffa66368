use std::time::Duration;

use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use serde_json::{Value, json};

use super::*;
use crate::{conditions::PROGRAMMED, kinds::refusal_message, reasons::REFUSED_BY_GATEWAY};

fn planner() -> Arc<Planner> {
    planner_by(Clock::system())
}

fn planner_by(clock: Clock) -> Arc<Planner> {
    let routes = Arc::new(Cache::new("apiroute", clock.clone()));
    let services = Arc::new(Cache::new("service", clock.clone()));
    Planner::new(Arc::default(), routes, services, clock)
}

fn backend(name: &str, generation: i64, port: u16, status: Value) -> Backend {
    let object = json!({
        "apiVersion": "avapigw.io/v1alpha1", "kind": "Backend",
        "metadata": {
            "name": name, "namespace": "ns", "uid": format!("uid-{name}"), "generation": generation,
            "creationTimestamp": "2026-02-05T10:30:00Z",
        },
        "spec": {"hosts": [{"address": "h", "port": port}]}, "status": status,
    });
    serde_json::from_value(object).expect("a backend")
}

fn wish(planner: &Planner, backend: &Backend) -> ItemId {
    let key = ObjectKey::of(backend);
    planner.wished(&key, &Arc::new(backend.clone()));
    ItemId::new(Kind::Backend, key)
}

fn what(plan: &Plan, id: &ItemId) -> What {
    plan.verdict(id).expect("wished").what.clone()
}

#[test]
fn a_wish_is_planned_and_gone_with_its_object() {
    let planner = planner();
    let id = wish(&planner, &backend("b", 1, 80, json!({})));
    let plan = planner.plan(None);
    assert!(matches!(what(&plan, &id), What::Sent(_)));
    assert_eq!(plan.snapshot.len(), 1);
    planner.wished_no_more::<Backend>(&id.key);
    let plan = planner.plan(None);
    assert!(plan.verdict(&id).is_none() && plan.snapshot.is_empty());
}

#[test]
fn an_object_that_is_being_deleted_is_wished_no_more() {
    let planner = planner();
    let mut object = backend("b", 1, 80, json!({}));
    let id = wish(&planner, &object);
    let deleted = "2026-02-05T10:30:00Z".parse().expect("a time");
    object.metadata.deletion_timestamp = Some(
        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(deleted),
    );
    wish(&planner, &object);
    assert!(planner.plan(None).verdict(&id).is_none());
}

#[test]
fn what_was_in_force_before_a_restart_is_known_from_statuses() {
    let planner = planner();
    let ready = |generation| json!({"ready": true, "observedGeneration": generation});
    let held = wish(&planner, &backend("held", 3, 80, ready(3)));
    wish(&planner, &backend("edited", 4, 80, ready(3)));
    wish(&planner, &backend("new", 1, 80, json!({})));
    let told = planner.told_in_force();
    let names: Vec<_> = told.entries().iter().map(|entry| &entry.id).collect();
    assert_eq!(names, [&held]);
    // It turns ready, and the wish is the same.
    wish(&planner, &backend("new", 1, 80, ready(1)));
    assert_eq!(planner.told_in_force().entries().len(), 2);
}

#[test]
fn what_gateways_would_refuse_is_told_and_the_rest_is_planned() {
    let planner = planner();
    wish(&planner, &backend("b", 1, 80, json!({})));
    let route: APIRoute = serde_json::from_value(json!({
        "apiVersion": "avapigw.io/v1alpha1", "kind": "APIRoute",
        "metadata": {"name": "r", "namespace": "ns", "uid": "u", "generation": 1},
        "spec": {"timeout": "soon", "route": [{"destination": {"host": "b", "port": 80}}]},
    }))
    .expect("a route");
    let key = ObjectKey::of(&route);
    planner.wished(&key, &Arc::new(route));
    let plan = planner.plan(None);
    let found = what(&plan, &ItemId::new(Kind::ApiRoute, key));
    assert!(
        matches!(&found, What::Invalid(why) if why.contains("spec.timeout")),
        "{found:?}"
    );
    assert_eq!(plan.snapshot.len(), 1);
}

#[test]
fn a_refused_edition_is_held_out_until_it_is_another() {
    let planner = planner();
    let id = wish(&planner, &backend("b", 1, 80, json!({})));
    let item = planner.plan(None).snapshot.items()[0].clone();
    assert!(planner.refused(&item, "bad host"));
    let plan = planner.plan(None);
    assert!(
        matches!(what(&plan, &id), What::LeftOut(LeftOut::Refused { words }) if words == "bad host")
    );
    assert!(plan.snapshot.is_empty());

    wish(&planner, &backend("b", 2, 81, json!({})));
    assert!(matches!(what(&planner.plan(None), &id), What::Sent(_)));
    assert!(
        !planner.refused(&item, "bad host"),
        "it is about an earlier edition"
    );
    assert!(matches!(what(&planner.plan(None), &id), What::Sent(_)));
}

#[test]
fn a_refusal_that_another_process_told_holds_too() {
    let planner = planner();
    let refused = json!({"conditions": [{
        "type": PROGRAMMED, "status": "False", "reason": REFUSED_BY_GATEWAY.as_str(), "message": refusal_message("bad host"),
        "observedGeneration": 1, "lastTransitionTime": "2026-02-05T10:30:00Z",
    }]});
    let id = wish(&planner, &backend("b", 1, 80, json!({})));
    assert!(matches!(what(&planner.plan(None), &id), What::Sent(_)));
    wish(&planner, &backend("b", 1, 80, refused.clone()));
    assert!(
        matches!(what(&planner.plan(None), &id), What::LeftOut(LeftOut::Refused { words }) if words == "bad host")
    );
    wish(&planner, &backend("b", 2, 80, refused));
    assert!(matches!(what(&planner.plan(None), &id), What::Sent(_)));
}

#[test]
fn a_status_that_changes_nothing_is_not_planned_anew() {
    let planner = planner();
    let id = wish(&planner, &backend("b", 1, 80, json!({})));
    let before = planner.plan(None);
    wish(
        &planner,
        &backend("b", 1, 80, json!({"ready": true, "observedGeneration": 1})),
    );
    let after = planner.plan(None);
    assert_eq!(before.verdict(&id), after.verdict(&id), "not even its time");
    assert_eq!(after.differences(Some(&before)).count(), 0);
    wish(&planner, &backend("b", 2, 81, json!({})));
    assert_eq!(planner.plan(None).differences(Some(&before)).count(), 1);
}

#[test]
fn sessions_hear_of_other_contents_alone() {
    let planner = planner();
    let mut snapshots = planner.snapshots();
    wish(&planner, &backend("b", 1, 80, json!({})));
    planner.publish(&planner.plan(None));
    assert!(snapshots.has_changed().expect("it lives"));
    snapshots.borrow_and_update();
    // Another generation with the same content: a label, or a field that gateways do not know.
    wish(&planner, &backend("b", 2, 80, json!({})));
    planner.publish(&planner.plan(None));
    assert!(!snapshots.has_changed().expect("it lives"));
}

#[test]
fn what_becomes_of_a_wish_is_dated_by_its_cause() {
    let clock = Clock::system();
    let planner = planner_by(clock.clone());
    let id = wish(&planner, &backend("b", 1, 80, json!({})));
    let plan = planner.plan(None);
    let edited = |plan: &Plan| plan.verdict(&id).expect("wished").since;
    let decided = |plan: &Plan| plan.verdict(&id).expect("wished").decided;
    let first = edited(&plan);
    assert_eq!(decided(&plan), first, "by the edit");

    // Gateways cannot tell it from the one before.
    clock.advance(Duration::from_secs(1));
    wish(&planner, &backend("b", 2, 80, json!({})));
    let plan = planner.plan(Some(&plan));
    assert!(edited(&plan) > first);
    assert_eq!(decided(&plan), first, "by the first edit to this content");

    wish(&planner, &backend("b", 3, 81, json!({})));
    clock.advance(Duration::from_secs(1));
    let plan = planner.plan(Some(&plan));
    assert_eq!(decided(&plan), edited(&plan), "by the next edit");

    let item = plan.snapshot.items()[0].clone();
    assert!(planner.refused(&item, "bad host"));
    let plan = planner.plan(Some(&plan));
    let refused = Duration::from_secs(1);
    assert!(decided(&plan) >= edited(&plan) + refused, "by the refusal");
}
