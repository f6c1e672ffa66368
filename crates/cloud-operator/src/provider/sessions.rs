//! The sessions of all providers, as their last passes left them; read by everything that uses a provider.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crd_types::aws::v1alpha1::{AWSProviderSpec, S3Bucket};
use kube::ResourceExt;
use operator_core::{
    cluster::leading::Leading,
    decide::{
        clock::{Clock, Moment},
        key::ObjectKey,
        outcome::{Class, Fault},
    },
    engines::external::{Blame, Purpose, Unresolved, reasons::PROVIDER_NOT_READY},
};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use crate::{
    aws::{Pace, Paces, Session, Tenant},
    s3bucket::reasons,
};

/// How often a report that a provider's credentials fail is believed. A single bucket whose calls are refused
/// for another reason cannot keep a provider that AWS has just been asked about from working.
const BELIEVED_ONCE_IN: Duration = Duration::from_secs(60);

/// What a provider's last pass found.
#[derive(Clone, Debug)]
pub enum SessionState {
    /// AWS knows the credentials.
    Ready(Arc<Session>),
    /// They cannot be used now.
    NotReady {
        /// Why, for the user.
        why: String,
    },
    /// They lead to another account than the one in which resources are: nothing is done in either, and nothing is
    /// deleted with those of before, which may have been taken away on purpose.
    Moved {
        /// Where to, for the user.
        why: String,
    },
}

/// Told of the key of a provider.
type Listener = Box<dyn Fn(&ObjectKey) + Send + Sync>;

/// The sessions of all providers.
pub struct Sessions {
    clock: Clock,
    paces: Paces,
    entries: Mutex<Entries>,
    changed: OnceLock<Listener>,
    doubted: OnceLock<Listener>,
    rotations: Counter,
}

type Entries = HashMap<ObjectKey, Entry>;

struct Entry {
    /// The term in which it was found. What has become of it since the end of that, another replica knows.
    term: Leading,
    spec: AWSProviderSpec,
    state: SessionState,
    /// The last session that worked. Deletions go on with it when the Secret goes before the buckets do, as it
    /// happens when a whole namespace is deleted.
    last: Option<Arc<Session>>,
    /// When a report was believed last that calls were refused, and that they went unanswered.
    refused: Option<Moment>,
    hitched: Option<Moment>,
    /// Whether calls about objects were refused on its account, and it was not tried out since.
    doubted: bool,
    pace: Pace,
}

impl Entry {
    fn holds(&self) -> bool {
        self.term.check().is_ok()
    }
}

/// What this term knows of `provider`.
fn known<'a>(entries: &'a Entries, provider: &ObjectKey) -> Option<&'a Entry> {
    entries.get(provider).filter(|entry| entry.holds())
}

impl Sessions {
    /// No sessions yet. Each provider has budgets of its own among `paces`.
    pub fn new(paces: Paces, clock: Clock) -> Self {
        Self {
            clock,
            paces,
            entries: Mutex::default(),
            changed: OnceLock::new(),
            doubted: OnceLock::new(),
            rotations: Counter::default(),
        }
    }

    /// Calls `listener` whenever what [`resolve`](Self::resolve) says of a provider has changed: whoever uses
    /// it deserves a pass. Only the first listener counts.
    pub fn on_change(&self, listener: impl Fn(&ObjectKey) + Send + Sync + 'static) {
        let _ = self.changed.set(Box::new(listener));
    }

    /// Calls `listener` whenever a provider's credentials were refused: the provider deserves a pass. Only the
    /// first listener counts.
    pub fn on_doubt(&self, listener: impl Fn(&ObjectKey) + Send + Sync + 'static) {
        let _ = self.doubted.set(Box::new(listener));
    }

