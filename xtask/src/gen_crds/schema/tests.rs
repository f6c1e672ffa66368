use std::{fs, path::Path};

use serde_json::{Map, json};

use super::*;

/// A schema of each sort of thing.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "x-kubernetes-validations": [{ "rule": "has(self.name)", "message": "named" }],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a", "format": "date" },
            "size": { "type": "integer", "minimum": 1, "maximum": 9, "default": 3 },
            "mode": { "type": "string", "enum": ["A", "B"], "nullable": true },
            "list": {
                "type": "array", "minItems": 1, "maxItems": 9,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                "items": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
            },
            "map": {
                "type": "object", "minProperties": 1, "maxProperties": 9,
                "additionalProperties": { "type": "string", "maxLength": 9 },
            },
            "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
            "port": { "x-kubernetes-int-or-string": true },
        },
    })
}

/// The schema with another value at a place, made if it is not there; without any if that is null.
fn with(place: &str, value: Value) -> Value {
    let mut changed = schema();
    set(&mut changed, place, value);
    changed
}

fn set(schema: &mut Value, place: &str, value: Value) {
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    let parent = schema.pointer_mut(parent).expect("a parent");
    let fields = parent.as_object_mut().expect("an object");
    match value {
        Value::Null => drop(fields.remove(name)),
        value => drop(fields.insert(name.to_owned(), value)),
    }
}

