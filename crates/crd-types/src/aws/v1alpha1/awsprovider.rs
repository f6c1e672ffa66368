use bon::bon;
use kube::{CustomResource, core::ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account_id::AccountId,
    allowed_namespace::AllowedNamespace,
    arn::{RoleArn, parts},
    assume_role::AssumeRole,
    awsprovider_status::AWSProviderStatus,
    credentials::ExternalId,
    endpoint::Endpoint,
    references::{SecretKeyRef, SecretRef},
    region::{Region, looks_like_aws, partition_of, partition_of_region},
    tags::Tags,
    web_identity::WebIdentity,
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

    /// Whether to use AWS's endpoints that are validated to FIPS 140. Not every region has them. Excludes
    /// endpoint.
    #[serde(
        default,
        rename = "useFIPSEndpoint",
        skip_serializing_if = "Option::is_none"
    )]
    pub use_fips_endpoint: Option<bool>,

    /// Whether to use AWS's endpoints that have addresses of IPv6 besides those of IPv4. Excludes endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_dual_stack_endpoint: Option<bool>,

    /// Account that the credentials must lead to. If they lead to another one, nothing is done with them and
    /// the provider is Ready=False with reason AccountMismatch.
    #[serde(
        default,
        rename = "expectedAccountID",
        skip_serializing_if = "Option::is_none"
    )]
    pub expected_account_id: Option<Stored<AccountId>>,

    /// Role that the operator's Pod assumes with its service account token (web identity, IRSA). Excludes
    /// credentialsSecret and the pair of key references. If none of the three is given, the operator uses
    /// what its Pod has: environment, web identity, EKS Pod Identity or the role of its node.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<Stored<RoleArn>>,

    /// How roleARN is assumed: with which token, under which name, for how long. Only together with roleARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_identity: Option<WebIdentity>,

    /// Role that is assumed with the credentials above, often of another account. Everything is then done as
    /// this role. The short form of an assumeRoleChain of one role; they exclude each other.
    #[serde(
        default,
        rename = "assumeRoleARN",
        skip_serializing_if = "Option::is_none"
    )]
    pub assume_role_arn: Option<Stored<RoleArn>>,

    /// External ID that the trust policy of assumeRoleARN asks for. Only together with assumeRoleARN. Left out:
    /// the one of status.externalID, which no other provider has.
    #[serde(
        default,
        rename = "externalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_id: Option<Stored<ExternalId>>,

    /// Roles that are assumed one after the other, the first with the credentials above, each further one by the
    /// role before it. Everything is then done as the last one. Excludes assumeRoleARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), extend("x-kubernetes-list-type" = "atomic"))]
    pub assume_role_chain: Vec<AssumeRole>,

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
            ".assumeRoleChain",
            "!has(self.assumeRoleChain) || self.assumeRoleChain.size() == 0 || !has(self.assumeRoleARN)",
            "assumeRoleChain and assumeRoleARN exclude each other: give one of them",
            |spec| spec.assume_role_chain.is_empty() || spec.assume_role_arn.is_none(),
        ),
        Rule::of_field(
            ".assumeRoleChain",
            "!has(self.assumeRoleChain) || self.assumeRoleChain.filter(step, has(step.durationSeconds) \
             && step.durationSeconds > 3600).size() <= (!has(self.roleARN) && self.assumeRoleChain.size() > 0 \
             && has(self.assumeRoleChain[0].durationSeconds) && self.assumeRoleChain[0].durationSeconds > 3600 ? 1 : 0)",
            "AWS gives a role that is assumed by another role 3600 seconds at most; roleARN is a role, too",
            |spec| {
                let long = |step: &AssumeRole| step.duration_seconds.is_some_and(|it| it > 3600);
                let mut chain = spec.assume_role_chain.iter();
                let first = chain.next();
                !chain.any(long) && (spec.role_arn.is_none() || !first.is_some_and(long))
            },
        ),
        Rule::of_field(
            ".assumeRoleChain",
            concat!(
                "!has(self.assumeRoleChain) || has(self.endpoint) || self.assumeRoleChain.all(step, \
                 step.roleARN.startsWith('arn:' + ",
                partition_of_region!(),
                " + ':'))"
            ),
            "roles must be of the partition that the region is in, as aws-cn is that of cn-north-1",
            |spec| {
                let own = format!("arn:{}:", partition_of(spec.region.as_str()));
                spec.endpoint.is_some()
                    || spec
                        .assume_role_chain
                        .iter()
                        .all(|step| step.role_arn.as_str().starts_with(&own))
            },
        ),
        Rule::of_field(
            ".webIdentity",
            "!has(self.webIdentity) || has(self.roleARN)",
            "webIdentity has a use only together with roleARN",
            |spec| spec.web_identity.is_none() || spec.role_arn.is_some(),
        ),
        Rule::of_field(
            ".endpoint",
            "!has(self.endpoint) || !((has(self.useFIPSEndpoint) && self.useFIPSEndpoint) \
             || (has(self.useDualStackEndpoint) && self.useDualStackEndpoint))",
            "useFIPSEndpoint and useDualStackEndpoint choose among AWS's own endpoints: take endpoint away, or them",
            |spec| {
                let asked = |it: Option<bool>| it == Some(true);
                spec.endpoint.is_none()
                    || !(asked(spec.use_fips_endpoint) || asked(spec.use_dual_stack_endpoint))
            },
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
        Check::check(&self.expected_account_id, "spec.expectedAccountID")?;
        Check::check(&self.web_identity, "spec.webIdentity")?;
        Check::check(&self.assume_role_chain, "spec.assumeRoleChain")?;
        self.credentials()?;
        self.assumed_roles()?;
        self.default_tags.check_rules("spec.defaultTags")?;
        Check::check(&self.allowed_namespaces, "spec.allowedNamespaces")
    }

    /// Checks that roleARN and assumeRoleARN are of the partition that the region is in. No rule of admission:
    /// it let these fields be before it knew of partitions.
    ///
    /// # Errors
    /// The field of the role that cannot work there.
    pub fn check_partitions(&self) -> Result<(), InvalidField> {
        self.check_partition("spec.roleARN", self.role_arn.as_ref())?;
        self.check_partition("spec.assumeRoleARN", self.assume_role_arn.as_ref())
    }

    fn check_partition(
        &self,
        path: &str,
        role: Option<&Stored<RoleArn>>,
    ) -> Result<(), InvalidField> {
        let own = partition_of(self.region.as_str());
        let found = role
            .and_then(|role| parts(role.as_str()))
            .map_or(own, |[partition, ..]| partition);
        if found == own || self.endpoint.is_some() {
            return Ok(());
        }
        let why = format!(
            "found a role of the partition {found}; the region {} is in {own}, and only roles of {own} can work there",
            self.region
        );
        Err(InvalidField::new(path, why))
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

    fn set_status(&mut self, status: AWSProviderStatus) {
        self.status = Some(status);
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
        #[builder(default)] use_fips_endpoint: bool,
        #[builder(default)] use_dual_stack_endpoint: bool,
        expected_account_id: Option<AccountId>,
        role_arn: Option<RoleArn>,
        web_identity: Option<WebIdentity>,
        assume_role_arn: Option<RoleArn>,
        external_id: Option<ExternalId>,
        #[builder(default)] assume_role_chain: Vec<AssumeRole>,
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
                use_fips_endpoint: use_fips_endpoint.then_some(true),
                use_dual_stack_endpoint: use_dual_stack_endpoint.then_some(true),
                expected_account_id: expected_account_id.map(Stored::from),
                role_arn: role_arn.map(Stored::from),
                web_identity,
                assume_role_arn: assume_role_arn.map(Stored::from),
                external_id: external_id.map(Stored::from),
                assume_role_chain,
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
    fn a_role_of_another_partition_is_refused_with_both_partitions() {
        let role = "arn:aws-cn:iam::111122223333:role/r";
        let mut spec = allowing(&[]);
        spec.assume_role_arn = Some(Stored::unchecked(role));
        let refused = spec.check_partitions().unwrap_err();
        assert_eq!(refused.path, "spec.assumeRoleARN");
        assert!(
            refused.why.contains("aws-cn") && refused.why.contains("eu-central-1"),
            "{refused}"
        );
        spec.region = Stored::unchecked("cn-north-1");
        assert_eq!(spec.check_partitions(), Ok(()));
        spec.region = Stored::unchecked("us-gov-west-1");
        assert!(spec.check_partitions().is_err());
        spec.endpoint = Some(Stored::unchecked("https://store.example"));
        assert_eq!(spec.check_partitions(), Ok(()), "no region of AWS");
    }

    #[test]
    fn only_the_first_role_may_stay_longer_than_an_hour() {
        let step = |seconds| {
            let mut step = AssumeRole::of("arn:aws:iam::111122223333:role/r".parse().unwrap());
            step.duration_seconds = Some(seconds);
            step
        };
        let mut spec = allowing(&[]);
        spec.assume_role_chain = vec![step(43200), step(3600)];
        assert_eq!(spec.check(), Ok(()));
        spec.role_arn = Some(Stored::unchecked("arn:aws:iam::111122223333:role/pod"));
        assert!(spec.check().is_err(), "roleARN comes first");
        spec.role_arn = None;
        spec.assume_role_chain = vec![step(3600), step(3601)];
        assert_eq!(spec.check().unwrap_err().path, "spec.assumeRoleChain");
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
