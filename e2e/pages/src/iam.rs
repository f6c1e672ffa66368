//! What the operator may do in AWS, as users read it: `docs/iam.md`.

use std::fmt::Write;

use cloud_operator::iam::{AWSPROVIDER, Resource, S3BUCKET, Statement, WITHOUT_PERMISSION, When};

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
- `iam:PassRole` decides which role tenants can have their objects copied with: name the roles one by one. The condition of its statement lets them be passed to S3 alone.
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

A role that EKS Pod Identity gives to the operator's Pod. For which ServiceAccount, the association says, and so do the tags of the session, unless the association turns them off (leave the Condition out then):

```json
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "Service": "pods.eks.amazonaws.com" },
      "Action": ["sts:AssumeRole", "sts:TagSession"],
      "Condition": {
        "StringEquals": {
          "aws:RequestTag/kubernetes-namespace": "NAMESPACE",
          "aws:RequestTag/kubernetes-service-account": "SERVICEACCOUNT"
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

/// What stands for a resource in an example.
fn pattern(resource: Resource) -> &'static str {
    match resource {
        Resource::Account => "*",
        Resource::Bucket => "arn:aws:s3:::example-*",
        Resource::Object => "arn:aws:s3:::example-*/*",
        Resource::ReplicationRole => "arn:aws:iam::111122223333:role/replication",
        Resource::AssumedRole => "arn:aws:iam::111122223333:role/tenants/*",
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
        let actions = it.actions.iter();
        let actions: Vec<String> = actions.map(|it| format!("\"{}\"", it.name)).collect();
        let condition = it.resource.condition().map(|(key, value)| {
            format!(",\n      \"Condition\": {{ \"StringEquals\": {{ \"{key}\": \"{value}\" }} }}")
        });
        format!(
            "    {{\n      \"Sid\": \"{}\", \"Effect\": \"Allow\", \"Resource\": \"{}\",\n      \
             \"Action\": [{}]{}\n    }}",
            it.sid,
            pattern(it.resource),
            actions.join(", "),
            condition.unwrap_or_default()
        )
    };
    let statements: Vec<String> = statements.iter().map(statement).collect();
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{}\n  ]\n}}",
        statements.join(",\n")
    )
}

/// The page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    table(&mut text, S3BUCKET);
    let _ = write!(text, "\n```json\n{}\n```\n{BUCKETS}", policy(S3BUCKET));
    for (call, why) in WITHOUT_PERMISSION {
        let _ = writeln!(text, "| `sts:{call}` | none: {why} |");
    }
    for Statement { actions, when, .. } in AWSPROVIDER {
        for action in *actions {
            let _ = writeln!(
                text,
                "| `{}` | on the role, {} |",
                action.name,
                needed(*when)
            );
        }
    }
    text.push_str(
        "\nFor the identity with which the chain begins, and for each of its roles but the last:\n",
    );
    let _ = write!(text, "\n```json\n{}\n```\n{TRUST}", policy(AWSPROVIDER));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A managed policy may have this many characters, white space not counted (IAM User Guide, "IAM and AWS STS
    /// quotas").
    const LONGEST: usize = 6144;

    /// The statements of each policy on the page.
    fn policies() -> Vec<Vec<Value>> {
        let page = page();
        let read = |block: &str| {
            let (policy, _) = block.split_once("```").unwrap();
            let dense: String = policy.split_whitespace().collect();
            assert!(dense.len() <= LONGEST, "{} characters", dense.len());
            let mut policy: Value = serde_json::from_str(policy).unwrap();
            serde_json::from_value(policy["Statement"].take()).unwrap()
        };
        page.split("```json\n").skip(1).map(read).collect()
    }

    #[test]
    fn policies_are_such_as_iam_takes() {
        let sizes: Vec<usize> = policies().iter().map(Vec::len).collect();
        assert_eq!(sizes, [S3BUCKET.len(), AWSPROVIDER.len(), 1, 1, 1]);
    }

    #[test]
    fn a_role_is_passed_to_s3_alone() {
        let policies = policies();
        let all = policies.iter().flatten();
        let passes = |it: &&Value| it["Action"].to_string().contains("iam:PassRole");
        let conditions: Vec<&Value> = all.filter(passes).map(|it| &it["Condition"]).collect();
        let to_s3 = json!({ "StringEquals": { "iam:PassedToService": "s3.amazonaws.com" } });
        assert_eq!(conditions, [&to_s3]);
    }
}