#[rstest::rstest]
#[case::field("/properties/size", Value::Null, "size: the field is gone")]
#[case::field_of_an_item(
    "/properties/list/items/properties/id",
    Value::Null,
    "list[].id: the field is gone"
)]
#[case::type_("/properties/size/type", json!("number"), r#"size: type was "integer", is "number""#)]
#[case::required("/required", json!(["name", "mode"]), "mode: the field is required now")]
#[case::required_without_default("/required", json!(["name", "new"]), "new: the field is required now")]
#[case::choice("/properties/mode/enum", json!(["A"]), r#"mode: enum was ["A","B"], is ["A"]"#)]
#[case::choices("/properties/name/enum", json!(["A"]), r#"name: enum ["A"] is new"#)]
#[case::minimum("/properties/size/minimum", json!(2), "size: minimum was 1, is 2")]
#[case::maximum("/properties/size/maximum", json!(8), "size: maximum was 9, is 8")]
#[case::exclusive("/properties/size/exclusiveMaximum", json!(true), "size: exclusiveMaximum true is new")]
#[case::multiple("/properties/size/multipleOf", json!(2), "size: multipleOf 2 is new")]
#[case::min_length("/properties/name/minLength", json!(2), "name: minLength was 1, is 2")]
#[case::max_length("/properties/name/maxLength", json!(8), "name: maxLength was 9, is 8")]
#[case::new_max_length("/properties/mode/maxLength", json!(99), "mode: maxLength 99 is new")]
#[case::min_items("/properties/list/minItems", json!(2), "list: minItems was 1, is 2")]
#[case::max_items("/properties/list/maxItems", json!(8), "list: maxItems was 9, is 8")]
#[case::min_properties("/properties/map/minProperties", json!(2), "map: minProperties was 1, is 2")]
#[case::max_properties("/properties/map/maxProperties", json!(8), "map: maxProperties was 9, is 8")]
#[case::entry("/properties/map/additionalProperties/maxLength", json!(8), "map{}: maxLength was 9, is 8")]
#[case::entries(
    "/properties/map/additionalProperties",
    json!(true),
    r#"map: additionalProperties was {"maxLength":9,"type":"string"}, is true"#
)]
#[case::pattern("/properties/name/pattern", json!("^b"), r#"name: pattern was "^a", is "^b""#)]
#[case::new_pattern("/properties/mode/pattern", json!("^b"), r#"mode: pattern "^b" is new"#)]
#[case::format("/properties/name/format", json!("uri"), r#"name: format was "date", is "uri""#)]
#[case::unique("/properties/list/uniqueItems", json!(true), "list: uniqueItems true is new")]
#[case::junction("/properties/map/not", json!({ "required": ["a"] }), r#"map: not {"required":["a"]} is new"#)]
#[case::default("/properties/size/default", json!(4), "size: default was 3, is 4")]
#[case::no_default(
    "/properties/size/default",
    Value::Null,
    "size: default was 3, is gone"
)]
#[case::new_default("/properties/mode/default", json!("A"), r#"mode: default "A" is new"#)]
#[case::false_as_default("/properties/any/default", json!(false), "any: default false is new")]
#[case::nullable(
    "/properties/mode/nullable",
    Value::Null,
    "mode: nullable was true, is gone"
)]
#[case::rule(
    "/x-kubernetes-validations",
    json!([{ "rule": "has(self.name)" }, { "rule": "has(self.size)" }]),
    "the object: the rule `has(self.size)` is new"
)]
#[case::changed_rule(
    "/x-kubernetes-validations/0/rule",
    json!("!has(self.size)"),
    "the object: the rule `!has(self.size)` is new"
)]
#[case::rule_about_creation(
    "/x-kubernetes-validations/0/optionalOldSelf",
    json!(true),
    "the object: the rule `has(self.name)` is new"
)]
#[case::rule_about_a_known_field(
    "/x-kubernetes-validations",
    json!([{ "rule": "!has(self.size) || self.size > 1" }]),
    "the object: the rule `!has(self.size) || self.size > 1` is new"
)]
#[case::list_type("/properties/list/x-kubernetes-list-type", json!("set"), r#"list: x-kubernetes-list-type was "map", is "set""#)]
#[case::atomic("/properties/list/x-kubernetes-list-type", json!("atomic"), r#"list: x-kubernetes-list-type was "map", is "atomic""#)]
#[case::keys(
    "/properties/list/x-kubernetes-list-map-keys",
    json!(["name"]),
    r#"list: x-kubernetes-list-map-keys was ["id"], is ["name"]"#
)]
#[case::map_type("/properties/map/x-kubernetes-map-type", json!("atomic"), r#"map: x-kubernetes-map-type "atomic" is new"#)]
#[case::pruning(
    "/properties/any/x-kubernetes-preserve-unknown-fields",
    Value::Null,
    "any: x-kubernetes-preserve-unknown-fields was true, is gone"
)]
#[case::keeping(
    "/properties/map/x-kubernetes-preserve-unknown-fields",
    json!(true),
    "map: x-kubernetes-preserve-unknown-fields true is new"
)]
#[case::declared("/properties/any/properties", json!({ "a": {} }), "any.a: the field is new where anything was kept")]
#[case::int_or_string(
    "/properties/port/x-kubernetes-int-or-string",
    Value::Null,
    "port: x-kubernetes-int-or-string was true, is gone"
)]
#[case::unknown("/properties/name/x-kubernetes-surprise", json!(1), "name: x-kubernetes-surprise 1 is new")]
fn what_accepts_less_is_told(#[case] place: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(compare(&schema(), &with(place, value)), [expected]);
}

#[rstest::rstest]
#[case::field("/properties/new", json!({ "type": "object", "required": ["a"], "properties": { "a": {} } }))]
#[case::field_with_default("/properties/new", json!({ "type": "string", "default": "x" }))]
#[case::not_required("/required", Value::Null)]
#[case::required_with_default("/required", json!(["name", "size"]))]
#[case::choice("/properties/mode/enum", json!(["C", "B", "A"]))]
#[case::no_choices("/properties/mode/enum", Value::Null)]
#[case::minimum("/properties/size/minimum", json!(0.5))]
#[case::no_minimum("/properties/size/minimum", Value::Null)]
#[case::maximum("/properties/size/maximum", json!(10))]
#[case::no_maximum("/properties/size/maximum", Value::Null)]
#[case::min_length_of_nothing("/properties/mode/minLength", json!(0))]
#[case::max_length("/properties/name/maxLength", json!(10))]
#[case::min_items("/properties/list/minItems", json!(0))]
#[case::no_pattern("/properties/name/pattern", Value::Null)]
#[case::no_format("/properties/name/format", Value::Null)]
#[case::nullable("/properties/size/nullable", json!(true))]
#[case::nothing_said("/properties/size/nullable", json!(false))]
#[case::list_type_by_name("/properties/list/items/x-kubernetes-map-type", json!("granular"))]
#[case::no_rule("/x-kubernetes-validations", Value::Null)]
#[case::wording("/x-kubernetes-validations/0/message", json!("needs a name"))]
#[case::description("/properties/size/description", json!("How large."))]
fn what_accepts_as_much_or_more_is_free(#[case] place: &str, #[case] value: Value) {
    assert_eq!(compare(&schema(), &with(place, value)), [""; 0]);
}

