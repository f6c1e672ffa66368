use std::ops::RangeInclusive;

use bon::bon;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, core::ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    arn::RoleArn,
    credentials::ExternalId,
    endpoint::Endpoint,
    references::{SecretKeyRef, SecretRef},
    region::{Region, looks_like_aws},
    tags::Tags,
};
use crate::{
    lifecycle::{HasLifecycle, Lifecycle, Managed},
    names::is_label,
    rules::{InvalidField, Rule, Ruled, with_rules},
    schema::conform,
    stored::Stored,
    text::{Text, text},
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
    /// what its Pod has: environment, EKS Pod Identity or web identity.
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
    /// Checks what admission checks.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self) -> Result<(), InvalidField> {
        self.check_rules("spec")?;
        self.region.parse_at("spec.region")?;
        if let Some(endpoint) = &self.endpoint {
            endpoint.parse_at("spec.endpoint")?;
        }
        self.credentials()?;
        self.assumed_role()?;
        self.default_tags.check_rules("spec.defaultTags")?;
        self.allowed_namespaces
            .iter()
            .try_for_each(|it| it.parse_at("spec.allowedNamespaces").map(|_| ()))
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

/// A namespace, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNamespace(String);

impl Text for AllowedNamespace {
    const WHAT: &'static str = "namespace or *";
    const LENGTH: RangeInclusive<usize> = 1..=63;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be the name of a namespace, or '*' for all",
        |text| text == "*" || is_label(text),
    )];
}
text!(AllowedNamespace);

/// What became of an AWSProvider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform)]
pub struct AWSProviderStatus {
    /// What every kind's status has.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,

    /// Account in which the credentials are valid.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub account_id: Option<String>,

    /// ARN of the user or role that the credentials stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub caller_identity: Option<String>,

    /// Partition of AWS that the account is in: aws, aws-cn, aws-us-gov …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub partition: Option<String>,

    /// When AWS first accepted the credentials now in use. It does not move while nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_authentication_time: Option<Time>,
}

impl HasLifecycle for AWSProviderStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }
    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
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
    /// Builds a provider; what its spec requires is required here.
    #[builder(start_fn = builder, finish_fn = build)]
    pub fn assemble(
        #[builder(start_fn, into)] name: String,
        #[builder(start_fn, into)] namespace: String,
        #[builder(into)] region: Stored<Region>,
        #[builder(into)] endpoint: Option<Stored<Endpoint>>,
        #[builder(into)] role_arn: Option<Stored<RoleArn>>,
        #[builder(into)] assume_role_arn: Option<Stored<RoleArn>>,
        #[builder(into)] external_id: Option<Stored<ExternalId>>,
        credentials_secret: Option<SecretRef>,
        #[builder(default)] default_tags: Tags,
        #[builder(default)] allowed_namespaces: Vec<Stored<AllowedNamespace>>,
    ) -> Self {
        Self {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            spec: AWSProviderSpec {
                region,
                endpoint,
                role_arn,
                assume_role_arn,
                external_id,
                credentials_secret,
                access_key_id_ref: None,
                secret_access_key_ref: None,
                default_tags,
                allowed_namespaces,
            },
            status: None,
        }
    }
}
