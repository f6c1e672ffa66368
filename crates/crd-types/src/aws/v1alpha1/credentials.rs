use std::ops::RangeInclusive;

use super::{
    arn::RoleArn,
    assume_role::AssumeRole,
    awsprovider::AWSProviderSpec,
    references::{SecretKeyRef, SecretRef},
    web_identity::WebIdentity,
};
use crate::{
    rules::{InvalidField, Rule},
    text::{Text, text},
};

/// What the trust policy of a role may ask of whoever assumes it
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, `ExternalId`). Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl Text for ExternalId {
    const WHAT: &'static str = "external ID";
    const LENGTH: RangeInclusive<usize> = 2..=1224;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-zA-Z0-9_+=,.@:/-]+$')",
        "may hold only letters, digits and _ + = , . @ : / -",
        |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
        },
    )];
}
text!(ExternalId);

/// Where a provider's first credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// What the operator's Pod itself has.
    Ambient,
    /// The role that the operator's Pod may assume with a token of its own.
    WebIdentity {
        /// The role.
        role: RoleArn,
        /// On which terms.
        terms: Option<&'a WebIdentity>,
    },
    /// A Secret with the usual keys.
    Secret(&'a SecretRef),
    /// Two values, each of a Secret.
    Keys {
        /// The access key's ID.
        access_key_id: &'a SecretKeyRef,
        /// The access key's secret.
        secret_access_key: &'a SecretKeyRef,
    },
}

impl AWSProviderSpec {
    /// Key of the access key's ID in the Secret of `credentialsSecret`.
    pub const ACCESS_KEY_ID: &'static str = "AWS_ACCESS_KEY_ID";
    /// Key of the access key's secret in that Secret.
    pub const SECRET_ACCESS_KEY: &'static str = "AWS_SECRET_ACCESS_KEY";
    /// Key of the session token in that Secret; needed only by temporary credentials.
    pub const SESSION_TOKEN: &'static str = "AWS_SESSION_TOKEN";

    /// Where the first credentials come from.
    ///
    /// # Errors
    /// When more than one place is named, half a pair, or no role by `roleARN`.
    pub fn credentials(&self) -> Result<Credentials<'_>, InvalidField> {
        match (
            &self.credentials_secret,
            &self.access_key_id_ref,
            &self.secret_access_key_ref,
            &self.role_arn,
        ) {
            (None, None, None, None) => Ok(Credentials::Ambient),
            (None, None, None, Some(role)) => Ok(Credentials::WebIdentity {
                role: role.parse_at("spec.roleARN")?,
                terms: self.web_identity.as_ref(),
            }),
            (Some(secret), None, None, None) => Ok(Credentials::Secret(secret)),
            (None, Some(access_key_id), Some(secret_access_key), None) => Ok(Credentials::Keys {
                access_key_id,
                secret_access_key,
            }),
            _ => Err(InvalidField::new(
                "spec",
                "at most one of credentialsSecret, accessKeyIDRef with secretAccessKeyRef, and roleARN",
            )),
        }
    }

    /// The roles to assume with the first credentials, in their order.
    ///
    /// # Errors
    /// When there are two lists of them, or a policy is no JSON.
    pub fn assumed_roles(&self) -> Result<Vec<AssumeRole>, InvalidField> {
        match &self.assume_role_arn {
            None => {
                for (index, step) in self.assume_role_chain.iter().enumerate() {
                    check_policy(step, &format!("spec.assumeRoleChain[{index}].policy"))?;
                }
                Ok(self.assume_role_chain.clone())
            }
            Some(_) if !self.assume_role_chain.is_empty() => Err(InvalidField::new(
                "spec",
                "at most one of assumeRoleARN and assumeRoleChain",
            )),
            Some(role) => {
                let role = role.parse_at("spec.assumeRoleARN")?;
                if let Some(id) = &self.external_id {
                    id.check("spec.externalID")?;
                }
                Ok(vec![AssumeRole {
                    external_id: self.external_id.clone(),
                    ..AssumeRole::of(role)
                }])
            }
        }
    }
}

/// CEL cannot read JSON.
fn check_policy(step: &AssumeRole, path: &str) -> Result<(), InvalidField> {
    let Some(policy) = &step.policy else {
        return Ok(());
    };
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(policy.as_str())
        .map(drop)
        .map_err(|error| InvalidField::new(path, format!("must be a JSON object: {error}")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::stored::Stored;

    const ROLE: &str = "arn:aws:iam::111122223333:role/operator";

    fn spec(fields: Value) -> AWSProviderSpec {
        let mut spec = json!({ "region": "eu-central-1" });
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn without_a_source_the_pods_own_credentials_are_used() {
        assert_eq!(spec(json!({})).credentials(), Ok(Credentials::Ambient));
        assert_eq!(spec(json!({})).assumed_roles(), Ok(vec![]));
    }

    #[test]
    fn a_role_can_be_the_source_and_another_the_next_hop() {
        let spec = spec(
            json!({ "roleARN": ROLE, "assumeRoleARN": format!("{ROLE}-2"), "externalID": "x-1" }),
        );
        assert_eq!(
            spec.credentials(),
            Ok(Credentials::WebIdentity {
                role: ROLE.parse().unwrap(),
                terms: None
            })
        );
        let hop = AssumeRole {
            external_id: Some(Stored::unchecked("x-1")),
            ..AssumeRole::of(format!("{ROLE}-2").parse().unwrap())
        };
        assert_eq!(spec.assumed_roles(), Ok(vec![hop]));
    }

    #[test]
    fn the_roles_of_a_chain_keep_their_order() {
        let chain = json!([
            { "roleARN": ROLE, "externalID": "x-1" },
            { "roleARN": format!("{ROLE}-2"), "policy": "{\"Version\":\"2012-10-17\"}" },
        ]);
        let spec = spec(json!({ "assumeRoleChain": chain }));
        assert_eq!(spec.check(), Ok(()));
        let roles = spec.assumed_roles().unwrap();
        let arns: Vec<_> = roles.iter().map(|step| step.role_arn.as_str()).collect();
        assert_eq!(arns, [ROLE, &format!("{ROLE}-2")]);
    }

    #[test]
    fn a_policy_that_is_no_json_is_named_by_its_place() {
        let chain = json!([{ "roleARN": ROLE }, { "roleARN": ROLE, "policy": "{Version}" }]);
        let refused = spec(json!({ "assumeRoleChain": chain })).check();
        let refused = refused.unwrap_err();
        assert_eq!(refused.path, "spec.assumeRoleChain[1].policy");
    }

    #[rstest]
    #[case(json!({ "accessKeyIDRef": { "name": "a", "key": "b" } }))]
    #[case(json!({ "secretAccessKeyRef": { "name": "a", "key": "b" } }))]
    #[case(json!({ "roleARN": ROLE, "credentialsSecret": { "name": "a" } }))]
    #[case(json!({ "roleARN": "no role" }))]
    fn half_a_source_or_two_are_refused(#[case] fields: Value) {
        let spec = spec(fields);
        assert!(spec.credentials().is_err());
        assert!(spec.check().is_err());
    }

    #[rstest]
    #[case(json!({ "webIdentity": { "sessionName": "name" } }))]
    #[case(json!({ "assumeRoleARN": ROLE, "assumeRoleChain": [{ "roleARN": ROLE }] }))]
    #[case(json!({ "assumeRoleChain": [{ "roleARN": "no role" }] }))]
    fn roles_that_contradict_each_other_are_refused(#[case] fields: Value) {
        assert!(spec(fields).check().is_err());
    }
}
