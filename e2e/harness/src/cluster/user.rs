//! Users that may do exactly what a test says.

use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{AuthInfo, Kubeconfig};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

use super::{Cluster, config, write_kubeconfig};
use crate::wait::{PATIENCE, until};

/// The namespace of the accounts: not the test's own, which the test may delete.
const ACCOUNTS: &str = "harness-users";
const RBAC: &str = "rbac.authorization.k8s.io";
/// The lifetime of a token, in seconds: longer than any test.
const LIFETIME: i64 = 24 * 3600;

/// What a user may do, as in RBAC.
#[derive(Clone, Debug, Default)]
pub struct UserRules {
    /// Rules that hold in every namespace and for cluster-scoped objects.
    pub cluster: Vec<PolicyRule>,
    /// Namespaces, each with the rules that hold in it alone.
    pub namespaced: Vec<(String, Vec<PolicyRule>)>,
}

/// A ServiceAccount with a token and with rules of its own.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    token: String,
    kubeconfig: Kubeconfig,
    config: Config,
}

impl User {
    /// The name that the API server sees: `system:serviceaccount:NAMESPACE:NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What a client is made of that authenticates as this user and nobody else.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// A client that authenticates as this user.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config())?)
    }

    /// Writes a kubeconfig with this user's token, for a process that a test starts.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, file: &Path) -> Result<()> {
        write_kubeconfig(&self.kubeconfig, file)
    }
}

impl Cluster {
    /// Makes a user whose name begins with `prefix`, and returns when its rules are in force.
    ///
    /// # Errors
    /// When the API server refuses one of the objects, or does not grant a rule within a minute.
    pub async fn user(&self, prefix: &str, rules: UserRules) -> Result<User> {
        let client = self.client()?;
        let account = make_account(client.clone(), prefix).await?;
        grant(client.clone(), &account, &rules).await?;
        let name = format!("system:serviceaccount:{ACCOUNTS}:{account}");
        let asked = questions(&name, &rules);
        for question in &asked {
            let what = format!("the rules of {name} to be in force");
            until(&what, PATIENCE, || allowed(client.clone(), question)).await?;
        }

        let token = token(client, &account).await?;
        let kubeconfig = self.with_token(&token)?;
        let config = config(kubeconfig.clone()).await?;
        Ok(User {
            name,
            token,
            kubeconfig,
            config,
        })
    }

    /// The cluster's kubeconfig with the administrator's credentials replaced by a token.
    fn with_token(&self, token: &str) -> Result<Kubeconfig> {
        let mut kubeconfig = self.access.kubeconfig.clone();
        let bearer: AuthInfo = serde_json::from_value(json!({ "token": token }))?;
        for user in &mut kubeconfig.auth_infos {
            user.auth_info = Some(bearer.clone());
        }
        Ok(kubeconfig)
    }
}

async fn make_account(client: Client, prefix: &str) -> Result<String> {
    let home = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ACCOUNTS}});
    Api::<Namespace>::all(client.clone())
        .patch(
            ACCOUNTS,
            &PatchParams::apply("harness"),
            &Patch::Apply(home),
        )
        .await
        .with_context(|| format!("cannot make the namespace {ACCOUNTS}"))?;
    let wanted = ServiceAccount {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    let made = Api::<ServiceAccount>::namespaced(client, ACCOUNTS)
        .create(&PostParams::default(), &wanted)
        .await
        .with_context(|| format!("cannot make an account {prefix}-*"))?;
    Ok(made.name_any())
}

async fn token(client: Client, account: &str) -> Result<String> {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(LIFETIME),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = Api::<ServiceAccount>::namespaced(client, ACCOUNTS)
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .with_context(|| format!("cannot get a token for {account}"))?;
    let status = answer
        .status
        .context("a TokenRequest was answered without a token")?;
    Ok(status.token)
}

/// Makes a role and a binding for each list of rules, named as the account, which is unique.
async fn grant(client: Client, account: &str, rules: &UserRules) -> Result<()> {
    let metadata = || ObjectMeta {
        name: Some(account.to_owned()),
        ..ObjectMeta::default()
    };
    let role_ref = |kind: &str| RoleRef {
        api_group: RBAC.into(),
        kind: kind.into(),
        name: account.into(),
    };
    let subjects = || {
        Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name: account.into(),
            namespace: Some(ACCOUNTS.into()),
            ..Subject::default()
        }])
    };
    let new = PostParams::default();

    if !rules.cluster.is_empty() {
        let role = ClusterRole {
            metadata: metadata(),
            rules: Some(rules.cluster.clone()),
            ..ClusterRole::default()
        };
        let binding = ClusterRoleBinding {
            metadata: metadata(),
            role_ref: role_ref("ClusterRole"),
            subjects: subjects(),
        };
        Api::all(client.clone()).create(&new, &role).await?;
        Api::all(client.clone()).create(&new, &binding).await?;
    }
    for (namespace, rules) in &rules.namespaced {
        let role = Role {
            metadata: metadata(),
            rules: Some(rules.clone()),
        };
        let binding = RoleBinding {
            metadata: metadata(),
            role_ref: role_ref("Role"),
            subjects: subjects(),
        };
        let refused = || format!("cannot give {account} a role in the namespace {namespace}");
        Api::namespaced(client.clone(), namespace)
            .create(&new, &role)
            .await
            .with_context(refused)?;
        Api::namespaced(client.clone(), namespace)
            .create(&new, &binding)
            .await
            .with_context(refused)?;
    }
    Ok(())
}

/// One question for each rule: the API server's authorizer learns of new roles a moment later.
fn questions(user: &str, rules: &UserRules) -> Vec<SubjectAccessReview> {
    let cluster = rules.cluster.iter().map(|rule| (None, rule));
    let namespaced = rules.namespaced.iter().flat_map(|(namespace, rules)| {
        rules
            .iter()
            .map(move |rule| (Some(namespace.clone()), rule))
    });
    let question = |(namespace, rule): (Option<String>, &PolicyRule)| {
        let mut spec = SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            ..SubjectAccessReviewSpec::default()
        };
        match first(&rule.non_resource_urls) {
            Some(path) => {
                spec.non_resource_attributes = Some(NonResourceAttributes {
                    path: Some(path),
                    verb: rule.verbs.first().cloned(),
                });
            }
            None => {
                let resource = first(&rule.resources).unwrap_or_default();
                let (resource, subresource) = match resource.split_once('/') {
                    Some((resource, subresource)) => (resource.into(), Some(subresource.into())),
                    None => (resource, None),
                };
                spec.resource_attributes = Some(ResourceAttributes {
                    namespace,
                    verb: rule.verbs.first().cloned(),
                    group: first(&rule.api_groups),
                    resource: Some(resource),
                    subresource,
                    name: first(&rule.resource_names),
                    ..ResourceAttributes::default()
                });
            }
        }
        SubjectAccessReview {
            spec,
            ..SubjectAccessReview::default()
        }
    };
    cluster.chain(namespaced).map(question).collect()
}

fn first(list: &Option<Vec<String>>) -> Option<String> {
    list.as_ref()?.first().cloned()
}

async fn allowed(client: Client, question: &SubjectAccessReview) -> Result<(), String> {
    let answer = Api::<SubjectAccessReview>::all(client)
        .create(&PostParams::default(), question)
        .await
        .map_err(|e| e.to_string())?;
    match answer.status {
        Some(status) if status.allowed => Ok(()),
        _ => Err(format!("not yet allowed: {:?}", question.spec)),
    }
}
