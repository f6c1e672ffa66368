//! What every test here starts from: replicas in a namespace of their own, under exactly the rights that
//! they say they need, behind a proxy.

use std::{collections::BTreeMap, time::Duration};

use harness::{
    ControlPlane, Namespace, UserRules,
    proxy::{Proxy, kubernetes::ApiProxy},
    wait::{PATIENCE, until},
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::{
        election::{Candidacy, Election, Leadership},
        write::Writer,
    },
    decide::{clock::Clock, key::ObjectKey, lease::Timings, rotation::Lifetimes},
    process::certs::{Certificates, ClientSecret, Names, SelfSigned, Upkeep},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

pub const OPERATOR: &str = "test-operator";
pub const SECRET: &str = "operator-certs";
pub const CLIENT_SECRET: &str = "gateway-certs";
/// What peers call the operator.
pub const NAME: &str = "operator.system.svc";
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Stage {
    pub namespace: Namespace,
    pub secrets: Api<Secret>,
    pub clock: Clock,
    pub settings: SelfSigned,
    client: Client,
    api_proxy: ApiProxy,
}

impl Stage {
    pub async fn new() -> Self {
        let cluster = ControlPlane::shared().await.unwrap();
        let namespace = cluster.namespace("certs").await.unwrap();
        let key = |name| ObjectKey::new(namespace.name(), name);
        let client = ClientSecret::new(key(CLIENT_SECRET), "gateway", "shop").unwrap();
        let settings = SelfSigned {
            secret: key(SECRET),
            names: Names::of_service("operator", "system").unwrap(),
            lifetimes: Lifetimes::default(),
            clients: vec![client],
        };
        let rules = UserRules {
            namespaced: settings.rules().into_iter().collect(),
            ..UserRules::default()
        };
        let user = cluster.user("certs", rules).await.unwrap();
        let api_proxy = ApiProxy::start(&cluster.config()).await.unwrap();
        let mut config = api_proxy.config_for(&user.config()).unwrap();
        config.default_retry = false;
        Self {
            secrets: namespace.api().unwrap(),
            namespace,
            clock: Clock::system(),
            settings,
            client: Client::try_from(config).unwrap(),
            api_proxy,
        }
    }

    pub fn proxy(&self) -> &Proxy {
        self.api_proxy.proxy()
    }

    /// A replica that leads.
    pub fn leader(&self) -> Replica {
        self.replica(&self.settings, Leadership::always(self.clock.clone()))
    }

    /// A replica that never leads.
    pub fn follower(&self) -> Replica {
        self.replica(&self.settings, nobody_leads(&self.client, &self.clock))
    }

    pub fn replica(&self, settings: &SelfSigned, leadership: Leadership) -> Replica {
        let writer = Writer::new(self.client.clone(), OPERATOR);
        let made = Certificates::self_signed(settings.clone(), writer, self.clock.clone());
        Replica::start(made, leadership)
    }

    /// Somebody of this name who stands for election to the one Lease of this stage.
    pub async fn candidate(&self, identity: &str) -> Candidate {
        let mut config = ControlPlane::shared().await.unwrap().config();
        config.default_retry = false;
        let candidacy = Candidacy {
            lease: ObjectKey::new(self.namespace.name(), "replicas"),
            identity: identity.to_owned(),
            timings: Timings::default(),
            address: None,
        };
        let client = Client::try_from(config).unwrap();
        let (election, leadership) = Election::new(client, self.clock.clone(), candidacy);
        let (resign, mut resigned) = watch::channel(false);
        let task = tokio::spawn(election.run(async move {
            // A candidate that is gone resigns, too.
            let _ = resigned.wait_for(|resigned| *resigned).await;
        }));
        Candidate {
            leadership,
            resign,
            task,
        }
    }

    pub async fn stored(&self, name: &str) -> Secret {
        self.secrets.get(name).await.unwrap()
    }

    /// The values of a Secret, as text.
    pub async fn values(&self, name: &str) -> BTreeMap<String, String> {
        values(self.stored(name).await)
    }

    pub async fn create(&self, name: &str, labels: &[(&str, &str)], data: &[(&str, &str)]) {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut secret = Secret::default();
        secret.metadata.name = Some(name.to_owned());
        secret.metadata.labels = Some(labels.iter().map(owned).collect());
        let data = data.iter().map(owned);
        secret.data = Some(
            data.map(|(key, value)| (key, ByteString(value.into())))
                .collect(),
        );
        self.secrets
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
    }

    /// Somebody else's edit.
    pub async fn put(&self, name: &str, key: &str, value: &str) {
        let patch = Patch::Merge(json!({ "stringData": { key: value } }));
        self.secrets
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Lets time pass until `done`. The pauses between its steps double, so that a slow machine has the time
    /// for a look.
    pub async fn pass(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        let (mut asked, mut step_at) = (0_u32, 1);
        while !done().await {
            asked += 1;
            assert!(asked < 1200, "waited in vain for {what}");
            if asked == step_at {
                self.clock.advance(Duration::from_secs(31));
                step_at *= 2;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub fn values(secret: Secret) -> BTreeMap<String, String> {
    let values = secret.data.unwrap_or_default().into_iter();
    values
        .map(|(key, value)| (key, String::from_utf8(value.0).unwrap()))
        .collect()
}

fn nobody_leads(client: &Client, clock: &Clock) -> Leadership {
    let candidacy = Candidacy {
        lease: ObjectKey::new("nowhere", "nothing"),
        identity: "nobody".to_owned(),
        timings: Timings::default(),
        address: None,
    };
    Election::new(client.clone(), clock.clone(), candidacy).1
}

/// Somebody who stands for election.
pub struct Candidate {
    pub leadership: Leadership,
    resign: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Candidate {
    /// Waits until it leads.
    pub async fn leads(&self) {
        let leads = || async { self.leadership.current().is_some() };
        until("a leader", PATIENCE, leads).await.unwrap();
    }

    /// Gives the Lease back.
    pub async fn resign(self) {
        self.resign.send_replace(true);
        self.task.await.unwrap();
    }
}

/// Certificates and their upkeep at work.
pub struct Replica {
    pub certificates: Certificates,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replica {
    pub fn start((certificates, upkeep): (Certificates, Upkeep), leadership: Leadership) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(upkeep.run(leadership, stopped));
        Self {
            certificates,
            stop,
            task,
        }
    }

    /// Waits until `/readyz` would have nothing against it: there is a certificate, or another replica has yet to make it.
    pub async fn ready(&self) {
        until("a certificate", PATIENCE, || async {
            self.certificates.check()
        })
        .await
        .unwrap();
    }

    /// Waits until `/readyz` would say this.
    pub async fn says(&self, text: &str) {
        let says = || async {
            match self.certificates.check() {
                Err(reason) if reason.contains(text) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        until(text, PATIENCE, says).await.unwrap();
    }

    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(PATIENCE, &mut self.task);
        ended.await.expect("the upkeep ended").unwrap();
    }
}