    /// The session that `object` works with.
    ///
    /// # Errors
    /// What is waited for, or that the object may not use the provider.
    pub fn resolve(&self, object: &S3Bucket, purpose: Purpose) -> Result<Tenant, Unresolved> {
        let provider = provider_of(object);
        let entries = self.entries.lock();
        let Some(entry) = known(&entries, &provider) else {
            return Err(Unresolved::Waiting {
                reason: reasons::WAITING_FOR_PROVIDER,
                on: format!(
                    "AWSProvider {provider}, which does not exist or was not looked at yet"
                ),
            });
        };
        let namespace = object.namespace().unwrap_or_default();
        // What was once allowed may always be taken down.
        if purpose != Purpose::Deletion && !entry.spec.allows(&namespace, &provider.namespace) {
            return Err(Unresolved::Refused(not_allowed(&provider, &namespace)));
        }
        let session = match (&entry.state, &entry.last) {
            (SessionState::Ready(session), _) => session,
            (SessionState::NotReady { .. }, Some(last))
                if purpose != Purpose::Upkeep && !entry.doubted =>
            {
                last
            }
            (SessionState::NotReady { why } | SessionState::Moved { why }, _) => {
                return Err(Unresolved::Waiting {
                    reason: PROVIDER_NOT_READY,
                    on: format!("AWSProvider {provider}: {why}"),
                });
            }
        };
        Ok(Tenant::new(session.clone(), entry.pace.clone(), namespace))
    }

    /// Whether `object` may begin to use its provider at any moment.
    pub fn serves(&self, object: &S3Bucket) -> bool {
        object.metadata.deletion_timestamp.is_none()
            && self.resolve(object, Purpose::Upkeep).is_ok()
    }

    /// What the last pass over `provider` found; none before the first.
    pub fn state(&self, provider: &ObjectKey) -> Option<SessionState> {
        known(&self.entries.lock(), provider).map(|entry| entry.state.clone())
    }

    /// Every session that works now, in the hands of the operator itself.
    pub fn ready(&self) -> Vec<Tenant> {
        let entries = self.entries.lock();
        let entries = entries.values().filter(|entry| entry.holds());
        let ready = entries.filter_map(|entry| match &entry.state {
            SessionState::Ready(session) => {
                Some(Tenant::new(session.clone(), entry.pace.clone(), ""))
            }
            SessionState::NotReady { .. } | SessionState::Moved { .. } => None,
        });
        ready.collect()
    }

    /// The last session of `provider` that worked.
    pub fn last(&self, provider: &ObjectKey) -> Option<Arc<Session>> {
        known(&self.entries.lock(), provider).and_then(|entry| entry.last.clone())
    }

    /// Takes in what a pass over `provider` found in this `term`. What was doubted meanwhile stays so.
    pub fn publish(
        &self,
        provider: &ObjectKey,
        spec: &AWSProviderSpec,
        state: SessionState,
        term: &Leading,
    ) {
        let changed = {
            let mut entries = self.entries.lock();
            let before = entries.remove(provider);
            let pace = before
                .as_ref()
                .map_or_else(|| self.paces.pace(), |before| before.pace.clone());
            let mut entry = Entry {
                term: term.clone(),
                spec: spec.clone(),
                state,
                last: None,
                refused: None,
                hitched: None,
                doubted: false,
                pace,
            };
            let before = before.filter(Entry::holds);
            if let Some(before) = &before {
                entry.last.clone_from(&before.last);
                entry.refused = before.refused;
                entry.hitched = before.hitched;
                entry.doubted = before.doubted;
            }
            if let SessionState::Ready(session) = &entry.state {
                let last = entry.last.replace(session.clone());
                if last.is_some_and(|last| last.version != session.version) {
                    self.rotations.inc();
                }
                if let Some(before) = before.as_ref().filter(|before| before.doubted) {
                    entry.state = before.state.clone();
                }
            }
            let changed = before.is_none_or(|before| {
                before.spec.allowed_namespaces != spec.allowed_namespaces
                    || !same(&before.state, &entry.state)
            });
            entries.insert(provider.clone(), entry);
            changed
        };
        if changed {
            self.tell(&self.changed, provider);
        }
    }

    /// How often a provider went over to other credentials, as its spec or Secrets had changed.
    pub fn rotations(&self) -> Counter {
        self.rotations.clone()
    }

    /// Forgets a provider that is gone.
    pub fn remove(&self, provider: &ObjectKey) {
        let removed = self.entries.lock().remove(provider);
        if removed.is_some() {
            self.tell(&self.changed, provider);
        }
    }

