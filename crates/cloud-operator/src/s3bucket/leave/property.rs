//! Whatever a spec wants, a bucket has and a user ignores: one step makes them one, and nothing comes into being
//! that nobody asked for.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::subsequence};
use serde_json::{Value, json};

use super::*;
use crate::s3bucket::{
    desired::{diff, plan},
    facets::Change,
    wire::said,
};

/// An object with some of the members of `full`, in all forms that its schema and rules allow.
fn some_of(full: Value, always: &'static [&'static str]) -> BoxedStrategy<Value> {
    let members: Vec<(String, Value)> = full.as_object().cloned().into_iter().flatten().collect();
    let (kept, free): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|(name, _)| always.contains(&name.as_str()));
    let amount = 0..=free.len();
    subsequence(free, amount)
        .prop_map(move |free| Value::Object(kept.iter().cloned().chain(free).collect()))
        .boxed()
}

/// A list of items with the ids a, b and c, each with some of the members of one of `full`.
fn items(full: Value, always: &'static [&'static str]) -> BoxedStrategy<Value> {
    let full: Vec<Value> = full.as_array().cloned().unwrap_or_default();
    let item = proptest::sample::select(full).prop_flat_map(move |it| some_of(it, always));
    let list = prop::collection::vec(item, 3);
    (list, subsequence(vec![0, 1, 2], 0..=3))
        .prop_map(|(list, chosen)| {
            let named = |at: usize| {
                let mut item = list[at].clone();
                item["id"] = ["a", "b", "c"][at].into();
                item
            };
            chosen.into_iter().map(named).collect()
        })
        .boxed()
}

/// Values of one facet, as specs want them and as buckets have them.
fn values() -> impl Strategy<Value = (&'static str, Value, Value)> {
    let rules = json!([
        { "enabled": true, "expiration": { "days": 1 }, "prefix": "a", "tags": { "k": "v", "l": "w" } },
        { "enabled": true, "expiration": { "date": "2040-12-31" }, "tags": { "l": "x", "m": "y" } },
        { "expiration": { "expiredObjectDeleteMarker": true }, "prefix": "b",
          "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 } },
    ]);
    let copies = json!([
        { "enabled": true, "priority": 1, "destination": { "bucket": "arn:aws:s3:::a", "metrics": true } },
        { "priority": 2, "prefix": "a", "destination": { "bucket": "arn:aws:s3:::b", "storageClass": "GLACIER" } },
    ]);
    let targets = json!([
        { "arn": "arn:aws:sqs:eu-central-1:111122223333:a", "events": ["s3:ObjectCreated:*"], "prefix": "a" },
        { "arn": "arn:aws:sqs:eu-central-1:111122223333:b", "events": ["s3:ObjectRemoved:*"], "suffix": "b" },
    ]);
    let replication = (items(copies, &["priority", "destination"]), 0..2).prop_map(|(rules, role)| {
        json!({ "roleARN": format!("arn:aws:iam::111122223333:role/{role}"), "rules": rules })
    });
    let notification = (
        items(targets.clone(), &["arn", "events"]),
        items(targets, &["arn", "events"]),
        any::<bool>(),
    );
    let notification = notification.prop_map(|(queues, topics, bridge)| {
        said(json!({ "queues": queues, "topics": topics, "eventBridge": bridge }))
    });
    let website = || {
        let pages = json!({ "indexDocument": "a", "errorDocument": "a" });
        let elsewhere = json!({ "indexDocument": "b", "errorDocument": "b", "redirectAllRequestsTo": { "hostName": "h" } });
        prop_oneof![some_of(pages, &[]), some_of(elsewhere, &[])]
    };
    let encryption = || {
        let keys =
            json!({ "kmsKeyID": "alias/a", "bucketKeyEnabled": true, "algorithm": "aws:kms" });
        let own = json!({ "algorithm": "AES256", "bucketKeyEnabled": false });
        prop_oneof![some_of(keys, &["algorithm", "bucketKeyEnabled"]), Just(own)]
    };
    let pair = |name: &'static str, values: BoxedStrategy<Value>| {
        (values.clone(), values).prop_map(move |(wanted, found)| (name, wanted, found))
    };
    let lifecycle = items(rules.clone(), &["expiration"]);
    let metrics = items(rules, &[]).prop_map(|list| {
        let of_metrics = |item: &Value| {
            let members = ["id", "prefix", "tags"].map(|name| (name, item[name].clone()));
            crate::s3bucket::wire::object(members)
        };
        list.as_array()
            .into_iter()
            .flatten()
            .map(of_metrics)
            .collect()
    });
    prop_oneof![
        pair("lifecycleRules", lifecycle),
        pair("metrics", metrics.boxed()),
        pair("replication", replication.boxed()),
        pair("notification", notification.boxed()),
        pair("website", website().boxed()),
        pair("encryption", encryption().boxed()),
    ]
}

