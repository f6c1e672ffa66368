//! The upkeep of an own authority in a Secret.

use std::{collections::BTreeMap, future::pending, time::Duration};

use k8s_openapi::api::rbac::v1::PolicyRule;
use tokio::pin;

use super::{
    Certificates, Problem,
    clients::{ClientSecret, ClientSecrets},
    counts::{Attempt, Counters},
    holdings::{Broken, Holdings},
    names::Names,
};
use crate::{
    cluster::{
        apply::MANAGED_BY,
        election::Leadership,
        leading::Leading,
        refusal::explain,
        rules::{named, rule},
        secrets::{OwnSecret, Stored},
        write::{WriteError, Writer},
    },
    decide::{
        clock::Clock,
        key::ObjectKey,
        rotation::{self, Lifetimes},
    },
};

/// How often the Secret is read once there is a certificate: far more often than anything must be renewed.
const LOOK: Duration = Duration::from_secs(30);
/// How soon it is read again while there is none.
const RETRY: Duration = Duration::from_secs(2);
/// After how many looks in a row that had to write one is in no hurry any more: somebody undoes what we do.
const WRITES: u32 = 5;
/// How long the answer to one reading may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings of an own authority.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// Where the authority and the certificate are kept.
    pub secret: ObjectKey,
    /// What the certificate is issued for. A change of them issues another one.
    pub names: Names,
    /// How long everything lasts.
    pub lifetimes: Lifetimes,
    /// Client certificates to be issued into Secrets of their own.
    pub clients: Vec<ClientSecret>,
}

impl SelfSigned {
    /// What the upkeep may do in each namespace: exactly what it does.
    pub fn rules(&self) -> BTreeMap<String, Vec<PolicyRule>> {
        let clients = self.clients.iter().map(|client| &client.secret);
        let mut names = BTreeMap::<String, Vec<String>>::new();
        for secret in [&self.secret].into_iter().chain(clients) {
            let names = names.entry(secret.namespace.to_string()).or_default();
            names.push(secret.name.to_string());
        }
        names
            .into_iter()
            .map(|(namespace, names)| (namespace, Self::rules_for(names)))
            .collect()
    }

    /// What the upkeep may do with Secrets of these names, in their namespace.
    pub fn rules_for(names: Vec<String>) -> Vec<PolicyRule> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // RBAC cannot bind a creation to a name.
        vec![
            named(&names, rule("", &["secrets"], &["get", "patch"])),
            rule("", &["secrets"], &["create"]),
        ]
    }
}

/// Reads the Secret, and writes it while this replica leads.
pub(super) struct Keeper {
    settings: SelfSigned,
    /// The common name of authorities.
    authority: String,
    secret: OwnSecret,
    clients: ClientSecrets,
    certificates: Certificates,
}

/// What a look has found.
enum Look {
    /// All is as it should be.
    Settled,
    /// Something was written: it counts when it has been read.
    Written,
}

/// Why a look has not settled everything. Never holds a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsettled {
    #[error("cannot read Secret {secret}: {why}")]
    Unread { secret: ObjectKey, why: String },
    #[error(
        "Secret {secret} cannot be used: {why}; correct it, or delete it to have everything made anew"
    )]
    Broken { secret: ObjectKey, why: Broken },
    #[error("there is no certificate yet: the replica that leads makes Secret {0}")]
    Awaited(ObjectKey),
    #[error("cannot write Secret {secret}: {why}")]
    Unwritten { secret: ObjectKey, why: WriteError },
    #[error("cannot issue from Secret {secret}: {why}")]
    Unissued { secret: ObjectKey, why: String },
    #[error(
        "Secret {0} is somebody else's: it is not labelled {label}={1}; choose another name, or label it so",
        label = MANAGED_BY
    )]
    Foreign(ObjectKey, String),
}

impl Unsettled {
    /// What failed; none where nothing did, and the leader alone can go on.
    fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Unread { .. } | Self::Broken { .. } => Some(Attempt::Read),
            Self::Unissued { .. } => Some(Attempt::Issue),
            Self::Unwritten { .. } | Self::Foreign(..) => Some(Attempt::Write),
            Self::Awaited(_) => None,
        }
    }
}

impl Keeper {
    pub(super) fn new(settings: SelfSigned, writer: Writer, certificates: Certificates) -> Self {
        Self {
            authority: format!("{}-ca", writer.manager()),
            secret: OwnSecret::new(settings.secret.clone(), writer.clone()),
            clients: ClientSecrets::new(&settings, writer),
            settings,
            certificates,
        }
    }

