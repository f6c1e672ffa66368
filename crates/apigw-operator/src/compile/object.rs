//! From one object to what gateways get of it.

use std::sync::Arc;

use bytes::Bytes;
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    rules::InvalidField,
};
use jiff::Timestamp;
use kube::Resource;
use operator_core::{cluster::config_maps::NoText, decide::key::ObjectKey};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Candidate, checks, claims_of::claims, documents, legacy, weights::percentages};
use crate::snapshot::{Item, ItemId, Kind};

/// What gateways get of a route. `text` is what is known of one value of a ConfigMap, of its only one where no key
/// is named.
///
/// # Errors
/// What a gateway would refuse: the field, what was found and what is allowed. A route whose document cannot be had
/// is left out too: without it gateways would take requests that it forbids, or refuse everything.
pub fn route(
    route: &APIRoute,
    text: &impl Fn(&ObjectKey, Option<&str>) -> Result<Arc<str>, NoText>,
) -> Result<Candidate, InvalidField> {
    checks::route(&route.spec)?;
    let mut spec = object(&route.spec);
    documents::inline(&mut spec, route, text)?;
    share_out(&mut spec);
    let earlier_fields = legacy::rewrite(&mut spec);
    Ok(Candidate {
        earlier_fields,
        ..candidate(Kind::ApiRoute, route, spec, claims(&route.spec))
    })
}

/// What gateways get of a backend.
///
/// # Errors
/// What a gateway would refuse: the field, what was found and what is allowed.
pub fn backend(backend: &Backend) -> Result<Candidate, InvalidField> {
    checks::backend(&backend.spec)?;
    let spec = object(&backend.spec);
    Ok(candidate(Kind::Backend, backend, spec, Vec::new()))
}

fn candidate(
    kind: Kind,
    object: &impl Resource,
    mut spec: Map<String, Value>,
    claims: Vec<String>,
) -> Candidate {
    let key = ObjectKey::of(object);
    spec.insert("name".to_owned(), json!(&*key.name));
    let created = object.meta().creation_timestamp.as_ref();
    Candidate {
        item: Item::new(
            ItemId::new(kind, key),
            // As long as it is, and no longer: it is kept.
            Bytes::from(
                Value::Object(spec)
                    .to_string()
                    .into_bytes()
                    .into_boxed_slice(),
            ),
        )
        .into(),
        // Objects of an API server have one.
        created: created.map_or(Timestamp::MAX, |time| time.0),
        claims,
        earlier_fields: 0,
    }
}

fn object(spec: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(spec) {
        Ok(Value::Object(spec)) => spec,
        other => unreachable!("a spec is an object, and was read from one: {other:?}"),
    }
}

fn share_out(spec: &mut Map<String, Value>) {
    let Some(Value::Array(destinations)) = spec.get_mut("route") else {
        return;
    };
    let weight = |destination: &Value| destination["weight"].as_u64();
    let weights: Vec<u32> = destinations
        .iter()
        .map(|destination| weight(destination).and_then(|weight| weight.try_into().ok()))
        .map(Option::unwrap_or_default)
        .collect();
    for (destination, share) in destinations.iter_mut().zip(percentages(&weights)) {
        destination["weight"] = json!(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(candidate: &Candidate) -> Value {
        serde_json::from_slice(&candidate.item.resource().spec_json).expect("JSON")
    }

    fn destination(host: &str) -> Value {
        json!({"destination": {"host": host, "port": 80}})
    }

    fn route_of(spec: Value) -> Result<Candidate, InvalidField> {
        let object = json!({
            "apiVersion": "avapigw.io/v1alpha1", "kind": "APIRoute",
            "metadata": {"name": "api", "namespace": "ns", "creationTimestamp": "2026-02-05T10:30:00Z"},
            "spec": spec,
        });
        let nothing = |config_map: &ObjectKey, _: Option<&str>| {
            let config_map = config_map.clone();
            Err(NoText::NoConfigMap { config_map })
        };
        route(&serde_json::from_value(object).expect("a route"), &nothing)
    }

    #[test]
    fn a_route_is_sent_by_its_name_with_percentages() {
        let spec = json!({"timeout": "30s", "route": [destination("a"), destination("b")]});
        let candidate = route_of(spec).expect("fine");
        let sent = sent(&candidate);
        assert_eq!(sent["name"], "api");
        assert_eq!(sent["timeout"], "30s");
        let weights: Vec<_> = (0..2)
            .map(|at| sent["route"][at]["weight"].clone())
            .collect();
        assert_eq!(weights, [50, 50]);
        let resource = candidate.item.resource();
        assert_eq!((&*resource.namespace, &*resource.name), ("ns", "api"));
    }

    #[test]
    fn what_gateways_would_refuse_is_told_by_its_field() {
        let spec = json!({"timeout": "soon", "route": [destination("a")]});
        let refused = route_of(spec).expect_err("no duration");
        assert_eq!(refused.path, "spec.timeout");
    }
}
