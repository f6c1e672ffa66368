//! A pass over a provider: authenticate, publish the session, say who we are; and stay while in use.

use std::{iter::once, sync::Arc, time::Duration};

use crd_types::aws::v1alpha1::{AWSProvider, AWSProviderSpec, AWSProviderStatus};
use kube::ResourceExt;
use operator_core::{
    cluster::{secrets::Secrets, write::WriteError},
    decide::{
        key::ObjectKey,
        outcome::{Class, Fault, Outcome, PassResult, Scope},
    },
    engines::{
        controller::{Pass, Reconciler},
        external::Annotations,
    },
};

use super::{
    access::{Found, access, external_id, refuse_anothers_ids, refuse_external_ids, secrets_of},
    reasons,
    sessions::{SessionState, Sessions},
    status,
    users::Users,
};
use crate::aws::{Aws, Caller, Session};

/// Held while anything still needs the provider to be taken down.
const IN_USE: &str = "aws-infra-operator.runner.codes/in-use";
/// How long it may take to notice that AWS no longer knows credentials that nothing uses meanwhile.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How soon to look again for what would have started a pass anyway.
const SAFETY_POLL: Duration = Duration::from_secs(60);
/// How soon to look again while it is not known what uses a provider.
const LIST_POLL: Duration = Duration::from_secs(1);
/// How many users of a provider that cannot go yet are named.
const NAMED: usize = 5;

/// Whether `provider` stays for as long as something needs it.
pub fn is_held(provider: &AWSProvider) -> bool {
    provider.finalizers().iter().any(|held| held == IN_USE)
}

/// How external IDs are given to the roles that providers assume.
#[derive(Clone, Debug)]
pub struct ExternalIds {
    /// What begins those of this installation.
    pub installation: Arc<str>,
    /// Whether there are no others.
    pub enforced: bool,
}

/// Brings providers to work.
pub struct Providers {
    aws: Aws,
    external_ids: ExternalIds,
    secrets: Secrets,
    sessions: Arc<Sessions>,
    users: Box<dyn Users>,
}

/// What a look at the credentials gave.
enum Look {
    Session(Arc<Session>),
    NoSecret(ObjectKey),
}

impl Providers {
    /// `secrets` starts a pass over a provider whose Secret changed.
    pub fn new(
        aws: Aws,
        external_ids: ExternalIds,
        sessions: Arc<Sessions>,
        secrets: Secrets,
        users: impl Users,
    ) -> Self {
        Self {
            aws,
            external_ids,
            sessions,
            secrets,
            users: Box::new(users),
        }
    }

    async fn authenticate(&self, pass: &mut Pass<AWSProvider>, key: &ObjectKey) -> PassResult {
        let provider = pass.object();
        // Shown before it works: whoever writes the role's trust policy needs it first.
        pass.status.external_id = self.shown_external_id(&provider.spec, key);
        let before = self.sessions.last(key);
        let looking = async {
            let look = self.look(&provider, key, before.as_ref()).await?;
            let look = self.stays(look, &pass.status, key)?;
            self.try_out(&look, key).await?;
            Ok::<_, Fault>(look)
        };
        let looked = looking.await;
        let state = match &looked {
            Ok(Look::Session(session)) => SessionState::Ready(session.clone()),
            Ok(Look::NoSecret(secret)) => SessionState::NotReady {
                why: format!("waiting for Secret {secret}"),
            },
            Err(fault) if fault.reason == reasons::ACCOUNT_CHANGED => SessionState::Moved {
                why: fault.message.clone(),
            },
            Err(fault) => match (fault.class, self.sessions.state(key)) {
                // Nothing was learned about the credentials.
                (Class::Transient | Class::Throttled | Class::UnknownOutcome, Some(known)) => known,
                _ => SessionState::NotReady {
                    why: fault.message.clone(),
                },
            },
        };
        self.sessions
            .publish(key, &provider.spec, state, pass.leading());
        match looked? {
            // Not a hitch in what goes on working: what was in force was taken away.
            Look::NoSecret(secret) if pass.status.account_id.is_some() => Err(Fault::blocked(
                reasons::WAITING_FOR_SECRET,
                format!(
                    "Secret {secret} is gone; create it again, or let the spec name other credentials"
                ),
            )),
            Look::NoSecret(secret) => Ok(Outcome::Waiting {
                reason: reasons::WAITING_FOR_SECRET,
                on: format!("Secret {secret}, which does not exist yet"),
                poll: SAFETY_POLL,
            }),
            Look::Session(session) => {
                let renewed = before.is_some_and(|before| before.version != session.version);
                let now = pass.clock().wall();
                if status::show(&mut pass.status, &session.caller, renewed, now) {
                    pass.note_effect(&Ok(()));
                }
                let identity = pass.status.caller_identity.as_deref().unwrap_or_default();
                let message = format!("authenticated as {identity}");
                Ok(Outcome::Done {
                    reason: reasons::AUTHENTICATION_SUCCEEDED,
                    message,
                })
            }
        }
    }