/// With a new field comes what it has to do with others.
#[test]
fn a_rule_about_a_new_field_is_free_while_nothing_can_have_that_field() {
    let with_rule = |rule: &str, new: Value| {
        let mut changed = schema();
        set(&mut changed, "/properties/new", new);
        set(
            &mut changed,
            "/x-kubernetes-validations",
            json!([{ "rule": rule }]),
        );
        compare(&schema(), &changed)
    };
    let rule = "!has(self.new) || self.size > 1";
    assert_eq!(with_rule(rule, json!({ "type": "string" })), [""; 0]);
    for (rule, new) in [
        (rule, json!({ "type": "string", "default": "x" })),
        (
            "!has(self.new) || self.size > 1 ? true : false",
            json!({ "type": "string" }),
        ),
        (
            "!has(self.other) || self.size > 1",
            json!({ "type": "string" }),
        ),
        (
            "has(self.new) || self.size > 1",
            json!({ "type": "string" }),
        ),
    ] {
        let expected = format!("the object: the rule `{rule}` is new");
        assert_eq!(with_rule(rule, new), [expected]);
    }
}

#[test]
fn a_default_makes_a_field_fit_to_be_required_only_if_the_field_is_as_old() {
    let mut changed = with("/properties/mode/default", json!("A"));
    set(&mut changed, "/required", json!(["name", "mode"]));
    assert_eq!(
        compare(&schema(), &changed),
        [
            r#"mode: default "A" is new"#,
            "mode: the field is required now"
        ]
    );
    let mut changed = with(
        "/properties/new",
        json!({ "type": "string", "default": "A" }),
    );
    set(&mut changed, "/required", json!(["name", "new"]));
    assert_eq!(compare(&schema(), &changed), [""; 0]);
}

/// The schemas that users have, which are large and of every shape that we use.
fn released() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/crd-types/released");
    let files = fs::read_dir(folder).unwrap();
    let schemas: Vec<Value> = files
        .map(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let mut definition: Value = serde_saphyr::from_str(&text).unwrap();
            definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take()
        })
        .collect();
    assert!(schemas.len() >= 4, "there are released definitions");
    schemas
}

/// A pointer to every schema within a schema.
fn nodes(schema: &Value) -> Vec<String> {
    fn collect(schema: &Value, pointer: &str, nodes: &mut Vec<String>) {
        nodes.push(pointer.to_owned());
        for (name, field) in fields(schema) {
            collect(field, &format!("{pointer}/properties/{name}"), nodes);
        }
        for keyword in ["items", "additionalProperties"] {
            if schema[keyword].is_object() {
                collect(&schema[keyword], &format!("{pointer}/{keyword}"), nodes);
            }
        }
    }
    let mut nodes = Vec::new();
    collect(schema, "", &mut nodes);
    nodes
}

/// The node after one change, for each change of a sort.
type Changes = fn(&Map<String, Value>) -> Vec<Map<String, Value>>;

/// The node with another value of one keyword.
fn having(node: &Map<String, Value>, keyword: &str, value: Value) -> Map<String, Value> {
    let mut changed = node.clone();
    match value {
        Value::Null => drop(changed.remove(keyword)),
        value => drop(changed.insert(keyword.to_owned(), value)),
    }
    changed
}

