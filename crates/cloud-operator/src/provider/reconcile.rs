//! A pass over a provider: its credentials are in use and AWS knows them, or everybody learns why not.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use crd_types::aws::v1alpha1::{AWSProvider, AWSProviderStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use operator_core::{
    cluster::{
        secrets::{SecretValues, Secrets},
        write::{self, WriteError},
    },
    decide::{
        key::ObjectKey,
        outcome::{Class, Fault, Outcome, PassResult},
    },
    engines::{
        controller::{Pass, Reconciler},
        external::Annotations,
    },
};
use parking_lot::Mutex;

use super::{SessionState, Sessions, access};
use crate::aws::{Aws, Session};

/// Keeps a provider for as long as somebody uses it.
const IN_USE: &str = "aws-infra-operator.runner.codes/in-use";
/// How soon to look again for what starts a pass anyway: a Secret that appears, a user that goes.
const SAFETY_POLL: Duration = Duration::from_secs(60);
/// How many users a message names.
const NAMED_USERS: usize = 5;

type Users = Box<dyn Fn(&ObjectKey) -> Vec<ObjectKey> + Send + Sync>;

/// The providers and their sessions.
pub struct Providers {
    aws: Aws,
    sessions: Arc<Sessions>,
    secrets: Secrets,
    users: Users,
    /// What the session of each provider was opened with, so that the same is not opened again.
    opened: Mutex<HashMap<ObjectKey, Fingerprint>>,
}

/// The spec's generation and the states of the Secrets that a session stands on.
#[derive(Clone, PartialEq, Eq)]
struct Fingerprint {
    uid: Option<String>,
    generation: Option<i64>,
    secrets: Vec<String>,
}

impl Providers {
    /// Providers that publish into `sessions`; `users` tells who refers to one.
    pub fn new(
        aws: Aws,
        sessions: Arc<Sessions>,
        secrets: Secrets,
        users: impl Fn(&ObjectKey) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        Self { aws, sessions, secrets, users: Box::new(users), opened: Mutex::default() }
    }

    async fn uphold(&self, pass: &mut Pass<AWSProvider>, key: &ObjectKey) -> PassResult {
        match pass.hold(IN_USE).await {
            Ok(()) => {}
            Err(WriteError::Conflict | WriteError::Gone) => return Ok(Outcome::Superseded),
            Err(error) => return Err(error.into()),
        }
        let provider = pass.object();
        match self.authenticate(&provider, key).await {
            Ok(Attempt::Ready(session)) => {
                let message = format!("authenticated as {}", session.caller.arn);
                self.report(pass, key, &session);
                let state = SessionState::Ready(session);
                self.sessions.publish(key, &provider.spec, state);
                Ok(Outcome::Done { reason: "AuthenticationSucceeded", message })
            }
            Ok(Attempt::Waiting(on)) => {
                let state = SessionState::NotReady { why: format!("waits for {on}") };
                self.sessions.publish(key, &provider.spec, state);
                Ok(Outcome::Waiting { reason: "WaitingForSecret", on, poll: SAFETY_POLL })
            }
            Err(fault) => {
                // What may pass by itself does not take a session away that worked.
                let passing = matches!(fault.class, Class::Transient | Class::Throttled);
                if !(passing && matches!(self.sessions.state(key), Some(SessionState::Ready(_)))) {
                    let state = SessionState::NotReady { why: fault.message.clone() };
                    self.sessions.publish(key, &provider.spec, state);
                }
                Err(fault)
            }
        }
    }

    async fn authenticate(&self, provider: &AWSProvider, key: &ObjectKey) -> Result<Attempt, Fault> {
        let secrets = access::secrets(key, &provider.spec)?;
        self.secrets.track(key, secrets.clone());
        let mut values: BTreeMap<ObjectKey, SecretValues> = BTreeMap::new();
        for secret in secrets {
            let found = self.secrets.get(&secret).await.map_err(|error| write::from_api(&error))?;
            match found {
                Some(found) => values.insert(secret, found),
                None => return Ok(Attempt::Waiting(format!("Secret {secret}, which does not exist"))),
            };
        }
        let fingerprint = Fingerprint {
            uid: provider.uid(),
            generation: provider.metadata.generation,
            secrets: values.values().map(|found| found.version().to_owned()).collect(),
        };
        if let Some(session) = self.session_in_use(key, &fingerprint)
            && session.verify().await? == session.caller
        {
            return Ok(Attempt::Ready(session));
        }
        let access = access::access(key, provider, &values)?;
        let session = Arc::new(self.aws.open(&access).await?);
        self.opened.lock().insert(key.clone(), fingerprint);
        Ok(Attempt::Ready(session))
    }

