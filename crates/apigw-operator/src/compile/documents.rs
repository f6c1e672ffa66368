//! Documents that lie in ConfigMaps: gateways are sent the text.

use std::{collections::BTreeSet, sync::Arc};

use crd_types::{
    apigw::v1alpha1::{APIRoute, ConfigMapKey},
    rules::InvalidField,
};
use kube::Resource;
use operator_core::{cluster::config_maps::NoText, decide::key::ObjectKey};
use serde_json::{Map, Value};

const BLOCK: &str = "openAPIValidation";
const REFERENCE: &str = "specConfigMapRef";

/// The ConfigMaps that a route needs: in its own namespace, and only while it validates.
pub fn config_maps(route: &APIRoute) -> BTreeSet<ObjectKey> {
    let document = document(route).map(|reference| key(route, reference));
    document.into_iter().collect()
}

/// Puts the text of the document where gateways look for one. It goes before a text in the route itself.
pub fn inline(
    spec: &mut Map<String, Value>,
    route: &APIRoute,
    text: &impl Fn(&ObjectKey, Option<&str>) -> Result<Arc<str>, NoText>,
) -> Result<(), InvalidField> {
    let (Some(reference), Some(Value::Object(block))) = (document(route), spec.get_mut(BLOCK))
    else {
        return Ok(());
    };
    let invalid = |why: String| InvalidField::new(format!("spec.{BLOCK}.{REFERENCE}"), why);
    let config_map = key(route, reference);
    let named = reference.key.as_deref().filter(|key| !key.is_empty());
    let text = text(&config_map, named).map_err(|no_text| invalid(no_text.to_string()))?;
    let has = |source: &str| block.get(source).is_some_and(|source| source != "");
    if text.is_empty() && !has("specFile") && !has("specURL") {
        return Err(invalid(format!(
            "ConfigMap {config_map} holds an empty text; it must hold an OpenAPI document"
        )));
    }
    block.remove(REFERENCE);
    block.insert("specInline".to_owned(), Value::from(&*text));
    Ok(())
}

fn document(route: &APIRoute) -> Option<&ConfigMapKey> {
    let validation = route.spec.openapi_validation.as_ref()?;
    let reference = validation.spec_config_map_ref.as_ref();
    reference.filter(|_| validation.enabled)
}

fn key(route: &APIRoute, reference: &ConfigMapKey) -> ObjectKey {
    let namespace = route.meta().namespace.as_deref().unwrap_or_default();
    ObjectKey::new(namespace, &*reference.name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn route(validation: &Value) -> APIRoute {
        let object = json!({
            "apiVersion": "avapigw.io/v1alpha1", "kind": "APIRoute",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"openAPIValidation": validation},
        });
        serde_json::from_value(object).expect("a route")
    }

    /// What is sent if the ConfigMap `docs` of the route's namespace holds this.
    fn sent(validation: Value, held: &[(&str, &str)]) -> Result<Value, InvalidField> {
        let text = |config_map: &ObjectKey, key: Option<&str>| {
            assert_eq!(config_map.to_string(), "shop/docs");
            let mut found = held
                .iter()
                .filter(|(name, _)| key.is_none_or(|key| key == *name));
            match found.next() {
                Some((_, text)) => Ok(Arc::from(*text)),
                None => Err(NoText::NoKey {
                    config_map: config_map.clone(),
                    key: key.unwrap_or_default().to_owned(),
                    present: Vec::new(),
                }),
            }
        };
        let route = route(&validation);
        let mut spec = Map::from_iter([(BLOCK.to_owned(), validation)]);
        inline(&mut spec, &route, &text).map(|()| spec[BLOCK].clone())
    }

    #[rstest]
    #[case(json!({"enabled": true, "specConfigMapRef": {"name": "docs", "key": "b"}}), "of b")]
    #[case(json!({"enabled": true, "specConfigMapRef": {"name": "docs"}}), "of a")]
    #[case(json!({"enabled": true, "specConfigMapRef": {"name": "docs", "key": ""}}), "of a")]
    #[case(json!({"enabled": true, "specInline": "old", "specConfigMapRef": {"name": "docs"}}), "of a")]
    fn the_text_is_sent_in_place_of_the_reference(#[case] validation: Value, #[case] text: &str) {
        let sent = sent(validation, &[("a", "of a"), ("b", "of b")]).expect("a document");
        assert_eq!(sent, json!({"enabled": true, "specInline": text}));
    }

    #[rstest]
    #[case(json!({"enabled": true, "specConfigMapRef": {"name": "docs", "key": "c"}}), "no key")]
    #[case(json!({"enabled": true, "specConfigMapRef": {"name": "docs", "key": "a"}}), "shop/docs holds an empty text")]
    fn what_is_missing_is_told_by_its_field(#[case] validation: Value, #[case] why: &str) {
        let refused = sent(validation, &[("a", "")]).expect_err("no document");
        assert_eq!(refused.path, "spec.openAPIValidation.specConfigMapRef");
        assert!(refused.why.contains(why), "{refused}");
    }

    #[test]
    fn what_does_not_validate_needs_no_document() {
        let idle = json!({"enabled": false, "specConfigMapRef": {"name": "docs"}});
        assert_eq!(sent(idle.clone(), &[]), Ok(idle.clone()));
        assert_eq!(config_maps(&route(&idle)), BTreeSet::new());
        let busy = json!({"enabled": true, "specConfigMapRef": {"name": "docs"}});
        let docs = ObjectKey::new("shop", "docs");
        assert_eq!(config_maps(&route(&busy)), BTreeSet::from([docs]));
    }
}
