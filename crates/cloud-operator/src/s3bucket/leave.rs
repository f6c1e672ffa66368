//! What of a bucket is left alone. Pure.
//!
//! A facet is left alone as a whole, or a part of it keeps what the bucket has there. That needs something on both
//! sides of which it is a part: where the bucket has no such thing, it is made as the spec says, part included; where
//! the spec has none, it goes, part included. Lists are always there, empty or not; their items are known by their
//! ids.

use std::collections::BTreeMap;

use crd_types::{aws::v1alpha1::S3BucketSpec, lifecycle::FieldPath, rules::InvalidField};
use serde_json::{Map, Value, json};

use super::{
    desired::Desired,
    facets::{AnyFacet, BucketTags, Facet, TABLE, Values, of_json, to_json},
    mark,
    shape::{Name, Shape},
};

/// Where paths to be left alone are given.
const IGNORE: &str = "spec.drift.ignore";

/// What of one facet is left alone.
enum Left {
    Whole,
    Parts(Vec<Vec<Name>>),
}

/// Whether every path leads somewhere.
///
/// # Errors
/// The path that names a part that no spec has.
pub(super) fn check(ignored: &[FieldPath]) -> Result<(), InvalidField> {
    ignored.iter().try_for_each(|path| {
        let (facet, part) = path.split();
        let names = Shape::of_field(facet).names(part);
        let invalid = |why| InvalidField::new(IGNORE, format!("{}: {why}", path.as_str()));
        names.map(|_| ()).map_err(invalid)
    })
}

/// `desired` without what `ignored` names, which has passed [`check`], where the bucket was `found` so. Before it was
/// looked at, all that is spoken of is to be made.
pub(super) fn leave(desired: &Desired, ignored: &[FieldPath], found: Option<&Values>) -> Desired {
    let mut desired = desired.clone();
    for (name, paths) in by_facet(ignored) {
        let Some(facet) = TABLE.iter().find(|known| known.name() == name) else {
            continue;
        };
        let name = facet.name();
        let found = found.and_then(|found| found.get(name));
        if let (true, Some(wanted)) = (name == BucketTags::NAME, desired.facets.get(name)) {
            let tags = leave_tags(wanted, found, &paths);
            desired.facets.insert(name, tags);
            continue;
        }
        let (Left::Parts(parts), Some(wanted)) = (left(name, &paths), desired.facets.get(name))
        else {
            desired.facets.remove(name);
            desired.left.insert(name);
            continue;
        };
        let found = found.filter(|found| !found.is_null());
        let grafted = parts.iter().try_fold(wanted.clone(), |wanted, part| {
            graft(Some(&wanted), found, part)
        });
        let besides = parts
            .iter()
            .try_fold(wanted.clone(), |wanted, part| without(Some(&wanted), part));
        desired.besides.insert(name, besides.unwrap_or_default());
        let grafted = grafted.unwrap_or_default();
        // Whole items are AWS's own, and may be of a kind that no spec has yet.
        let is_item = |part: &&Vec<Name>| matches!(part.last(), Some(Name::Item(_)));
        let own = parts
            .iter()
            .filter(is_item)
            .try_fold(grafted.clone(), |own, part| without(Some(&own), part));
        let judged = found.map(|found| {
            let own = own.unwrap_or_default();
            judge(*facet, found, &grafted).or_else(|why| match own == grafted {
                true => Err(why),
                false => judge(*facet, found, &own).map_err(|_| why),
            })
        });
        if let Some(Err(why)) = judged {
            let paths: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
            let why = format!(
                "with {} as the bucket has it, {name} cannot be written: {why}; ignore {name} as a whole, or let the \
                 spec follow the bucket",
                paths.join(", ")
            );
            desired.refused.insert(name, InvalidField::new(IGNORE, why));
        }
        // What is no value of its facet is not handled as one: it is never written, so that the wish shows what differs.
        if facet.is_value(&grafted) {
            desired.facets.insert(name, grafted);
        }
    }
    desired
}

fn by_facet(ignored: &[FieldPath]) -> BTreeMap<&str, Vec<&FieldPath>> {
    let mut facets = BTreeMap::<_, Vec<_>>::new();
    for path in ignored {
        facets.entry(path.split().0).or_default().push(path);
    }
    facets
}

