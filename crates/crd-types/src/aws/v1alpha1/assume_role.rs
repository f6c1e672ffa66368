use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account_id::is_account,
    arn::{RoleArn, parts},
    credentials::ExternalId,
    tags::Tags,
};
use crate::{
    rules::{Check, InvalidField, Rule, Ruled, with_rules},
    stored::Stored,
    text::{Text, text},
};

/// One role of a chain, and the terms on which it is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct AssumeRole {
    /// The role.
    #[serde(rename = "roleARN")]
    pub role_arn: Stored<RoleArn>,

    /// External ID that the role's trust policy asks for. Left out: the one of status.externalID, which no
    /// other provider has.
    #[serde(
        default,
        rename = "externalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_id: Option<Stored<ExternalId>>,

    /// Name of the session, as CloudTrail shows it. Left out: namespace and name of the provider. Providers
    /// share a session's credentials only if they give it the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<Stored<SessionName>>,

    /// For how many seconds credentials are asked for; they are renewed before they end. At most what the
    /// role allows, and at most 3600 for a role that is assumed by another role. Left out: AWS's default of
    /// 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 900, max = 43200))]
    pub duration_seconds: Option<i32>,

    /// Tags of the session, which policies can ask for (aws:PrincipalTag). The caller needs the permission
    /// sts:TagSession.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,

    /// Keys of those tags that stay with the sessions of all roles that follow in the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 45), extend("x-kubernetes-list-type" = "set"))]
    pub transitive_tag_keys: Vec<Stored<TagKey>>,

    /// IAM policy (JSON) that narrows what the session may do; it never widens what the role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Stored<SessionPolicy>>,

    /// ARNs of managed policies that narrow the session in the same way.
    #[serde(default, rename = "policyARNs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "set"))]
    pub policy_arns: Vec<Stored<PolicyArn>>,
}

impl AssumeRole {
    /// The role on AWS's usual terms.
    pub fn of(role: RoleArn) -> Self {
        Self {
            role_arn: role.into(),
            external_id: None,
            session_name: None,
            duration_seconds: None,
            tags: Tags::default(),
            transitive_tag_keys: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

impl Ruled for AssumeRole {
    const RULES: &'static [Rule<Self>] = &[Rule::of_field(
        ".transitiveTagKeys",
        "!has(self.transitiveTagKeys) || self.transitiveTagKeys.all(key, has(self.tags) && key in self.tags)",
        "must name only keys of tags",
        |step| {
            step.transitive_tag_keys
                .iter()
                .all(|key| step.tags.contains_key(key.as_str()))
        },
    )];
}

impl Check for AssumeRole {
    fn check(&self, path: &str) -> Result<(), InvalidField> {
        self.check_rules(path)?;
        self.role_arn.check(&format!("{path}.roleARN"))?;
        Check::check(&self.external_id, &format!("{path}.externalID"))?;
        Check::check(&self.session_name, &format!("{path}.sessionName"))?;
        self.tags.check_rules(&format!("{path}.tags"))?;
        Check::check(
            &self.transitive_tag_keys,
            &format!("{path}.transitiveTagKeys"),
        )?;
        Check::check(&self.policy, &format!("{path}.policy"))?;
        Check::check(&self.policy_arns, &format!("{path}.policyARNs"))
    }
}

/// Name of a role's session
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, `RoleSessionName`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

impl Text for SessionName {
    const WHAT: &'static str = "session name";
    const LENGTH: RangeInclusive<usize> = 2..=64;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-zA-Z0-9_+=,.@-]+$')",
        "may hold only letters, digits and _ + = , . @ -",
        |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
        },
    )];
}
text!(SessionName);

/// Key of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagKey(String);

impl Text for TagKey {
    const WHAT: &'static str = "key of a tag";
    const LENGTH: RangeInclusive<usize> = 1..=128;
    const RULES: &'static [Rule<str>] = &[];
}
text!(TagKey);

/// A policy for one session
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, `Policy`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy(String);

impl Text for SessionPolicy {
    const WHAT: &'static str = "session policy";
    const LENGTH: RangeInclusive<usize> = 2..=2048;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^[ \\t\\r\\n]*[{][ \\t\\r\\n!-ÿ]*[}][ \\t\\r\\n]*$')",
        "must be a JSON object: {\"Version\": ..., \"Statement\": ...}",
        |text| {
            let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
            let allowed = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | '!'..='ÿ');
            trimmed.len() >= 2
                && trimmed.starts_with('{')
                && trimmed.ends_with('}')
                && trimmed.chars().all(allowed)
        },
    )];
}
text!(SessionPolicy);

/// ARN of a managed policy: `arn:aws:iam::123456789012:policy/path/name`; `aws` in place of the account for
/// those of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyArn(String);

impl Text for PolicyArn {
    const WHAT: &'static str = "policy ARN";
    const LENGTH: RangeInclusive<usize> = 25..=2048;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^arn:aws(-[a-z0-9]+)*:iam::(aws|[0-9]{12}):policy/[!-~]+$')",
        "must be the ARN of an IAM policy, as in arn:aws:iam::123456789012:policy/name",
        |text| match parts(text) {
            Some([_, "iam", "", account, resource]) => {
                (account == "aws" || is_account(account))
                    && resource
                        .strip_prefix("policy/")
                        .is_some_and(|name| !name.is_empty())
            }
            _ => false,
        },
    )];
}
text!(PolicyArn);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_tag_that_is_not_there_cannot_stay() {
        let role = "arn:aws:iam::111122223333:role/tenant".parse().unwrap();
        let mut step = AssumeRole::of(role);
        assert_eq!(step.check("spec.assumeRoleChain[0]"), Ok(()));
        step.tags = [("team", "a")].into_iter().collect();
        step.transitive_tag_keys = vec![Stored::unchecked("team")];
        assert_eq!(step.check("spec.assumeRoleChain[0]"), Ok(()));
        step.transitive_tag_keys.push(Stored::unchecked("stage"));
        let refused = step.check("spec.assumeRoleChain[0]").unwrap_err();
        assert_eq!(refused.path, "spec.assumeRoleChain[0].transitiveTagKeys");
    }

    #[rstest]
    #[case("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", true)]
    #[case("arn:aws-cn:iam::123456789012:policy/path/name", true)]
    #[case("arn:aws:iam::123456789012:policy/", false)]
    #[case("arn:aws:iam::123456789012:role/name", false)]
    #[case("arn:aws:iam::amazon:policy/name", false)]
    fn policies_are_known_by_their_arn(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(text.parse::<PolicyArn>().is_ok(), is_one, "{text}");
    }

    #[rstest]
    #[case("{}", true)]
    #[case(" {\"Version\": \"2012-10-17\"}\n", true)]
    #[case("}{", false)]
    #[case("[]", false)]
    #[case("{\u{1}}", false)]
    fn a_session_policy_is_an_object(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(text.parse::<SessionPolicy>().is_ok(), is_one, "{text}");
    }
}