    pub(super) async fn run(self, leadership: Leadership, stop: impl Future<Output = ()>) {
        pin!(stop);
        let clock = self.certificates.clock().clone();
        let mut term = leadership.watch();
        let mut writes = 0_u32;
        loop {
            term.mark_unchanged();
            let leading = leadership.current();
            let look = self.look(leading.as_ref()).await;
            writes = match look {
                Ok(Look::Written) => writes + 1,
                _ => 0,
            };
            let pause = match self.certificates.current() {
                _ if (1..=WRITES).contains(&writes) => Duration::ZERO,
                Some(_) => LOOK,
                None => RETRY,
            };
            let unsettled = look.err();
            if let Some(failed) = unsettled.as_ref().and_then(Unsettled::attempt) {
                self.counters().failed(failed);
            }
            self.certificates.note(unsettled.map(|it| Problem {
                is_the_leaders: matches!(it, Unsettled::Awaited(_)) && leadership.is_anothers(),
                ..Problem::own(it)
            }));
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = changed(&mut term) => {}
                () = clock.sleep(pause) => {}
            }
        }
    }

    async fn look(&self, leading: Option<&Leading>) -> Result<Look, Unsettled> {
        let stored = read(&self.secret, self.certificates.clock()).await?;
        let holdings = match &stored {
            Some(stored) => self.holdings(stored)?,
            None => None,
        };
        let material = holdings
            .as_ref()
            .and_then(|holdings| holdings.material(&self.certificates.0.handshakes.provider));
        if let Some(material) = material {
            let material = material.map_err(|unfit| self.unissued(unfit))?;
            self.certificates.take(material);
        }
        match (leading, holdings) {
            (Some(leading), holdings) => self.lead(leading, stored, holdings).await,
            (None, Some(_)) if self.certificates.current().is_some() => Ok(Look::Settled),
            (None, _) => Err(Unsettled::Awaited(self.settings.secret.clone())),
        }
    }

    async fn lead(
        &self,
        leading: &Leading,
        stored: Option<Stored>,
        holdings: Option<Holdings>,
    ) -> Result<Look, Unsettled> {
        let SelfSigned {
            names, lifetimes, ..
        } = &self.settings;
        let now = self.certificates.clock().wall();
        let held = holdings.as_ref().map(|holdings| holdings.held(names));
        let plan = rotation::plan(now, held.as_ref(), lifetimes);
        if let (Some(holdings), false) = (&holdings, plan.is_needed()) {
            return match self
                .clients
                .keep(leading, holdings, now, self.counters())
                .await?
            {
                true => Ok(Look::Written),
                false => Ok(Look::Settled),
            };
        }
        let turned = Holdings::turned(holdings, plan, &self.authority, names, now, lifetimes);
        let wanted = turned.map_err(|why| self.unissued(why))?.wanted();
        let secret = &self.settings.secret;
        tracing::info!(%secret, turn = ?plan.turn, issue = plan.issue, "certificates are renewed");
        let written = match &stored {
            Some(stored) => self.secret.change(leading, stored, &wanted).await.map(drop),
            None => self.secret.create(leading, "Opaque", &wanted).await,
        };
        match written {
            Ok(()) => {
                if plan.issue {
                    self.counters().issued();
                }
                Ok(Look::Written)
            }
            // Somebody was faster: what they have written counts.
            Err(WriteError::Conflict | WriteError::Gone) => Ok(Look::Written),
            Err(why) => Err(Unsettled::Unwritten {
                secret: secret.clone(),
                why,
            }),
        }
    }

    fn holdings(&self, stored: &Stored) -> Result<Option<Holdings>, Unsettled> {
        Holdings::read(&stored.values).map_err(|why| Unsettled::Broken {
            secret: self.settings.secret.clone(),
            why,
        })
    }

    fn counters(&self) -> &Counters {
        &self.certificates.0.counters
    }

    fn unissued(&self, why: impl ToString) -> Unsettled {
        Unsettled::Unissued {
            secret: self.settings.secret.clone(),
            why: why.to_string(),
        }
    }
}

pub(super) async fn read(secret: &OwnSecret, clock: &Clock) -> Result<Option<Stored>, Unsettled> {
    let unread = |why| Unsettled::Unread {
        secret: secret.key().clone(),
        why,
    };
    match clock.until(clock.now() + PATIENCE, secret.read()).await {
        Some(read) => read.map_err(|error| unread(explain(&error))),
        None => Err(unread("the API server did not answer in time".to_owned())),
    }
}

/// Waits for the next beginning or end of a term.
async fn changed<T>(term: &mut tokio::sync::watch::Receiver<T>) {
    if term.changed().await.is_err() {
        pending().await
    }
}
