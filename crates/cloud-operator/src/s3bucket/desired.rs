//! What the spec asks for, what differs, and what mends it. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crd_types::{
    aws::v1alpha1::{S3Bucket, TAG_LIMIT},
    lifecycle::{DriftControl, Upheld},
    rules::InvalidField,
};
use operator_core::{
    decide::outcome::Fault,
    engines::external::{Diff, Facets, Mark, Wishes},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    compare::differences,
    facets::{AnyFacet, BucketTags, Change, Facet, TABLE, TagMap, Values, Wish},
    leave, mark, policy, reasons,
};

/// How many bytes of a wish's digest are kept: nobody gains anything by finding two alike.
const DIGEST: usize = 8;

/// What the spec asks for: a value for each facet that it speaks of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    pub(super) facets: Values,
    /// The facets that are left alone, spoken of or not.
    pub(super) left: BTreeSet<&'static str>,
    /// What is wanted of facets of which a part is left alone, without that part.
    pub(super) besides: Values,
    /// The facets that cannot be written with the parts of them that are left alone.
    pub(super) refused: BTreeMap<&'static str, InvalidField>,
}

impl Desired {
    pub(super) fn new(
        object: &S3Bucket,
        default_tags: &TagMap,
        mark: &Mark,
    ) -> Result<Self, Fault> {
        object.spec.check().map_err(super::invalid)?;
        if let Some(policy) = &object.spec.policy {
            let checked = policy::check(policy.as_str());
            checked.map_err(|why| super::invalid(InvalidField::new("spec.policy", why)))?;
        }
        let ignored = object.drift().map(DriftControl::ignored);
        leave::check(&ignored.unwrap_or_default()).map_err(super::invalid)?;
        let wish = Wish {
            spec: &object.spec,
            default_tags,
            mark,
        };
        let wanted = |facet: &&dyn AnyFacet| Some((facet.name(), facet.wanted(&wish)?));
        let desired = Self {
            facets: TABLE.iter().filter_map(wanted).collect(),
            ..Self::default()
        };
        let tags = mark::without(&desired.tags()).len();
        if tags > TAG_LIMIT {
            let text = format!(
                "spec.tags: {tags} tags together with the provider's defaultTags, at most {TAG_LIMIT} are allowed"
            );
            return Err(Fault::terminal(reasons::INVALID_SPEC, text));
        }
        Ok(desired)
    }

    /// The value of a facet in its own type.
    pub(super) fn get<F: Facet>(&self) -> Option<F::Value> {
        self.facets.get(F::NAME).map(super::facets::of_json::<F>)
    }

