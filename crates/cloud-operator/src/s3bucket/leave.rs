//! What of a bucket is left alone. Pure.

use crd_types::lifecycle::FieldPath;
use serde_json::Value;

use super::{
    desired::Desired,
    facets::{AnyFacet, BucketTags, Facet, TABLE, Values, of_json, to_json},
    mark,
};

/// `desired` without what `ignored` names. A facet of which a part is ignored has that part as it was `found`; where
/// the part cannot be told from the rest, or the spec does not speak of the facet, the whole facet is left alone.
pub(super) fn leave(desired: &Desired, ignored: &[FieldPath], found: Option<&Values>) -> Desired {
    let mut desired = desired.clone();
    for path in ignored {
        let (facet, part) = path.split();
        let Some(facet) = TABLE.iter().find(|known| known.name() == facet) else {
            continue;
        };
        let name = facet.name();
        let found = found.and_then(|found| found.get(name));
        let wanted = desired.facets.get(name);
        let left = match (name == BucketTags::NAME, wanted) {
            (true, Some(wanted)) => Some(leave_tags(wanted, found, part)),
            (_, Some(wanted)) => leave_part(*facet, wanted, found, part),
            (_, None) => None,
        };
        match left {
            Some(value) => {
                desired.facets.insert(name, value);
            }
            None => {
                desired.facets.remove(name);
                desired.left.insert(name);
            }
        }
    }
    desired
}

/// The value of a facet with the part as it was found; nothing if the facet is no value without the part.
fn leave_part(
    facet: &dyn AnyFacet,
    wanted: &Value,
    found: Option<&Value>,
    part: &str,
) -> Option<Value> {
    let without = graft(Some(wanted), None, part).flatten()?;
    match found {
        _ if !facet.is_value(&without) => None,
        None => Some(without),
        found => graft(Some(wanted), found, part).flatten(),
    }
}

/// Tags carry the mark, which is never left alone. The key of a tag may hold dots and brackets.
fn leave_tags(wanted: &Value, found: Option<&Value>, part: &str) -> Value {
    let mut tags = of_json::<BucketTags>(wanted);
    let found = found.map(of_json::<BucketTags>).unwrap_or_default();
    let is_ignored = |key: &str| {
        !mark::is_part(key) && (part.is_empty() || part.strip_prefix('.').is_some_and(|p| p == key))
    };
    tags.retain(|key, _| !is_ignored(key));
    tags.extend(found.into_iter().filter(|(key, _)| is_ignored(key)));
    to_json::<BucketTags>(&tags)
}

/// `wanted` with what it has at `part` taken from `found`; inner nothing where that leaves nothing. Outer nothing if
/// there is no such part in a value of this form.
fn graft(wanted: Option<&Value>, found: Option<&Value>, part: &str) -> Option<Option<Value>> {
    // The whole facet: not to be taken over, but left.
    graft_below(wanted, found, part).filter(|_| !part.is_empty())
}

fn graft_below(wanted: Option<&Value>, found: Option<&Value>, part: &str) -> Option<Option<Value>> {
    if part.is_empty() {
        return Some(found.filter(|value| !value.is_null()).cloned());
    }
    if let Some(rest) = part.strip_prefix('[') {
        let (id, rest) = rest.split_once(']')?;
        let of = |list: Option<&Value>| item_of(list, id);
        let value = graft_below(of(wanted)?.as_ref(), of(found)?.as_ref(), rest)?;
        let items = wanted.and_then(Value::as_array).into_iter().flatten();
        let others = items.filter(|item| item["id"] != id).cloned();
        return Some(Some(others.chain(value).collect()));
    }
    let rest = part.strip_prefix('.')?;
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let of = |object: Option<&Value>| match object {
        None | Some(Value::Null) => Some(None),
        Some(Value::Object(fields)) => Some(fields.get(name).cloned()),
        Some(_) => None,
    };
    let value = graft_below(of(wanted)?.as_ref(), of(found)?.as_ref(), rest)?;
    let mut fields = match wanted {
        Some(Value::Object(fields)) => fields.clone(),
        _ => serde_json::Map::new(),
    };
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
    Some(Some(Value::Object(fields)))
}