    /// Takes in that a call failed for the provider's sake, and says whose that is. If AWS refused the credentials,
    /// nobody else needs to find that out by himself.
    pub fn failed(&self, provider: &ObjectKey, fault: &Fault) -> Blame {
        let now = self.clock.now();
        {
            let mut entries = self.entries.lock();
            let entry = entries.get_mut(provider).filter(|entry| entry.holds());
            let Some(entry) = entry else {
                return Blame::Known;
            };
            if !matches!(entry.state, SessionState::Ready(_)) {
                return Blame::Known;
            }
            let refused = fault.class == Class::Blocked;
            let believed = match refused {
                true => &mut entry.refused,
                false => &mut entry.hitched,
            };
            let lately = believed.is_some_and(|moment| now.since(moment) < BELIEVED_ONCE_IN);
            match (lately, refused) {
                // It was tried out since.
                (true, true) => return Blame::Object,
                (true, false) => return Blame::Known,
                (false, _) => *believed = Some(now),
            }
            if refused {
                entry.doubted = true;
                entry.state = SessionState::NotReady {
                    why: fault.message.clone(),
                };
            }
        }
        self.tell(&self.doubted, provider);
        Blame::News
    }

    /// What tries out whether S3 knows `session`, where that is doubted of its provider.
    pub fn trial(&self, provider: &ObjectKey, session: &Arc<Session>) -> Option<Tenant> {
        let entries = self.entries.lock();
        let entry = known(&entries, provider).filter(|entry| entry.doubted)?;
        let namespace = provider.namespace.clone();
        Some(Tenant::new(session.clone(), entry.pace.clone(), namespace))
    }

    /// Takes in that `provider` was tried out and S3 knows it, or that there is nothing to try out.
    pub fn tried_out(&self, provider: &ObjectKey) {
        if let Some(entry) = self.entries.lock().get_mut(provider) {
            entry.doubted = false;
        }
    }

    /// Takes back what is doubted of `provider`, which nobody is to try out.
    pub fn trust(&self, provider: &ObjectKey) {
        {
            let mut entries = self.entries.lock();
            let doubted = |entry: &&mut Entry| entry.doubted && entry.holds();
            let Some(entry) = entries.get_mut(provider).filter(doubted) else {
                return;
            };
            entry.doubted = false;
            if let (SessionState::NotReady { .. }, Some(last)) = (&entry.state, &entry.last) {
                entry.state = SessionState::Ready(last.clone());
            }
        }
        self.tell(&self.changed, provider);
    }