    /// A digest of what is wanted of each facet, besides what is left alone. The fields of a JSON object are sorted.
    pub(super) fn digests(&self) -> Wishes {
        let digest = |value: &Value| {
            let digest = Sha256::digest(value.to_string());
            digest[..DIGEST]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let facets = self.facets.iter();
        facets
            .map(|(name, value)| {
                let value = self.besides.get(name).unwrap_or(value);
                ((*name).to_owned(), digest(value))
            })
            .collect()
    }

    /// All tags, those of the mark included.
    pub(super) fn tags(&self) -> TagMap {
        self.get::<BucketTags>().unwrap_or_default()
    }
}

/// Whether a value of a facet gives nothing: an empty list, or something that is off.
fn is_nothing(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value["enabled"] == false
}

/// One call that brings one facet to what is wanted.
#[derive(Clone)]
pub struct Step {
    pub(super) facet: &'static dyn AnyFacet,
    pub(super) change: Change,
    /// Why it cannot be done as it is wanted.
    pub(super) refused: Option<InvalidField>,
}

impl Step {
    /// The facets without which it may not be done. What closes the bucket waits for none.
    pub(super) fn guards(&self) -> &'static [&'static str] {
        match &self.change {
            Change::Set(value) if !is_nothing(value) => self.facet.guards(),
            _ => &[],
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.of(self.facet.name()).fmt(f)
    }
}

/// What is not as wanted. What the spec no longer speaks of and we once wrote is to be at rest.
pub(super) fn diff(desired: &Desired, found: &Values, owned: &Facets) -> Vec<Diff> {
    let differs = |facet: &&dyn AnyFacet| {
        let wanted = desired.facets.get(facet.name());
        let is_left = desired.left.contains(facet.name());
        let concerns_us = wanted.is_some() || owned.contains(facet.name()) && !is_left;
        let found = found.get(facet.name()).filter(|_| concerns_us)?;
        Some(facet.diff(found, wanted))
    };
    TABLE.iter().filter_map(differs).flatten().collect()
}

/// What a bucket that is not there yet lacks.
pub(super) fn draft(desired: &Desired) -> Vec<Diff> {
    let lacks = |(name, wanted): (&&'static str, &Value)| {
        let nothing = match wanted {
            Value::Object(_) => Value::Object(serde_json::Map::new()),
            _ => Value::Null,
        };
        differences(name, &nothing, wanted)
    };
    desired.facets.iter().flat_map(lacks).collect()
}

/// The steps that mend `diffs`: first the mark, if it differs; then what is to be gone, from the end of the table,
/// so that nothing is taken away on which another rests; then what is to be there, from its beginning.
pub(super) fn plan(desired: &Desired, diffs: &[Diff]) -> Vec<Step> {
    let stays = |facet: &&'static dyn AnyFacet| {
        let value = desired.facets.get(facet.name());
        value.is_some_and(|value| !is_nothing(value))
    };
    let of_mark = |diff: &Diff| diff.facet == BucketTags::NAME && mark::names(&diff.field);
    let first = usize::from(diffs.iter().any(of_mark));
    let (tags, others) = TABLE.split_at(first);
    let (set, gone): (Vec<_>, Vec<_>) = others.iter().copied().partition(stays);
    let ordered = tags
        .iter()
        .copied()
        .chain(gone.into_iter().rev())
        .chain(set);
    let steps = |facet: &'static dyn AnyFacet| {
        let of_it = |diff: &&Diff| diff.facet == facet.name();
        let diffs: Vec<&Diff> = diffs.iter().filter(of_it).collect();
        let changes = match diffs.as_slice() {
            [] => Vec::new(),
            diffs => facet.changes(desired.facets.get(facet.name()), diffs),
        };
        let refused = desired.refused.get(facet.name());
        let step = move |change| Step {
            facet,
            change,
            refused: refused.cloned(),
        };
        changes.into_iter().map(step)
    };
    ordered.flat_map(steps).collect()
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::{BucketName, ProviderRef, Tags, Versioning};
    use serde_json::json;

    use super::*;

    fn object() -> S3Bucket {
        S3Bucket::builder("logs", "team")
            .provider_ref(ProviderRef::named(
                "main".parse::<crd_types::names::ObjectName>().unwrap(),
            ))
            .bucket_name("logs".parse::<BucketName>().unwrap())
            .build()
    }

    fn mark() -> Mark {
        Mark {
            installation: "cluster".into(),
            kind: "S3Bucket".into(),
            namespace: "team".into(),
            name: "logs".into(),
            uid: "1".into(),
        }
    }

    fn desired(object: &S3Bucket) -> Desired {
        Desired::new(object, &TagMap::new(), &mark()).unwrap()
    }

    fn owned(names: &[&str]) -> Facets {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_objects_own_tag_goes_before_the_providers_and_the_mark_before_all() {
        let mut object = object();
        object.spec.tags = Tags::from_iter([("team", "own")]);
        let uid = "aws-infra-operator.runner.codes/uid";
        let defaults = [("team", "default"), ("stage", "default"), (uid, "forged")];
        let defaults = defaults
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let tags = Desired::new(&object, &defaults, &mark()).unwrap().tags();
        assert_eq!(
            (
                tags["team"].as_str(),
                tags["stage"].as_str(),
                tags[uid].as_str()
            ),
            ("own", "default", "1")
        );
    }

    #[test]
    fn too_many_tags_together_are_refused_before_aws_does() {
        let mut object = object();
        let tags = |prefix: &'static str, count| {
            (0..count).map(move |n| (format!("{prefix}{n}"), String::new()))
        };
        object.spec.tags = tags("own", 40).collect();
        let defaults: TagMap = tags("default", TAG_LIMIT - 40).collect();
        Desired::new(&object, &defaults, &mark()).expect("exactly as many as are allowed");
        object.spec.tags = tags("own", 41).collect();
        let fault = Desired::new(&object, &defaults, &mark()).expect_err("one too many");
        assert_eq!(fault.reason, reasons::INVALID_SPEC);
        assert!(
            fault.message.contains("46 tags") && fault.message.contains("45"),
            "{fault}"
        );
    }

    #[test]
    fn a_spec_that_admission_would_refuse_names_its_field() {
        let mut object = object();
        object.spec.bucket_name = crd_types::stored::Stored::unchecked("Capitals");
        let fault = Desired::new(&object, &TagMap::new(), &mark()).expect_err("refused");
        assert!(fault.message.starts_with("spec.bucketName: "), "{fault}");
    }

    #[test]
    fn a_bucket_that_is_not_there_lacks_each_field() {
        let mut object = object();
        object.spec.versioning = Some(Versioning { enabled: true });
        let lacking = draft(&desired(&object));
        let lacking: Vec<String> = lacking.iter().map(ToString::to_string).collect();
        assert!(lacking.contains(&"versioning.enabled: unset → true".to_owned()));
        assert!(lacking.contains(&format!(
            "tags.{}/uid: unset → 1",
            crd_types::aws::v1alpha1::GROUP
        )));
    }

    #[test]
    fn what_was_never_ours_and_is_not_spoken_of_does_not_differ() {
        let found = Values::from([("versioning", json!({"enabled": true}))]);
        assert_eq!(diff(&desired(&object()), &found, &Facets::new()), []);
    }

    #[test]
    fn what_is_no_longer_spoken_of_is_unset_in_its_turn() {
        let mut object = object();
        object.spec.tags = Tags::from_iter([("team", "a")]);
        let desired = desired(&object);
        let found = Values::from([
            ("tags", json!({})),
            ("versioning", json!({"enabled": true})),
            (
                "encryption",
                json!({"algorithm": "AES256", "bucketKeyEnabled": false}),
            ),
        ]);
        let diffs = diff(
            &desired,
            &found,
            &owned(&["tags", "versioning", "encryption"]),
        );
        let steps: Vec<String> = plan(&desired, &diffs)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            steps,
            ["set tags", "unset versioning"],
            "encryption is at rest already"
        );
    }

    #[test]
    fn a_store_that_does_not_encrypt_is_at_rest_without_encryption_but_not_with_a_wish() {
        let found = Values::from([("encryption", json!({"bucketKeyEnabled": false}))]);
        assert_eq!(
            diff(&desired(&object()), &found, &owned(&["encryption"])),
            []
        );

        let mut object = object();
        object.spec.encryption = serde_json::from_value(json!({"algorithm": "AES256"})).unwrap();
        let diffs = diff(&desired(&object), &found, &Facets::new());
        assert_eq!(
            diffs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["encryption.algorithm: unset → AES256"]
        );
    }

    #[test]
    fn nothing_is_taken_away_on_which_another_rests() {
        let mut object = object();
        let enforced = json!({ "objectOwnership": "BucketOwnerEnforced" });
        object.spec.acl = Some(crd_types::aws::v1alpha1::CannedAcl::Private);
        object.spec.ownership_controls = serde_json::from_value(enforced).unwrap();
        object.spec.versioning = Some(Versioning { enabled: false });
        let found = Values::from([
            ("acl", json!(["AllUsers READ"])),
            (
                "ownershipControls",
                json!({ "objectOwnership": "ObjectWriter" }),
            ),
            ("policy", json!("{\"Statement\": []}")),
            ("versioning", json!({ "enabled": true })),
            (
                "replication",
                json!({ "roleARN": "a", "rules": [{ "id": "a" }] }),
            ),
            ("tags", json!({})),
        ]);
        let desired = desired(&object);
        let diffs = diff(&desired, &found, &owned(&["policy", "replication"]));
        let steps: Vec<String> = plan(&desired, &diffs)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            steps,
            [
                "set tags",
                "unset replication",
                "set versioning",
                "unset policy",
                "unset acl",
                "set ownershipControls",
            ]
        );
    }

    #[test]
    fn tags_wait_for_the_end_of_abac_if_the_mark_is_there() {
        let mut object = object();
        object.spec.tags = Tags::from_iter([("team", "b")]);
        let desired = desired(&object);
        let steps = |tags: TagMap| -> Vec<String> {
            let found = Values::from([("tags", json!(tags)), ("abac", json!({ "enabled": true }))]);
            let diffs = diff(&desired, &found, &owned(&["abac"]));
            let steps = plan(&desired, &diffs);
            steps.iter().map(ToString::to_string).collect()
        };
        assert_eq!(steps(mark::to_tags(&mark())), ["unset abac", "set tags"]);
        assert_eq!(steps(TagMap::new()), ["set tags", "unset abac"]);
    }

    #[test]
    fn a_policy_that_is_none_names_its_field() {
        let mut object = object();
        object.spec.policy = Some(crd_types::stored::Stored::unchecked("{\"Statement\": 1}"));
        let fault = Desired::new(&object, &TagMap::new(), &mark()).expect_err("refused");
        assert_eq!(fault.reason, reasons::INVALID_SPEC);
        assert!(fault.message.starts_with("spec.policy: "), "{fault}");
    }

    #[test]
    fn a_policy_that_would_be_written_for_ever_is_refused() {
        let mut object = object();
        let policy = json!({ "Statement": {
            "Effect": "Allow", "Principal": { "CanonicalUser": "79a59df9" }, "Action": "s3:GetObject",
        } });
        object.spec.policy = Some(crd_types::stored::Stored::unchecked(policy.to_string()));
        let fault = Desired::new(&object, &TagMap::new(), &mark()).expect_err("refused");
        assert_eq!(fault.reason, reasons::INVALID_SPEC);
        assert!(fault.message.starts_with("spec.policy: "), "{fault}");
        assert!(fault.message.contains("arn:aws:iam::"), "{fault}");
    }

    #[test]
    fn the_mark_comes_first_whatever_else_differs() {
        let mut object = object();
        object.spec.versioning = Some(Versioning { enabled: true });
        let desired = desired(&object);
        let found = Values::from([
            ("tags", json!({})),
            ("versioning", json!({"enabled": false})),
        ]);
        let diffs = diff(&desired, &found, &Facets::new());
        assert_eq!(plan(&desired, &diffs)[0].to_string(), "set tags");
    }
}