/// The item of this id, if there is one; nothing if this is no list of items with ids.
fn item_of(list: Option<&Value>, id: &str) -> Option<Option<Value>> {
    match list {
        None | Some(Value::Null) => Some(None),
        Some(Value::Array(items)) => {
            let have_ids = items.iter().all(|item| item["id"].is_string());
            have_ids.then(|| items.iter().find(|item| item["id"] == id).cloned())
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crd_types::aws::v1alpha1::{GROUP, S3_BUCKET_FACETS};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn left(ignored: &str, wanted: &Values, found: Option<&Values>) -> Desired {
        let desired = Desired {
            facets: wanted.clone(),
            ..Desired::default()
        };
        leave(&desired, &[ignored.parse().unwrap()], found)
    }

    #[test]
    fn what_can_be_ignored_are_the_facets() {
        let facets: BTreeSet<&str> = TABLE.iter().map(|facet| facet.name()).collect();
        assert_eq!(facets, S3_BUCKET_FACETS.into());
    }

    #[test]
    fn the_key_of_a_tag_is_taken_as_it_is() {
        let wanted = Values::from([("tags", json!({ "a.b": "1", "a": "2", "c": "3" }))]);
        let found = Values::from([("tags", json!({ "a.b": "x", "a": "y", "d": "z" }))]);
        assert_eq!(
            left("tags.a.b", &wanted, Some(&found)).facets["tags"],
            json!({ "a.b": "x", "a": "2", "c": "3" })
        );
        assert_eq!(
            left("tags.a.b", &wanted, None).facets["tags"],
            json!({ "a": "2", "c": "3" }),
            "not there: not made"
        );
        assert_eq!(
            left("tags.d", &wanted, Some(&found)).facets["tags"],
            json!({ "a.b": "1", "a": "2", "c": "3", "d": "z" }),
            "another's tag stays"
        );
    }

    #[test]
    fn tags_as_a_whole_are_left_but_for_the_mark() {
        let uid = format!("{GROUP}/uid");
        let wanted = Values::from([("tags", json!({ &uid: "1", "a": "1" }))]);
        let found = Values::from([("tags", json!({ &uid: "0", "b": "2" }))]);
        let desired = left("tags", &wanted, Some(&found));
        assert_eq!(desired.facets["tags"], json!({ &uid: "1", "b": "2" }));
        assert!(desired.left.is_empty());
    }

    #[rstest]
    #[case::a_field(".a", json!({ "a": 1, "b": 1 }), json!({ "a": 2, "b": 2 }), json!({ "a": 2, "b": 1 }))]
    #[case::a_field_that_is_not_there(".a", json!({ "a": 1, "b": 1 }), json!({ "b": 2 }), json!({ "b": 1 }))]
    #[case::a_field_of_nothing(".a", json!({ "a": 1, "b": 1 }), json!(null), json!({ "b": 1 }))]
    #[case::a_field_of_a_field(".a.b", json!({ "a": { "b": 1, "c": 1 } }), json!({ "a": { "b": 2 } }), json!({ "a": { "b": 2, "c": 1 } }))]
    #[case::an_item("[x]", json!([{ "id": "x", "a": 1 }, { "id": "y" }]), json!([{ "id": "x", "a": 2 }, { "id": "z" }]), json!([{ "id": "y" }, { "id": "x", "a": 2 }]))]
    #[case::an_item_that_somebody_added("[z]", json!([{ "id": "y" }]), json!([{ "id": "z" }]), json!([{ "id": "y" }, { "id": "z" }]))]
    #[case::an_item_that_is_not_there("[x]", json!([{ "id": "x" }, { "id": "y" }]), json!([]), json!([{ "id": "y" }]))]
    #[case::a_field_of_an_item("[x.1].a", json!([{ "id": "x.1", "a": 1, "b": 1 }]), json!([{ "id": "x.1", "a": 2, "b": 2 }]), json!([{ "id": "x.1", "a": 2, "b": 1 }]))]
    fn a_part_is_as_it_was_found(
        #[case] part: &str,
        #[case] wanted: Value,
        #[case] found: Value,
        #[case] left_with: Value,
    ) {
        let (wanted, found) = ([("website", wanted)].into(), [("website", found)].into());
        let desired = left(&format!("website{part}"), &wanted, Some(&found));
        assert_eq!(desired.facets["website"], left_with);
    }

    #[rstest]
    #[case::the_whole("website", json!([{ "id": "x" }]))]
    #[case::no_list("website[x]", json!({ "a": 1 }))]
    #[case::a_list_without_ids("website[0]", json!([{ "a": 1 }]))]
    #[case::no_object("website.Statement", json!("{}"))]
    fn what_has_no_such_part_is_left_as_a_whole(#[case] ignored: &str, #[case] wanted: Value) {
        let wanted = Values::from([("website", wanted)]);
        let desired = left(ignored, &wanted, None);
        assert_eq!(desired.facets, Values::new());
        assert!(desired.left.contains("website"));
    }

    #[test]
    fn a_facet_that_is_none_without_a_part_is_left_as_a_whole() {
        let wanted = Values::from([("encryption", json!({ "algorithm": "AES256" }))]);
        let found = Values::from([("encryption", json!({ "algorithm": "aws:kms" }))]);
        for found in [None, Some(&found)] {
            let desired = left("encryption.algorithm", &wanted, found);
            assert!(desired.left.contains("encryption"), "{desired:?}");
        }
    }

    #[test]
    fn what_left_the_spec_and_is_ignored_is_not_set_back() {
        let found = Values::from([("versioning", json!({ "enabled": true }))]);
        let desired = left("versioning", &Values::new(), Some(&found));
        let owned = ["versioning".to_owned()].into();
        assert_eq!(super::super::desired::diff(&desired, &found, &owned), []);
    }
}
