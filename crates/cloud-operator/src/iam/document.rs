//! The statements as users read them: `docs/iam.md`.

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

use serde_json::Value;

use super::{AWSPROVIDER, Resource, S3BUCKET, Statement, WITHOUT_PERMISSION, When};
use crate::s3bucket::facet_names;

/// Set, the document is written instead of compared.
const RENEW: &str = "RENEW_DOCS";

const HEAD: &str = "\
# What the operator may do in AWS

`cloud-operator` does what these policies allow and nothing else: tests play every part of a bucket, and fail for a permission that is missing here and for one that nothing needs.
They authenticate by access keys, by the operator's own token, by a projected one, by a chain of roles and by the token of the Pod's environment; EKS Pod Identity and the role of
an instance are not played. This file is made from the list that they use.

Leave out what you do not use. Where an action that is needed is not allowed, `Ready` is False and its message names it. Put your own names in the place of `example-*`, of the
roles and of the account; ARNs in China and GovCloud begin with `arn:aws-cn` and `arn:aws-us-gov`.

## S3Bucket

For the identity with which the provider works in the end: its user, or its last role.
";

const BUCKETS: &str = "
- A field that was removed from the spec needs its statement until the bucket is back at AWS's default.
- `objectLock` and `ownershipControls` are asked for when the bucket is created, which then takes their permissions and, for object lock, `s3:PutBucketVersioning`.
- A policy of the bucket itself, a service control policy, a permissions boundary or a session policy can still deny what is allowed here. Block Public Access, of the bucket or of
  the account, refuses public ACLs and policies.
- While `abac` is on, AWS refuses `s3:PutBucketTagging` whatever is allowed here.
- What a bucket refers to takes no permission of the operator: a key of `encryption` is used by whoever reads and writes objects, and the targets of `notification`, `logging`,
  `inventory` and `analytics` let S3 itself in by their own policies.
- `iam:PassRole` decides which role tenants can have their objects copied with: name the roles one by one, and add the condition that
  `iam:PassedToService` equals `s3.amazonaws.com`, which the statement above does not have.
- The sweep reads the tags of buckets that no object names; those that this policy does not let it read are left out.

## AWSProvider

| call | permission |
|---|---|
";

const TRUST: &str = r#"
Whoever takes on a role also needs to be let in by its trust policy. A role for the operator's own token, or for a projected one (`roleARN`, `webIdentity`):

```json
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com" },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.example.com:aud": "sts.amazonaws.com",
          "oidc.example.com:sub": "system:serviceaccount:NAMESPACE:SERVICEACCOUNT"
        }
      }
    }
  ]
}
```

A role of `assumeRoleARN` or `assumeRoleChain`, which trusts the identity before it, for the one provider that has this external ID (its `status.externalID`, or the spec's own):

```json
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "AWS": "arn:aws:iam::111122223333:role/cloud-operator" },
      "Action": ["sts:AssumeRole", "sts:TagSession"],
      "Condition": { "StringEquals": { "sts:ExternalId": "INSTALLATION/NAMESPACE/NAME" } }
    }
  ]
}
```

`sts:TagSession` is there for `tags`, and for EKS Pod Identity: it tags its sessions, and the tags go on to each role that is taken on from there. Policies of sessions (`policy`,
`policyARNs`) only ever take away: what is allowed must be in both.
"#;

impl Resource {
    /// What stands for it in an example.
    fn pattern(self) -> &'static str {
        match self {
            Self::Account => "*",
            Self::Bucket => "arn:aws:s3:::example-*",
            Self::Object => "arn:aws:s3:::example-*/*",
            Self::ReplicationRole => "arn:aws:iam::111122223333:role/replication",
            Self::AssumedRole => "arn:aws:iam::111122223333:role/tenants/*",
        }
    }
}

fn needed(when: When) -> String {
    match when {
        When::Always => "always".to_owned(),
        When::Spec(field) => format!("for `{field}`"),
        When::Case(case) => case.to_owned(),
    }
}

fn table(text: &mut String, statements: &[Statement]) {
    text.push_str("\n| statement | needed |\n|---|---|\n");
    for Statement { sid, when, .. } in statements {
        let _ = writeln!(text, "| `{sid}` | {} |", needed(*when));
    }
}

fn policy(statements: &[Statement]) -> String {
    let statement = |it: &Statement| {
        let actions: Vec<String> = it.actions.iter().map(|it| format!("\"{it}\"")).collect();
        format!(
            "    {{\n      \"Sid\": \"{}\", \"Effect\": \"Allow\", \"Resource\": \"{}\",\n      \
             \"Action\": [{}]\n    }}",
            it.sid,
            it.resource.pattern(),
            actions.join(", ")
        )
    };
    let statements: Vec<String> = statements.iter().map(statement).collect();
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{}\n  ]\n}}",
        statements.join(",\n")
    )
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, S3BUCKET);
    let _ = write!(text, "\n```json\n{}\n```\n{BUCKETS}", policy(S3BUCKET));
    for (call, why) in WITHOUT_PERMISSION {
        let _ = writeln!(text, "| `sts:{call}` | none: {why} |");
    }
    for Statement { actions, when, .. } in AWSPROVIDER {
        for action in *actions {
            let _ = writeln!(text, "| `{action}` | on the role, {} |", needed(*when));
        }
    }
    text.push_str(
        "\nFor the identity with which the chain begins, and for each of its roles but the last:\n",
    );
    let _ = write!(text, "\n```json\n{}\n```\n{TRUST}", policy(AWSPROVIDER));
    text
}

#[test]
fn the_document_is_made_of_the_statements() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/iam.md");
    let made = document();
    if env::var_os(RENEW).is_some() {
        fs::write(&file, &made).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = made
        .lines()
        .zip(found.lines())
        .find(|(made, found)| made != found);
    assert!(
        made == found,
        "{} is not what the statements say: {differs:?}\nSet {RENEW}=1 for this test, and commit the file.",
        file.display()
    );
}

/// A managed policy may have this many characters, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
const LONGEST: usize = 6144;

#[test]
fn policies_are_such_as_iam_takes() {
    let text = document();
    let mut blocks = text.split("```json\n").skip(1);
    let read = |block: &str| {
        let (policy, _) = block.split_once("```").unwrap();
        let dense: String = policy.split_whitespace().collect();
        assert!(dense.len() <= LONGEST, "{} characters", dense.len());
        serde_json::from_str::<Value>(policy).unwrap()
    };
    let policies: Vec<Value> = blocks.by_ref().map(read).collect();
    let sizes = policies
        .iter()
        .map(|it| it["Statement"].as_array().unwrap().len());
    assert_eq!(
        sizes.collect::<Vec<_>>(),
        [S3BUCKET.len(), AWSPROVIDER.len(), 1, 1]
    );
}

#[test]
fn every_facet_has_its_statement() {
    let named: BTreeSet<&str> = S3BUCKET
        .iter()
        .filter_map(|it| match it.when {
            When::Spec(field) => Some(field),
            _ => None,
        })
        .collect();
    // Tags carry the mark: every bucket has them.
    let facets: BTreeSet<&str> = facet_names().filter(|name| *name != "tags").collect();
    let others: Vec<_> = named.difference(&facets).collect();
    assert_eq!(others, [&"emptyOnDelete"]);
    let without: Vec<_> = facets.difference(&named).collect();
    assert!(without.is_empty(), "{without:?}");
}