/// What `paths` name of the facet; all of it where one of them cannot be told from the rest.
fn left(facet: &str, paths: &[&FieldPath]) -> Left {
    let shape = Shape::of_field(facet);
    let names = |path: &&FieldPath| shape.names(path.split().1).ok().flatten();
    let parts: Option<Vec<_>> = paths.iter().map(names).collect();
    match parts {
        Some(parts) if parts.iter().all(|part| !part.is_empty()) => Left::Parts(parts),
        _ => Left::Whole,
    }
}

/// Tags carry the mark, which is never left alone.
fn leave_tags(wanted: &Value, found: Option<&Value>, paths: &[&FieldPath]) -> Value {
    let mut tags = of_json::<BucketTags>(wanted);
    let found = found.map(of_json::<BucketTags>).unwrap_or_default();
    let is_ignored = |key: &str| {
        let names = |path: &&FieldPath| {
            let part = path.split().1;
            part.is_empty() || part.strip_prefix('.').is_some_and(|part| part == key)
        };
        !mark::is_part(key) && paths.iter().any(names)
    };
    tags.retain(|key, _| !is_ignored(key));
    tags.extend(found.into_iter().filter(|(key, _)| is_ignored(key)));
    to_json::<BucketTags>(&tags)
}

/// A list without items, which is what a list that is left out is.
static NO_ITEMS: Value = Value::Array(Vec::new());

/// `wanted` with what `found` has at `part`, where both have what it is a part of.
fn graft(wanted: Option<&Value>, found: Option<&Value>, part: &[Name]) -> Option<Value> {
    let Some((name, rest)) = part.split_first() else {
        return found.cloned();
    };
    let (wanted, found) = match (name, wanted, found) {
        (Name::Item(_), ..) => (wanted.unwrap_or(&NO_ITEMS), found.unwrap_or(&NO_ITEMS)),
        (Name::Field(_), Some(wanted), Some(found)) => (wanted, found),
        (Name::Field(_), wanted, _) => return wanted.cloned(),
    };
    let value = graft(name.of(wanted), name.of(found), rest);
    Some(name.put(wanted, value))
}

/// `wanted` with nothing at `part`.
fn without(wanted: Option<&Value>, part: &[Name]) -> Option<Value> {
    let (name, rest) = part.split_first()?;
    let wanted = wanted?;
    Some(name.put(wanted, without(name.of(wanted), rest)))
}

/// Whether `grafted` can be written, if it has to be: by the rules of a spec that asks for nothing else.
fn judge(facet: &dyn AnyFacet, found: &Value, grafted: &Value) -> Result<(), String> {
    let name = facet.name();
    if facet.is_value(grafted) && facet.diff(found, Some(grafted)).is_empty() {
        return Ok(());
    }
    let said = Shape::of_field(name).spelled_out(grafted, name)?;
    let mut spec = Map::from_iter([
        ("providerRef".to_owned(), json!({ "name": "any" })),
        ("bucketName".to_owned(), "any".into()),
        ("versioning".to_owned(), json!({ "enabled": true })),
    ]);
    spec.insert(name.to_owned(), said);
    let spec: S3BucketSpec = serde_json::from_value(spec.into()).map_err(|it| it.to_string())?;
    spec.check().map_err(|it| it.to_string())
}

