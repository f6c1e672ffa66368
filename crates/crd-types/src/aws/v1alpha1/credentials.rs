use std::ops::RangeInclusive;

use super::{
    arn::RoleArn,
    awsprovider::AWSProviderSpec,
    references::{SecretKeyRef, SecretRef},
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
    /// The role that the operator's Pod may assume with its service account token.
    WebIdentity(RoleArn),
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

/// The role assumed with the first credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// The role.
    pub role: RoleArn,
    /// What its trust policy asks for.
    pub external_id: Option<ExternalId>,
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
            (None, None, None, Some(role)) => {
                role.parse_at("spec.roleARN").map(Credentials::WebIdentity)
            }
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

    /// The role to assume next, if there is one.
    ///
    /// # Errors
    /// When it is no role, or the external ID is none.
    pub fn assumed_role(&self) -> Result<Option<AssumedRole>, InvalidField> {
        let Some(role) = &self.assume_role_arn else {
            return Ok(None);
        };
        let role = role.parse_at("spec.assumeRoleARN")?;
        let external_id = self
            .external_id
            .as_ref()
            .map(|id| id.parse_at("spec.externalID"))
            .transpose()?;
        Ok(Some(AssumedRole { role, external_id }))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

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
        assert_eq!(spec(json!({})).assumed_role(), Ok(None));
    }

    #[test]
    fn a_role_can_be_the_source_and_another_the_next_hop() {
        let spec = spec(
            json!({ "roleARN": ROLE, "assumeRoleARN": format!("{ROLE}-2"), "externalID": "x-1" }),
        );
        assert_eq!(
            spec.credentials(),
            Ok(Credentials::WebIdentity(ROLE.parse().unwrap()))
        );
        let hop = AssumedRole {
            role: format!("{ROLE}-2").parse().unwrap(),
            external_id: Some("x-1".parse().unwrap()),
        };
        assert_eq!(spec.assumed_role(), Ok(Some(hop)));
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
}