    /// A session with the credentials of now: the one of before, if AWS still knows it and nothing has changed.
    async fn look(
        &self,
        provider: &AWSProvider,
        key: &ObjectKey,
        before: Option<&Arc<Session>>,
    ) -> Result<Look, Fault> {
        let own = external_id(key, &self.external_ids.installation);
        if self.external_ids.enforced {
            refuse_external_ids(&provider.spec, &own)?;
        }
        refuse_anothers_ids(&provider.spec, &own, &self.external_ids.installation)?;
        let secrets = secrets_of(provider);
        self.secrets.track(key, secrets.clone().unwrap_or_default());
        secrets?;
        let access = match access(provider, &self.secrets, &own).await? {
            Found::Access(access) => access,
            Found::NoSecret(secret) => return Ok(Look::NoSecret(secret)),
        };
        if let Some(session) = before.filter(|session| session.version == access.version) {
            match session.verify().await {
                Ok(caller) if caller.account == session.caller.account => {
                    return Ok(Look::Session(session.clone()));
                }
                Err(fault) if fault.class != Class::Blocked => return Err(fault),
                // Its temporary credentials may have been taken away before their time: get others.
                _ => session.forget_credentials(),
            }
        }
        self.aws
            .open(&access)
            .await
            .map(|session| Look::Session(Arc::new(session)))
    }

    /// Whether the credentials are still of the account in which objects of the provider have something:
    /// another account is never followed, or what they have would be looked for where it is not.
    fn stays(
        &self,
        look: Look,
        status: &AWSProviderStatus,
        key: &ObjectKey,
    ) -> Result<Look, Fault> {
        let (Look::Session(session), Some(recorded)) = (&look, &status.account_id) else {
            return Ok(look);
        };
        if recorded == session.caller.account.as_ref() {
            return Ok(look);
        }
        match self.users.settled(key, recorded) {
            Some(settled) if settled.is_empty() => Ok(look),
            Some(settled) => Err(account_changed(recorded, &session.caller, &settled)),
            None => {
                let text = format!(
                    "the credentials now lead to the account {}; whether anything is still in {recorded} is not \
                     known yet",
                    session.caller.account
                );
                Err(Fault::transient(reasons::ACCOUNT_CHANGED, text))
            }
        }
    }

    /// Asks S3, too, where it has refused what STS knows, as it does in an account that is suspended: as long as that
    /// lasts, no object is to find it out.
    async fn try_out(&self, look: &Look, key: &ObjectKey) -> Result<(), Fault> {
        let Look::Session(session) = look else {
            self.sessions.tried_out(key);
            return Ok(());
        };
        let Some(tenant) = self.sessions.trial(key, session) else {
            return Ok(());
        };
        match tenant.try_out().await.map_err(Fault::from) {
            Err(fault) if fault.scope == Scope::Provider => {
                session.forget_credentials();
                Err(fault)
            }
            Err(fault)
                if matches!(
                    fault.class,
                    Class::Transient | Class::Throttled | Class::UnknownOutcome
                ) =>
            {
                Err(fault)
            }
            // Whoever may not list his buckets is known, too.
            _ => {
                self.sessions.tried_out(key);
                Ok(())
            }
        }
    }