#[cfg(test)]
mod property;

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
    fn what_no_spec_has_yet_is_left_as_an_item_of_its_own() {
        let rule = |id: &str, class: &str| json!({ "id": id, "enabled": true, "transitions": [{ "days": 90, "storageClass": class }] });
        let legacy = rule("legacy", "OF_TOMORROW");
        let wanted = json!([rule("own", "GLACIER")]);
        let found = json!([legacy, rule("own", "STANDARD_IA")]);
        let wanted = Values::from([("lifecycleRules", wanted)]);
        let found = Values::from([("lifecycleRules", found)]);
        let desired = left("lifecycleRules[legacy]", &wanted, Some(&found));
        assert_eq!(desired.refused, BTreeMap::new());
        let rules = desired.facets["lifecycleRules"].as_array().unwrap();
        assert!(rules.contains(&legacy), "{rules:?}");
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

    /// The facet as it is wanted with `part` of it left alone.
    fn with(facet: &'static str, part: &str, wanted: &Value, found: &Value) -> Desired {
        let (wanted, found) = ([(facet, wanted.clone())], [(facet, found.clone())]);
        left(
            &format!("{facet}{part}"),
            &wanted.into(),
            Some(&found.into()),
        )
    }

    #[rstest]
    #[case::a_field("website", ".errorDocument", json!({ "indexDocument": "a", "errorDocument": "a" }), json!({ "indexDocument": "b", "errorDocument": "b" }), json!({ "indexDocument": "a", "errorDocument": "b" }))]
    #[case::that_is_not_there("website", ".errorDocument", json!({ "indexDocument": "a", "errorDocument": "a" }), json!({ "indexDocument": "b" }), json!({ "indexDocument": "a" }))]
    #[case::that_nobody_asked_for("website", ".errorDocument", json!({ "indexDocument": "a" }), json!({ "indexDocument": "b", "errorDocument": "b" }), json!({ "indexDocument": "a", "errorDocument": "b" }))]
    #[case::of_what_is_made("website", ".errorDocument", json!({ "indexDocument": "a", "errorDocument": "a" }), Value::Null, json!({ "indexDocument": "a", "errorDocument": "a" }))]
    #[case::a_field_of_an_item("lifecycleRules", "[x].prefix", json!([{ "id": "x", "prefix": "a", "enabled": true }]), json!([{ "id": "x", "prefix": "b" }]), json!([{ "id": "x", "prefix": "b", "enabled": true }]))]
    #[case::of_an_item_that_is_made("lifecycleRules", "[x].prefix", json!([{ "id": "x", "prefix": "a" }, { "id": "y" }]), json!([{ "id": "y" }]), json!([{ "id": "y" }, { "id": "x", "prefix": "a" }]))]
    #[case::of_an_item_that_goes("lifecycleRules", "[x].prefix", json!([{ "id": "y" }]), json!([{ "id": "x", "prefix": "b" }, { "id": "y" }]), json!([{ "id": "y" }]))]
    #[case::of_what_an_item_is_given("lifecycleRules", "[x].expiration.days", json!([{ "id": "x", "expiration": { "days": 1 } }]), json!([{ "id": "x", "enabled": true }]), json!([{ "id": "x", "expiration": { "days": 1 } }]))]
    #[case::of_what_an_item_loses("lifecycleRules", "[x].expiration.days", json!([{ "id": "x", "enabled": true }]), json!([{ "id": "x", "expiration": { "days": 1 } }]), json!([{ "id": "x", "enabled": true }]))]
    #[case::an_item("metrics", "[x]", json!([{ "id": "x", "prefix": "a" }, { "id": "y" }]), json!([{ "id": "x", "prefix": "b" }, { "id": "z" }]), json!([{ "id": "y" }, { "id": "x", "prefix": "b" }]))]
    #[case::an_item_of_somebody_else("metrics", "[z]", json!([{ "id": "y" }]), json!([{ "id": "z" }]), json!([{ "id": "y" }, { "id": "z" }]))]
    #[case::an_item_that_is_not_there("metrics", "[x]", json!([{ "id": "x" }, { "id": "y" }]), json!([]), json!([{ "id": "y" }]))]
    #[case::the_only_item("notification", ".queues[x]", json!({ "queues": [{ "id": "x" }], "eventBridge": true }), json!({ "queues": [{ "id": "y" }] }), json!({ "eventBridge": true }))]
    #[case::of_no_list("notification", ".queues[z]", json!({ "eventBridge": true }), json!({ "queues": [{ "id": "z" }] }), json!({ "eventBridge": true, "queues": [{ "id": "z" }] }))]
    fn a_part_is_as_it_was_found(
        #[case] facet: &'static str,
        #[case] part: &str,
        #[case] wanted: Value,
        #[case] found: Value,
        #[case] left_with: Value,
    ) {
        assert_eq!(with(facet, part, &wanted, &found).facets[facet], left_with);
    }

    #[rstest]
    #[case::the_whole("website", "", json!({ "indexDocument": "a" }))]
    #[case::a_list_without_ids("corsRules", "[0]", json!([{ "maxAgeSeconds": 1 }]))]
    #[case::text("policy", ".Statement", json!("{}"))]
    fn what_has_no_parts_is_left_as_a_whole(
        #[case] facet: &'static str,
        #[case] part: &str,
        #[case] wanted: Value,
    ) {
        let desired = with(facet, part, &wanted, &Value::Null);
        assert_eq!(desired.facets, Values::new());
        assert!(desired.left.contains(facet));
    }

    #[rstest]
    #[case::two_that_exclude_each_other("website", ".redirectAllRequestsTo", json!({ "indexDocument": "a" }), json!({ "redirectAllRequestsTo": { "hostName": "b" } }), "give one of")]
    #[case::what_another_part_needs("encryption", ".algorithm", json!({ "algorithm": "aws:kms", "kmsKeyID": "alias/a", "bucketKeyEnabled": false }), json!({ "algorithm": "AES256", "bucketKeyEnabled": false }), "kmsKeyID has a use only with")]
    #[case::what_a_facet_needs("logging", ".targetBucket", json!({ "targetBucket": "a", "targetPrefix": "a" }), json!({ "targetPrefix": "b" }), "missing field `targetBucket`")]
    #[case::a_list_that_may_not_be_empty("replication", ".rules[x]", json!({ "roleARN": "arn:aws:iam::111122223333:role/a", "rules": [{ "id": "x" }] }), json!({ "roleARN": "arn:aws:iam::111122223333:role/a", "rules": [{ "id": "y" }] }), "missing field `rules`")]
    #[case::what_keeps_a_rule_from_the_whole_bucket("lifecycleRules", "[x].tags.a", json!([{ "id": "x", "enabled": true, "tags": { "a": "1" }, "expiration": { "days": 1 } }]), json!([{ "id": "x", "enabled": true, "tags": { "b": "1" }, "expiration": { "days": 1 } }]), "lifecycleRules[x].tags would be left empty")]
    fn what_would_be_no_wish_is_refused_and_named(
        #[case] facet: &'static str,
        #[case] part: &str,
        #[case] wanted: Value,
        #[case] found: Value,
        #[case] why: &str,
    ) {
        let desired = with(facet, part, &wanted, &found);
        let refused = desired.refused[facet].to_string();
        assert!(refused.starts_with(IGNORE), "{refused}");
        assert!(refused.contains(&format!("{facet}{part}")), "{refused}");
        assert!(refused.contains(why), "{refused}");
        let diffs = super::super::desired::diff(&desired, &[(facet, found)].into(), &[].into());
        let steps = super::super::desired::plan(&desired, &diffs);
        assert!(!steps.is_empty() && steps.iter().all(|step| step.refused.is_some()));
    }

    #[test]
    fn what_stands_is_not_judged() {
        let odd = json!({ "redirectAllRequestsTo": { "hostName": "b" }, "errorDocument": "c" });
        let mut wanted = odd.clone();
        wanted["errorDocument"] = "a".into();
        let desired = with("website", ".errorDocument", &wanted, &odd);
        assert_eq!(desired.refused, BTreeMap::new());
        assert_eq!(desired.facets["website"], odd);
    }

    #[test]
    fn an_edit_of_what_is_left_alone_is_none() {
        let digests = |index: &str, error: &str| {
            let wanted = json!({ "indexDocument": index, "errorDocument": error });
            with("website", ".errorDocument", &wanted, &Value::Null).digests()
        };
        assert_eq!(digests("a", "a"), digests("a", "b"));
        assert_ne!(digests("a", "a"), digests("b", "a"));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_named() {
        let check = |path: &str| check(&[path.parse().unwrap()]);
        assert_eq!(check("website.errorDocument"), Ok(()));
        let refused = check("website.error").unwrap_err().to_string();
        let named =
            "spec.drift.ignore: website.error: found \".error\", allowed are .errorDocument";
        assert!(refused.starts_with(named), "{refused}");
    }

    #[test]
    fn what_left_the_spec_and_is_ignored_is_not_set_back() {
        let found = Values::from([("versioning", json!({ "enabled": true }))]);
        let desired = left("versioning", &Values::new(), Some(&found));
        let owned = ["versioning".to_owned()].into();
        assert_eq!(super::super::desired::diff(&desired, &found, &owned), []);
    }
}
