use bon::bon;
use kube::{CustomResource, core::ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    allowed_namespace::AllowedNamespace,
    arn::RoleArn,
    awsprovider_status::AWSProviderStatus,
    credentials::ExternalId,
    endpoint::Endpoint,
    references::{SecretKeyRef, SecretRef},
    region::{Region, looks_like_aws},
    tags::Tags,
};
use crate::{
    lifecycle::Managed,
    rules::{Check, InvalidField, Rule, Ruled, with_rules},
    schema::conform,
    stored::Stored,
};

/// Which account, region and credentials AWS resources use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, JsonSchema)]
#[kube(
    group = "aws-infra-operator.runner.codes",
    version = "v1alpha1",
    kind = "AWSProvider",
    plural = "awsproviders",
    shortname = "awsp",
    category = "aws",
    namespaced,
    status = "AWSProviderStatus",
    derive = "PartialEq",
    doc = "An AWSProvider says which account, region and credentials AWS resources use. Resources name it in their spec.providerRef.",
    printcolumn = r#"{"name":"Region","type":"string","jsonPath":".spec.region"}"#,
    printcolumn = r#"{"name":"Ready","type":"boolean","jsonPath":".status.ready"}"#,
    printcolumn = r#"{"name":"Account","type":"string","jsonPath":".status.accountID"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform, transform = with_rules::<Self>)]
pub struct AWSProviderSpec {
    /// Region in which every resource of this provider lives, as in eu-central-1. A resource remembers the
    /// region that it was created in: changing this does not move it, but makes it Ready=False.
    pub region: Stored<Region>,

    /// Base URL of a service that speaks AWS's API in place of AWS: http(s)://host[:port][/path]. Used only
    /// if the operator's settings allow this address, and plain http only if they allow that as well; else
    /// the provider is Ready=False. Left out: AWS's own endpoints of the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Stored<Endpoint>>,

    /// Role that the operator's Pod assumes with its service account token (web identity, IRSA). Excludes
    /// credentialsSecret and the pair of key references. If none of the three is given, the operator uses
    /// what its Pod has: environment, web identity, EKS Pod Identity or the role of its node.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<Stored<RoleArn>>,

    /// Role that is assumed with the credentials above, often of another account. Everything is then done as
    /// this role.
    #[serde(
        default,
        rename = "assumeRoleARN",
        skip_serializing_if = "Option::is_none"
    )]
    pub assume_role_arn: Option<Stored<RoleArn>>,

    /// External ID that the trust policy of assumeRoleARN asks for. Only together with assumeRoleARN.
    #[serde(
        default,
        rename = "externalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_id: Option<Stored<ExternalId>>,

    /// Secret that holds an access key under AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and under
    /// AWS_SESSION_TOKEN the token that temporary credentials have besides. A changed Secret is in use within
    /// seconds; one that does not exist yet is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret: Option<SecretRef>,

    /// Deprecated: use credentialsSecret. Where the ID of an access key is kept. Only together with
    /// secretAccessKeyRef.
    #[serde(
        default,
        rename = "accessKeyIDRef",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_key_id_ref: Option<SecretKeyRef>,

    /// Deprecated: use credentialsSecret. Where the secret of an access key is kept. Only together with
    /// accessKeyIDRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key_ref: Option<SecretKeyRef>,

    /// Tags for every resource of this provider. A resource's own tag of the same key wins. At most 45 tags,
    /// and no more than 45 together with a resource's own.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub default_tags: Tags,

    /// Namespaces besides the provider's own whose resources may use it; "*" alone means all. A resource of
    /// a namespace that is not listed is Ready=False with reason NotAllowed. Taking a namespace off the list
    /// stops its resources' updates but not their deletion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub allowed_namespaces: Vec<Stored<AllowedNamespace>>,
}

impl Ruled for AWSProviderSpec {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".region",
            "has(self.endpoint) || self.region.matches('^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$')",
            "must look like a region of AWS, as eu-central-1 does, unless endpoint is set",
            |spec| spec.endpoint.is_some() || looks_like_aws(spec.region.as_str()),
        ),
        Rule::of_field(
            ".secretAccessKeyRef",
            "has(self.accessKeyIDRef) == has(self.secretAccessKeyRef)",
            "accessKeyIDRef and secretAccessKeyRef go together: give both or neither",
            |spec| spec.access_key_id_ref.is_some() == spec.secret_access_key_ref.is_some(),
        ),
        Rule::of_field(
            ".credentialsSecret",
            "!has(self.credentialsSecret) || !has(self.accessKeyIDRef)",
            "credentialsSecret and accessKeyIDRef exclude each other: give one of them",
            |spec| spec.credentials_secret.is_none() || spec.access_key_id_ref.is_none(),
        ),
        Rule::of_field(
            ".roleARN",
            "!has(self.roleARN) || (!has(self.credentialsSecret) && !has(self.accessKeyIDRef))",
            "roleARN is assumed with the operator's service account token, not with an access key: \
             take the key away, or use assumeRoleARN",
            |spec| {
                spec.role_arn.is_none()
                    || (spec.credentials_secret.is_none() && spec.access_key_id_ref.is_none())
            },
        ),
        Rule::of_field(
            ".externalID",
            "!has(self.externalID) || has(self.assumeRoleARN)",
            "externalID has a use only together with assumeRoleARN",
            |spec| spec.external_id.is_none() || spec.assume_role_arn.is_some(),
        ),
        Rule::of_field(
            ".allowedNamespaces",
            "!has(self.allowedNamespaces) || self.allowedNamespaces.size() < 2 || !('*' in self.allowedNamespaces)",
            "'*' means all namespaces: list nothing beside it",
            |spec| {
                let all = |namespace: &Stored<AllowedNamespace>| namespace.as_str() == "*";
                spec.allowed_namespaces.len() < 2 || !spec.allowed_namespaces.iter().any(all)
            },
        ),
    ];
}

