//! A namespace of a test's own.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};

use super::Cluster;
use crate::wait::{PATIENCE, wait_for, wait_gone};

/// The label of every namespace that a test has made: its prefix.
pub const OF_TESTS: &str = "operator-suite/test";
/// The label by which the API server takes no Pod but those of a profile.
const ENFORCED: &str = "pod-security.kubernetes.io/enforce";

/// A namespace with a unique name. Dropping it leaves it: a shared control plane ends as a whole.
#[derive(Clone, Debug)]
pub struct Namespace {
    name: String,
    cluster: Cluster,
}

impl Cluster {
    /// Makes a namespace whose name begins with `prefix` and that nobody else has.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn namespace(&self, prefix: &str) -> Result<Namespace> {
        self.make_namespace(prefix, None).await
    }

    /// The same, in which no Pod runs but those of the profile `restricted`; returns when Pods can be made.
    ///
    /// # Errors
    /// When the API server refuses, or no controller gives it the account of Pods.
    pub async fn restricted_namespace(&self, prefix: &str) -> Result<Namespace> {
        let made = self
            .make_namespace(prefix, Some((ENFORCED, "restricted")))
            .await?;
        let accounts: Api<core::ServiceAccount> = made.api()?;
        let what = "the account of Pods";
        wait_for(&accounts, "default", what, PATIENCE, |_| true).await?;
        Ok(made)
    }

    async fn make_namespace(&self, prefix: &str, more: Option<(&str, &str)>) -> Result<Namespace> {
        let labels = [(OF_TESTS, prefix)].into_iter().chain(more);
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let wanted = core::Namespace {
            metadata: ObjectMeta {
                generate_name: Some(format!("{prefix}-")),
                labels: Some(labels.collect()),
                ..ObjectMeta::default()
            },
            ..core::Namespace::default()
        };
        let made = Api::all(self.client()?)
            .create(&PostParams::default(), &wanted)
            .await
            .with_context(|| format!("cannot make a namespace {prefix}-*"))?;
        Ok(Namespace {
            name: made.name_any(),
            cluster: self.clone(),
        })
    }
}

impl Namespace {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A client of its cluster.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub fn client(&self) -> Result<Client> {
        self.cluster.client()
    }

    /// An interface to the objects of a kind in it, with the cluster's own credentials.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub fn api<K>(&self) -> Result<Api<K>>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType: Default>,
    {
        Ok(Api::namespaced(self.client()?, &self.name))
    }

    /// Deletes it with all that it holds, and returns when it is gone.
    ///
    /// # Errors
    /// When it is still there after two minutes; the message shows what its conditions say about it.
    pub async fn delete(&self) -> Result<()> {
        let namespaces: Api<core::Namespace> = Api::all(self.cluster.client()?);
        namespaces
            .delete(&self.name, &DeleteParams::default())
            .await?;
        wait_gone(&namespaces, &self.name, 2 * PATIENCE)
            .await
            .context("a namespace goes away only where a kube-controller-manager runs")
    }
}
