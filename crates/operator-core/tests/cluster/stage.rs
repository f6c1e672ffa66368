//! What every test here starts from: a namespace of its own, and a client whose requests pass a proxy.

use std::future::pending;

use harness::{
    Cluster, ControlPlane, Namespace,
    proxy::{Gate, Proxy, kubernetes::ApiProxy},
    wait::{PATIENCE, until},
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use operator_core::{
    cluster::{
        election::{Candidacy, Election},
        leading::Leading,
    },
    decide::{clock::Clock, key::ObjectKey, lease::Timings},
};
use serde_json::{Value, json};

use crate::gadget::{self, Gadget};

pub struct Stage {
    pub cluster: Cluster,
    pub namespace: Namespace,
    /// Goes straight to the API server: what other people do.
    pub others: Client,
    /// Goes through the proxy: what the operator does.
    pub client: Client,
    api_proxy: ApiProxy,
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(ControlPlane::shared().await.unwrap()).await
    }

    pub async fn on(cluster: &Cluster) -> Self {
        cluster.install_crds([gadget::definition()]).await.unwrap();
        let api_proxy = ApiProxy::start(&cluster.config()).await.unwrap();
        Self {
            cluster: cluster.clone(),
            namespace: cluster.namespace("cluster").await.unwrap(),
            others: cluster.client().unwrap(),
            client: client(api_proxy.config()),
            api_proxy,
        }
    }

    pub fn proxy(&self) -> &Proxy {
        self.api_proxy.proxy()
    }

    /// A client through the proxy that is another user.
    pub fn client_of(&self, user: &harness::User) -> Client {
        client(self.api_proxy.config_for(&user.config()).unwrap())
    }

    pub fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace.name(), name)
    }

    pub fn gadgets(&self) -> Api<Gadget> {
        Api::namespaced(self.others.clone(), self.namespace.name())
    }

    pub async fn create(&self, name: &str, size: i64) -> Gadget {
        let created = create(&self.others, self.namespace.name(), name, size.into()).await;
        created.try_parse().unwrap()
    }

    /// Somebody else's edit.
    pub async fn resize(&self, name: &str, size: i64) -> Gadget {
        let patch = Patch::Merge(json!({ "spec": { "size": size } }));
        self.gadgets()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap()
    }

    pub async fn delete(&self, name: &str) {
        self.gadgets()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }
}

/// Creates a gadget of any size, readable or not.
pub async fn create(client: &Client, namespace: &str, name: &str, size: Value) -> DynamicObject {
    let kind = ApiResource::erase::<Gadget>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let gadget = DynamicObject::new(name, &kind).data(json!({ "spec": { "size": size } }));
    api.create(&PostParams::default(), &gadget).await.unwrap()
}

fn client(mut config: Config) -> Client {
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// The right of a term of leadership that has ended.
pub async fn ended_term(stage: &Stage) -> Leading {
    let candidacy = Candidacy {
        lease: stage.key("ended"),
        identity: "ended".to_owned(),
        timings: Timings::default(),
        address: None,
    };
    let (election, leadership) = Election::new(stage.others.clone(), Clock::system(), candidacy);
    let election = tokio::spawn(election.run(pending()));
    let mut terms = leadership.watch();
    let leading = terms
        .wait_for(Option::is_some)
        .await
        .unwrap()
        .clone()
        .unwrap();
    election.abort();
    until("the term to end", PATIENCE, || async {
        leading.check().is_err()
    })
    .await
    .unwrap();
    leading
}

/// Waits until a request has come to the gate.
pub async fn arrived(gate: &Gate) {
    let arrived = tokio::time::timeout(PATIENCE, gate.arrived(1));
    arrived.await.expect("a request came to the gate");
}