impl AWSProviderSpec {
    /// Checks the rules that admission checks; the sizes of lists and maps are admission's alone.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self) -> Result<(), InvalidField> {
        self.check_rules("spec")?;
        self.region.check("spec.region")?;
        if let Some(endpoint) = &self.endpoint {
            endpoint.check("spec.endpoint")?;
        }
        if let Some(secret) = &self.credentials_secret {
            secret.check("spec.credentialsSecret")?;
        }
        if let Some(key) = &self.access_key_id_ref {
            key.check("spec.accessKeyIDRef")?;
        }
        if let Some(key) = &self.secret_access_key_ref {
            key.check("spec.secretAccessKeyRef")?;
        }
        self.credentials()?;
        self.assumed_role()?;
        self.default_tags.check_rules("spec.defaultTags")?;
        Check::check(&self.allowed_namespaces, "spec.allowedNamespaces")
    }

    /// Whether objects of `namespace` may use a provider that lives in `own`.
    pub fn allows(&self, namespace: &str, own: &str) -> bool {
        namespace == own
            || self
                .allowed_namespaces
                .iter()
                .map(Stored::as_str)
                .any(|it| it == "*" || it == namespace)
    }
}

impl Managed for AWSProvider {
    type Status = AWSProviderStatus;

    fn status(&self) -> Option<&AWSProviderStatus> {
        self.status.as_ref()
    }
}

#[bon]
impl AWSProvider {
    /// Builds a provider; what its spec requires is required here. The deprecated pair of key references
    /// has no place in it.
    ///
    /// ```
    /// # use crd_types::aws::v1alpha1::AWSProvider;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = AWSProvider::builder("aws", "default")
    ///     .region("eu-central-1".parse()?)
    ///     .role_arn("arn:aws:iam::111122223333:role/operator".parse()?)
    ///     .default_tags([("team", "platform")].into_iter().collect())
    ///     .build();
    /// # provider.spec.check()?;
    /// # Ok(())
    /// # }
    /// ```
    #[builder(start_fn = builder, finish_fn = build)]
    pub fn assemble(
        #[builder(start_fn, into)] name: String,
        #[builder(start_fn, into)] namespace: String,
        region: Region,
        endpoint: Option<Endpoint>,
        role_arn: Option<RoleArn>,
        assume_role_arn: Option<RoleArn>,
        external_id: Option<ExternalId>,
        credentials_secret: Option<SecretRef>,
        #[builder(default)] default_tags: Tags,
        #[builder(default)] allowed_namespaces: Vec<AllowedNamespace>,
    ) -> Self {
        Self {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            spec: AWSProviderSpec {
                region: region.into(),
                endpoint: endpoint.map(Stored::from),
                role_arn: role_arn.map(Stored::from),
                assume_role_arn: assume_role_arn.map(Stored::from),
                external_id: external_id.map(Stored::from),
                credentials_secret,
                access_key_id_ref: None,
                secret_access_key_ref: None,
                default_tags,
                allowed_namespaces: allowed_namespaces.into_iter().map(Stored::from).collect(),
            },
            status: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(namespaces: &[&str]) -> AWSProviderSpec {
        AWSProvider::builder("aws", "own")
            .region("eu-central-1".parse().unwrap())
            .allowed_namespaces(
                namespaces
                    .iter()
                    .map(|name| name.parse().unwrap())
                    .collect(),
            )
            .build()
            .spec
    }

    #[test]
    fn namespaces_are_allowed_by_name_or_all() {
        let none = allowing(&[]);
        assert!(none.allows("own", "own") && !none.allows("other", "own"));
        let some = allowing(&["a", "b"]);
        assert!(some.allows("b", "own") && some.allows("own", "own") && !some.allows("c", "own"));
        let all = allowing(&["*"]);
        assert!(all.allows("c", "own"));
    }
}