    /// What the trust policies of its roles can ask for, if there are roles for which it gives no external ID.
    fn shown_external_id(&self, spec: &AWSProviderSpec, key: &ObjectKey) -> Option<String> {
        let roles = spec.assumed_roles().unwrap_or_default();
        let derived = roles.iter().any(|role| role.external_id.is_none());
        derived.then(|| external_id(key, &self.external_ids.installation))
    }

    /// Lets the provider go once nothing needs it. Until then its session stays in use, even if its Secret is
    /// gone already.
    async fn release(&self, pass: &mut Pass<AWSProvider>, key: &ObjectKey) -> PassResult {
        let held = pass.holds(once(IN_USE));
        let abandoned = Annotations::of(&*pass.object()).abandon();
        let users = match self.users.needing(key) {
            Some(users) => users,
            None if abandoned => Vec::new(),
            None => {
                let on = "the whole list of what uses this provider; an object that cannot be read might"
                    .to_owned();
                return Ok(Outcome::Waiting {
                    reason: reasons::IN_USE,
                    on,
                    poll: LIST_POLL,
                });
            }
        };
        if held && !users.is_empty() && !abandoned {
            if !matches!(self.sessions.state(key), Some(SessionState::Ready(_))) {
                // What is wrong with it, its users will say.
                let _ = self.authenticate(pass, key).await;
            }
            return Ok(Outcome::Waiting {
                reason: reasons::IN_USE,
                on: in_use(&users),
                poll: SAFETY_POLL,
            });
        }
        // First nobody can begin to use it any more; whoever did meanwhile keeps it.
        self.sessions.remove(key);
        if held
            && !abandoned
            && self
                .users
                .needing(key)
                .is_none_or(|users| !users.is_empty())
        {
            return Ok(Outcome::Superseded);
        }
        if held {
            match pass.let_go(once(IN_USE)).await {
                Ok(()) | Err(WriteError::Gone) => {}
                Err(WriteError::Conflict) => return Ok(Outcome::Superseded),
                Err(error) => return Err(error.into()),
            }
        }
        self.secrets.track(key, Default::default());
        Ok(Outcome::Released)
    }
}

impl Reconciler for Providers {
    type Kind = AWSProvider;

    fn lane(provider: &AWSProvider) -> Arc<str> {
        ObjectKey::of(provider).to_string().into()
    }

    fn interval(&self, _: &AWSProvider, configured: Duration) -> Duration {
        configured.min(IDENTITY_INTERVAL)
    }

    async fn reconcile(&self, pass: &mut Pass<AWSProvider>) -> PassResult {
        let provider = pass.object();
        let key = ObjectKey::of(&*provider);
        if Annotations::of(&*provider).paused() {
            self.sessions.trust(&key);
            return Ok(Outcome::Paused);
        }
        if provider.metadata.deletion_timestamp.is_some() {
            return self.release(pass, &key).await;
        }
        match pass.hold(IN_USE).await {
            Ok(()) => self.authenticate(pass, &key).await,
            Err(WriteError::Conflict | WriteError::Gone) => Ok(Outcome::Superseded),
            Err(error) => Err(error.into()),
        }
    }
}

fn account_changed(recorded: &str, caller: &Caller, settled: &[ObjectKey]) -> Fault {
    let text = format!(
        "the credentials now lead to the account {} (as {}), but resources of this provider are in {recorded}: {}; \
         give it credentials of {recorded} again, or let another provider work in {}: a provider is not followed \
         to another account",
        caller.account,
        caller.arn,
        named(settled),
        caller.account
    );
    Fault::terminal(reasons::ACCOUNT_CHANGED, text).with_scope(Scope::Provider)
}

fn in_use(users: &[ObjectKey]) -> String {
    format!(
        "resources that are still to be taken down with it: {}",
        named(users)
    )
}

/// Some of the objects, and how many more there are.
fn named(users: &[ObjectKey]) -> String {
    let mut named: Vec<String> = users.iter().map(ToString::to_string).collect();
    named.sort_unstable();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", named.join(", "))
}