/// Every path below a facet that leads to something in `value`.
fn paths(path: &str, value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "id");
            fields
                .map(|(name, value)| (format!("{path}.{name}"), value))
                .collect()
        }
        Value::Array(items) => {
            let id = |item: &Value| Some(format!("{path}[{}]", item["id"].as_str()?));
            items
                .iter()
                .filter_map(|item| Some((id(item)?, item)))
                .collect()
        }
        _ => Vec::new(),
    };
    let deeper = below.iter().flat_map(|(path, value)| paths(path, value));
    below
        .iter()
        .map(|(path, _)| path.clone())
        .chain(deeper)
        .collect()
}

/// What a spec wants, what a bucket has, and one to three paths that lead somewhere in one of them.
fn cases() -> impl Strategy<Value = (&'static str, Value, Value, Vec<FieldPath>)> {
    values().prop_flat_map(|(name, wanted, found)| {
        let all: BTreeSet<String> = [&wanted, &found]
            .into_iter()
            .flat_map(|it| paths(name, it))
            .collect();
        let all: Vec<FieldPath> = all.iter().filter_map(|path| path.parse().ok()).collect();
        let amount = 0..=all.len().min(3);
        (
            Just(name),
            Just(wanted),
            Just(found),
            subsequence(all, amount),
        )
    })
}

/// What the bucket has after the steps, none of which is refused.
fn applied(desired: &Desired, found: &Values) -> Values {
    let mut has = found.clone();
    for step in plan(desired, &diff(desired, found, &[].into())) {
        let name = step.facet.name();
        assert!(step.refused.is_none());
        let list = has[name].as_array().cloned().unwrap_or_default();
        let others = |id: &String| {
            list.iter()
                .filter(|item| item["id"] != **id)
                .cloned()
                .collect::<Vec<_>>()
        };
        let value = match step.change {
            Change::Set(value) if name == "encryption" => value,
            Change::Set(value) => said(value),
            Change::Unset if list.is_empty() => Value::Null,
            Change::Unset => json!([]),
            Change::Delete { id } => others(&id).into(),
            Change::Put { id, item } => others(&id).into_iter().chain([said(item)]).collect(),
        };
        has.insert(name, value);
    }
    has
}

fn ids(value: &Value) -> BTreeSet<String> {
    let own = value["id"].as_str().map(str::to_owned);
    let below: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    own.into_iter()
        .chain(below.into_iter().flat_map(ids))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn one_step_leads_to_rest((name, wanted, found, ignored) in cases()) {
        prop_assert_eq!(check(&ignored), Ok(()));
        let wish = Desired { facets: [(name, wanted)].into(), ..Desired::default() };
        let found = Values::from([(name, found)]);
        let desired = leave(&wish, &ignored, Some(&found));
        if desired.refused.is_empty() {
            let has = applied(&desired, &found);
            let again = leave(&wish, &ignored, Some(&has));
            prop_assert_eq!(diff(&again, &has, &[].into()), vec![], "{} after {:?}", has[name], desired.facets);
            prop_assert_eq!(again.refused, BTreeMap::new());
        }
    }

    #[test]
    fn nothing_comes_into_being((name, wanted, found, ignored) in cases()) {
        let wish = Desired { facets: [(name, wanted.clone())].into(), ..Desired::default() };
        let desired = leave(&wish, &ignored, Some(&[(name, found.clone())].into()));
        // What an item that is in the wish has is of this item, on one side or the other; one that is not is left
        // by its own name, or with all that holds it.
        let named = |id: &String| {
            ignored.iter().any(|path| {
                path.as_str().ends_with(&format!("[{id}]")) || !path.as_str().contains('[')
            })
        };
        for id in ids(desired.facets.get(name).unwrap_or(&Value::Null)).difference(&ids(&wanted)) {
            prop_assert!(named(id) && ids(&found).contains(id), "{id}");
        }
    }

    #[test]
    fn what_is_not_ignored_is_as_it_is_wanted((name, wanted, found, _) in cases()) {
        let wish = Desired { facets: [(name, wanted)].into(), ..Desired::default() };
        prop_assert_eq!(leave(&wish, &[], Some(&[(name, found)].into())), wish);
    }
}