    fn tell(&self, listener: &OnceLock<Listener>, provider: &ObjectKey) {
        if let Some(listener) = listener.get() {
            listener(provider);
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.lock();
        f.debug_map()
            .entries(entries.iter().map(|(key, entry)| (key, &entry.state)))
            .finish()
    }
}

/// The provider that `object` names.
pub fn provider_of(object: &S3Bucket) -> ObjectKey {
    let namespace = object.namespace().unwrap_or_default();
    let reference = &object.spec.provider_ref;
    ObjectKey::new(reference.namespace_or(&namespace), reference.name.as_str())
}

fn same(one: &SessionState, other: &SessionState) -> bool {
    match (one, other) {
        (SessionState::Ready(one), SessionState::Ready(other)) => Arc::ptr_eq(one, other),
        (SessionState::NotReady { why: one }, SessionState::NotReady { why: other })
        | (SessionState::Moved { why: one }, SessionState::Moved { why: other }) => one == other,
        _ => false,
    }
}

/// Changing the list starts a pass, so there is no use in trying again before.
fn not_allowed(provider: &ObjectKey, namespace: &str) -> Fault {
    Fault::terminal(
        reasons::NOT_ALLOWED,
        format!(
            "spec.providerRef: AWSProvider {provider} does not allow the namespace {namespace}; add it to \
             spec.allowedNamespaces of the provider, or use a provider of this namespace"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crd_types::aws::v1alpha1::{
        AWSProvider, AllowedNamespace, BucketName, ProviderRef, Region,
    };

    use super::*;
    use crate::aws::reasons::AUTHENTICATION_FAILED;

    struct Stage {
        clock: Clock,
        term: Leading,
        sessions: Sessions,
        changes: Arc<AtomicUsize>,
        doubts: Arc<AtomicUsize>,
        session: Arc<Session>,
    }

    fn provider() -> ObjectKey {
        ObjectKey::new("platform", "main")
    }

    fn spec(allowed: &[&str]) -> AWSProviderSpec {
        let allowed = allowed
            .iter()
            .map(|it| it.parse::<AllowedNamespace>().unwrap())
            .collect();
        let region = "eu-central-1".parse::<Region>().unwrap();
        AWSProvider::builder("main", "platform")
            .region(region)
            .allowed_namespaces(allowed)
            .build()
            .spec
    }

    fn bucket(namespace: &str) -> S3Bucket {
        let mut reference =
            ProviderRef::named("main".parse::<crd_types::names::ObjectName>().unwrap());
        reference.namespace = Some(
            "platform"
                .parse::<crd_types::names::NamespaceName>()
                .unwrap()
                .into(),
        );
        S3Bucket::builder("logs", namespace)
            .provider_ref(reference)
            .bucket_name("logs".parse::<BucketName>().unwrap())
            .build()
    }

    fn refused() -> Fault {
        Fault::blocked(AUTHENTICATION_FAILED, "the token has expired")
    }

    impl Stage {
        fn new() -> Self {
            let clock = Clock::system();
            let sessions = Sessions::new(Paces::new(None, clock.clone()), clock.clone());
            let count = || Arc::new(AtomicUsize::new(0));
            let (changes, doubts) = (count(), count());
            let (changed, doubted) = (changes.clone(), doubts.clone());
            sessions.on_change(move |_| {
                changed.fetch_add(1, Ordering::Relaxed);
            });
            sessions.on_doubt(move |_| {
                doubted.fetch_add(1, Ordering::Relaxed);
            });
            let session = Arc::new(Session::idle(provider(), "123456789012"));
            Self {
                term: Leading::always(clock.clone()),
                clock,
                sessions,
                changes,
                doubts,
                session,
            }
        }

        fn ready(&self, allowed: &[&str]) {
            let state = SessionState::Ready(self.session.clone());
            self.publish(allowed, state);
        }

        fn publish(&self, allowed: &[&str], state: SessionState) {
            self.sessions
                .publish(&provider(), &spec(allowed), state, &self.term);
        }

        fn not_ready(&self) {
            let state = SessionState::NotReady {
                why: "waiting for Secret platform/keys".into(),
            };
            self.publish(&[], state);
        }

        /// Reason of what stands in the way, or `used`.
        fn resolve(&self, namespace: &str, purpose: Purpose) -> &'static str {
            match self.sessions.resolve(&bucket(namespace), purpose) {
                Ok(_) => "used",
                Err(Unresolved::Waiting { reason, .. }) => reason.as_str(),
                Err(Unresolved::Refused(fault)) => fault.reason.as_str(),
            }
        }

        fn failed(&self, fault: &Fault) -> Blame {
            self.sessions.failed(&provider(), fault)
        }

        fn is_doubted(&self) -> bool {
            let trial = self.sessions.trial(&provider(), &self.session);
            trial.is_some()
        }

        /// A pass of the provider tries it out, and S3 knows it.
        fn answered(&self) {
            self.sessions.tried_out(&provider());
            self.ready(&[]);
        }

        fn changes(&self) -> usize {
            self.changes.swap(0, Ordering::Relaxed)
        }

        fn doubts(&self) -> usize {
            self.doubts.swap(0, Ordering::Relaxed)
        }
    }

    #[test]
    fn a_provider_is_waited_for_until_it_is_ready() {
        let stage = Stage::new();
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "WaitingForProvider"
        );
        stage.not_ready();
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady"
        );
        stage.ready(&[]);
        assert_eq!(stage.resolve("platform", Purpose::Upkeep), "used");
        stage.sessions.remove(&provider());
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "WaitingForProvider"
        );
        assert_eq!(stage.changes(), 3);
    }

    #[test]
    fn only_what_changes_is_told() {
        let stage = Stage::new();
        stage.ready(&[]);
        assert_eq!(stage.changes(), 1);
        stage.ready(&[]);
        assert_eq!(stage.changes(), 0, "the same session");
        stage.ready(&["team"]);
        assert_eq!(stage.changes(), 1, "somebody may be allowed now");
        stage.not_ready();
        stage.not_ready();
        assert_eq!(stage.changes(), 1);
    }

    #[test]
    fn another_namespace_needs_leave_but_may_always_take_down() {
        let stage = Stage::new();
        stage.ready(&[]);
        assert_eq!(stage.resolve("team", Purpose::Upkeep), "NotAllowed");
        assert_eq!(stage.resolve("team", Purpose::Deletion), "used");
        stage.ready(&["other"]);
        assert_eq!(stage.resolve("team", Purpose::Upkeep), "NotAllowed");
        stage.ready(&["team"]);
        assert_eq!(stage.resolve("team", Purpose::Upkeep), "used");
        stage.ready(&["*"]);
        assert_eq!(stage.resolve("team", Purpose::Upkeep), "used");
    }

    #[test]
    fn a_deletion_goes_on_with_the_last_session_that_worked() {
        let stage = Stage::new();
        stage.not_ready();
        assert_eq!(
            stage.resolve("platform", Purpose::Deletion),
            "ProviderNotReady",
            "there never was one"
        );
        stage.ready(&[]);
        stage.not_ready();
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady"
        );
        assert_eq!(stage.resolve("platform", Purpose::Deletion), "used");
        assert_eq!(stage.resolve("platform", Purpose::Presumed), "used");
        assert_eq!(
            stage.resolve("strangers", Purpose::Presumed),
            "NotAllowed",
            "it never was allowed, for all that is known"
        );
    }

    #[test]
    fn nothing_is_deleted_while_the_credentials_lead_to_another_account() {
        let stage = Stage::new();
        stage.ready(&[]);
        let state = SessionState::Moved {
            why: "they lead to another account".into(),
        };
        stage.failed(&refused());
        stage.publish(&[], state);
        // It is paused.
        stage.sessions.trust(&provider());
        for purpose in [Purpose::Upkeep, Purpose::Deletion, Purpose::Presumed] {
            assert_eq!(stage.resolve("platform", purpose), "ProviderNotReady");
        }
        assert!(stage.sessions.ready().is_empty());
        assert!(
            stage.sessions.last(&provider()).is_some(),
            "should they lead back"
        );
    }

    #[test]
    fn refused_credentials_stop_all_at_once_and_ask_for_one_look() {
        let stage = Stage::new();
        stage.ready(&[]);
        assert_eq!(stage.failed(&refused()), Blame::News);
        assert_eq!(stage.failed(&refused()), Blame::Known);
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady"
        );
        assert_eq!(stage.doubts(), 1);
    }

    #[test]
    fn what_sts_knows_stays_doubted_until_it_was_tried_out() {
        let stage = Stage::new();
        stage.ready(&[]);
        assert!(!stage.is_doubted());
        stage.failed(&refused());
        assert!(stage.is_doubted());
        assert_eq!(
            stage.resolve("platform", Purpose::Deletion),
            "ProviderNotReady",
            "it would be refused alike"
        );
        stage.changes();
        stage.ready(&[]);
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady",
            "by a pass that had begun before"
        );
        assert_eq!(stage.changes(), 0);
        stage.answered();
        assert_eq!(stage.resolve("platform", Purpose::Upkeep), "used");
        assert_eq!(stage.changes(), 1);
        assert!(!stage.is_doubted());
    }

    #[test]
    fn who_is_not_to_be_tried_out_goes_on_as_before() {
        let stage = Stage::new();
        stage.ready(&[]);
        stage.failed(&refused());
        stage.sessions.trust(&provider());
        assert_eq!(stage.resolve("platform", Purpose::Upkeep), "used");
        assert_eq!(stage.failed(&refused()), Blame::Object);
        stage.not_ready();
        stage.sessions.trust(&provider());
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady",
            "as its own pass has found"
        );
    }

    #[test]
    fn a_report_is_not_believed_again_before_a_while() {
        let stage = Stage::new();
        stage.ready(&[]);
        assert_eq!(stage.failed(&refused()), Blame::News);
        stage.answered();
        assert_eq!(stage.failed(&refused()), Blame::Object);
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "used",
            "AWS has just said that it knows us"
        );
        assert_eq!(stage.doubts(), 1);
        stage.clock.advance(BELIEVED_ONCE_IN);
        assert_eq!(stage.failed(&refused()), Blame::News);
        assert_eq!(
            stage.resolve("platform", Purpose::Upkeep),
            "ProviderNotReady"
        );
        assert_eq!(stage.doubts(), 1);
    }

    #[test]
    fn a_hitch_asks_for_a_look_and_stops_nobody() {
        let stage = Stage::new();
        stage.ready(&[]);
        let hitch = Fault::transient(AUTHENTICATION_FAILED, "no answer");
        assert_eq!(stage.failed(&hitch), Blame::News);
        assert_eq!(stage.failed(&hitch), Blame::Known);
        assert_eq!(stage.resolve("platform", Purpose::Upkeep), "used");
        assert_eq!(stage.doubts(), 1);
        assert_eq!(
            stage.failed(&refused()),
            Blame::News,
            "nothing was said of that"
        );
        stage.answered();
        assert_eq!(stage.failed(&hitch), Blame::Known);
        assert_eq!(stage.failed(&refused()), Blame::Object, "nor forgotten");
    }
}