fn narrower(node: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut changes = vec![
        having(node, "type", json!("other")),
        having(node, "pattern", json!("^other$")),
        having(
            node,
            "x-kubernetes-validations",
            json!([{ "rule": "self == oldSelf" }]),
        ),
        having(node, "x-kubernetes-map-type", json!("atomic")),
        having(node, "default", json!("other")),
    ];
    for (bound, by) in [
        ("maximum", -1.0),
        ("maxLength", -1.0),
        ("maxItems", -1.0),
        ("maxProperties", -1.0),
        ("minimum", 1.0),
        ("minLength", 1.0),
        ("minItems", 1.0),
        ("minProperties", 1.0),
    ] {
        let tighter = node.get(bound).and_then(Value::as_f64).unwrap_or(1000.0) + by;
        changes.push(having(node, bound, json!(tighter)));
    }
    if let Some(choices) = node.get("enum") {
        changes.extend((0..items(choices).len()).map(|index| {
            let mut fewer = items(choices).to_vec();
            fewer.remove(index);
            having(node, "enum", fewer.into())
        }));
    }
    if let Some(Value::Object(properties)) = node.get("properties") {
        for name in properties.keys() {
            changes.push(having(
                node,
                "properties",
                having(properties, name, Value::Null).into(),
            ));
            let mut required = node.get("required").map(items).unwrap_or_default().to_vec();
            if !required.contains(&json!(name)) && properties[name].get("default").is_none() {
                required.push(json!(name));
                changes.push(having(node, "required", required.into()));
            }
        }
    }
    for keyword in [
        "default",
        "nullable",
        "items",
        "additionalProperties",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-int-or-string",
    ] {
        if node.contains_key(keyword) && said(&json!(node), keyword).is_some() {
            changes.push(having(node, keyword, Value::Null));
        }
    }
    changes
}

fn wider(node: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut changes = vec![
        having(node, "description", json!("other")),
        having(node, "nullable", json!(true)),
        having(node, "required", Value::Null),
        having(node, "pattern", Value::Null),
        having(node, "x-kubernetes-validations", Value::Null),
    ];
    for (bound, by) in [
        ("maximum", 1.0),
        ("maxLength", 1.0),
        ("maxItems", 1.0),
        ("maxProperties", 1.0),
        ("minimum", -1.0),
        ("minLength", -1.0),
        ("minItems", -1.0),
        ("minProperties", -1.0),
    ] {
        if let Some(wider) = node.get(bound).and_then(Value::as_f64) {
            if wider > 0.0 {
                changes.push(having(node, bound, json!(wider + by)));
            }
            changes.push(having(node, bound, Value::Null));
        }
    }
    if let Some(choices) = node.get("enum") {
        let more = [items(choices), &[json!("other")]].concat();
        changes.push(having(node, "enum", more.into()));
    }
    if let Some(Value::Object(properties)) = node.get("properties") {
        let field = json!({ "type": "string", "maxLength": 5 });
        changes.push(having(
            node,
            "properties",
            having(properties, "other", field).into(),
        ));
    }
    changes
}

/// Makes each change at each place of each released schema. That changes are found wherever they stand is shown by the
/// first of each place, as that takes a look at the whole schema.
fn everywhere(changes: Changes, judge: impl Fn(&str, &Map<String, Value>, &[String])) {
    let mut made = 0;
    for schema in released() {
        let mut changed = schema.clone();
        for pointer in nodes(&schema) {
            let node = schema.pointer(&pointer).expect("a schema");
            let changes = changes(node.as_object().expect("an object"));
            let place = changed.pointer_mut(&pointer).expect("the same place");
            *place = changes[0].clone().into();
            judge(&pointer, &changes[0], &compare(&schema, &changed));
            *changed.pointer_mut(&pointer).expect("the same place") = node.clone();
            for change in &changes {
                judge(&pointer, change, &compare(node, &change.clone().into()));
            }
            made += changes.len();
        }
    }
    assert!(made > 1000, "{made} changes");
}

#[test]
fn what_users_have_is_no_change() {
    for schema in released() {
        assert_eq!(compare(&schema, &schema.clone()), [""; 0]);
    }
}

#[test]
fn whatever_narrows_is_told_wherever_it_stands() {
    everywhere(narrower, |place, change, faults| {
        assert!(!faults.is_empty(), "{place}: {change:?}");
    });
}

#[test]
fn whatever_widens_is_free_wherever_it_stands() {
    everywhere(wider, |place, change, faults| {
        assert!(faults.is_empty(), "{place}: {change:?}: {faults:?}");
    });
}