    fn session_in_use(&self, key: &ObjectKey, fingerprint: &Fingerprint) -> Option<Arc<Session>> {
        let opened = self.opened.lock();
        match self.sessions.state(key) {
            Some(SessionState::Ready(session)) if opened.get(key) == Some(fingerprint) => Some(session),
            _ => None,
        }
    }

    fn report(&self, pass: &mut Pass<AWSProvider>, key: &ObjectKey, session: &Arc<Session>) {
        let caller = &session.caller;
        let found = AWSProviderStatus {
            account_id: Some(caller.account.to_string()),
            caller_identity: Some(caller.arn.to_string()),
            partition: Some(caller.partition.to_string()),
            ..pass.status.clone()
        };
        let replaced = matches!(
            self.sessions.state(key),
            Some(SessionState::Ready(before)) if !Arc::ptr_eq(&before, session)
        );
        if found != pass.status || replaced || found.last_authentication_time.is_none() {
            let now = pass.clock().wall();
            pass.status = AWSProviderStatus { last_authentication_time: Some(Time(now)), ..found };
            pass.note_effect();
        }
    }

    /// A provider goes when nobody needs it any more; until then its session works on, from memory should
    /// its Secret be gone already.
    async fn release(&self, pass: &mut Pass<AWSProvider>, key: &ObjectKey) -> PassResult {
        let users = (self.users)(key);
        if users.is_empty() || Annotations::of(&*pass.object()).abandon() {
            return match pass.let_go(std::iter::once(IN_USE)).await {
                Ok(()) => {
                    self.forget(key);
                    Ok(Outcome::Released)
                }
                Err(WriteError::Conflict | WriteError::Gone) => Ok(Outcome::Superseded),
                Err(error) => Err(error.into()),
            };
        }
        let provider = pass.object();
        if self.sessions.state(key).is_none() {
            // A new process needs the session, too. If it cannot be had any more, the users say so.
            let state = match self.authenticate(&provider, key).await {
                Ok(Attempt::Ready(session)) => SessionState::Ready(session),
                Ok(Attempt::Waiting(on)) => SessionState::NotReady { why: format!("waits for {on}") },
                Err(fault) => SessionState::NotReady { why: fault.message },
            };
            self.sessions.publish(key, &provider.spec, state);
        }
        Ok(Outcome::Waiting { reason: "InUse", on: in_use(&users), poll: SAFETY_POLL })
    }

    fn forget(&self, key: &ObjectKey) {
        self.secrets.track(key, Default::default());
        self.sessions.remove(key);
        self.opened.lock().remove(key);
    }
}

enum Attempt {
    Ready(Arc<Session>),
    Waiting(String),
}

impl Reconciler for Providers {
    type Kind = AWSProvider;

    fn lane(object: &AWSProvider) -> Arc<str> {
        ObjectKey::of(object).to_string().into()
    }

    async fn reconcile(&self, pass: &mut Pass<AWSProvider>) -> PassResult {
        let object = pass.object();
        let key = ObjectKey::of(&*object);
        if Annotations::of(&*object).paused() {
            return Ok(Outcome::Paused);
        }
        match object.metadata.deletion_timestamp {
            Some(_) => self.release(pass, &key).await,
            None => self.uphold(pass, &key).await,
        }
    }
}

fn in_use(users: &[ObjectKey]) -> String {
    let named: Vec<String> = users.iter().take(NAMED_USERS).map(ToString::to_string).collect();
    let more = match users.len().saturating_sub(NAMED_USERS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the deletion of what uses this provider: {}{more}", named.join(", "))
}
