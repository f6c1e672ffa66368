//! The shape of an operator whose objects each stand for something outside the cluster.
//!
//! A domain implements [`External`]: what the thing is called, what is wanted, what is there, how the two
//! differ, and the few calls that change it. The engine decides and keeps it safe: finalizer, intent,
//! ownership, order, drift, deletion policies, pause, adoption.

mod annotations;
mod birth;
mod claim;
mod consent;
mod drift;
mod engine;
mod mark;
mod namespaces;
mod pauses;
mod plan;
mod policy;
mod presence;
pub mod reasons;
mod release;
mod rounds;
mod sweep;
mod take_back;
mod tell;
mod uphold;
mod word;
mod work;

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};

use crd_types::lifecycle::{FieldPath, Managed, Upheld};

pub use self::{
    annotations::{Adoption, Annotations},
    engine::{Engine, Owner},
    mark::{Claim, Mark, Ownership},
    namespaces::{NamespaceWords, Words},
    presence::{Diff, Facets, Presence, Record, Wishes},
    sweep::Sweep,
    uphold::is_of_one_facet,
};
use crate::{
    cluster::leading::Leading,
    decide::{outcome::Fault, reason::Reason},
};

/// What a domain says about one kind of outside resource.
pub trait External: Send + Sync + 'static {
    /// The custom resource.
    type Kind: Upheld;
    /// What the references of an object resolve to: credentials, identities of parents.
    type Context: Send + Sync;
    /// What the resource is called outside, complete enough to delete it by.
    type Identity: Clone + Eq + fmt::Display + Send + Sync;
    /// What the spec asks for, checked.
    type Desired: Clone + Send + Sync;
    /// What is there.
    type Observed: Send + Sync;
    /// One outside call that changes something. Shown to the user as what was done.
    type Step: fmt::Display + Send + Sync;

    /// Held from before the first outside effect until the resource is gone or let go.
    const FINALIZER: &'static str;
    /// Finalizers of earlier operators for this kind; taken off together with ours.
    const EARLIER_FINALIZERS: &'static [&'static str] = &[];
    /// Reason of `Ready=True`.
    const READY: Reason;

    /// What the object's outside faults are shared over: its provider.
    fn lane(object: &Self::Kind) -> Arc<str>;

    /// Resolves the references. Reads caches only.
    ///
    /// # Errors
    /// [`Unresolved`] says what is waited for or refused.
    fn resolve(&self, object: &Self::Kind, purpose: Purpose) -> Result<Self::Context, Unresolved>;

    /// What the resource is called outside. Pure.
    ///
    /// # Errors
    /// A terminal fault that names the field.
    fn identity(
        &self,
        object: &Self::Kind,
        context: &Self::Context,
    ) -> Result<Self::Identity, Fault>;

    /// What is wanted, the mark included. Pure.
    ///
    /// # Errors
    /// A terminal fault that names the field, what was found and what is allowed.
    fn desired(
        &self,
        object: &Self::Kind,
        context: &Self::Context,
        mark: &Mark,
    ) -> Result<Self::Desired, Fault>;

    /// The facets that are spoken of, and what is wanted of each. Pure.
    fn wishes(desired: &Self::Desired) -> Wishes;

    /// The wish without what is to be left alone. What is written as a whole and ignored in part has that part as it
    /// was observed; without an observation it does not have it. Pure.
    fn leave(
        desired: &Self::Desired,
        ignored: &[FieldPath],
        observed: Option<&Self::Observed>,
    ) -> Self::Desired;

    /// Looks at the resource, reading at least the facets in `facets`.
    ///
    /// # Errors
    /// A fault whenever the answer does not tell for certain.
    fn observe(
        &self,
        context: &Self::Context,
        identity: &Self::Identity,
        claim: &Claim,
        facets: &Facets,
    ) -> impl Future<Output = Result<Presence<Self::Observed>, Fault>> + Send;

    /// Looks at one facet, with as few calls as tell besides that the resource is there and carries the mark of
    /// `claim`; `None` where they do not tell, and a whole look must.
    ///
    /// # Errors
    /// A fault where a call fails.
    fn glance(
        &self,
        context: &Self::Context,
        identity: &Self::Identity,
        claim: &Claim,
        facet: &str,
    ) -> impl Future<Output = Result<Option<Self::Observed>, Fault>> + Send;

    /// The facets that could not be read, and why. They are told; the others are brought into force. Pure.
    fn unread(_observed: &Self::Observed) -> Vec<(&'static str, Fault)> {
        Vec::new()
    }

    /// What is not as wanted; without an observation, of something that is not there yet. A facet in `owned` that
    /// the spec no longer speaks of is to be unset; every other facet that the spec does not speak of is left
    /// alone. Pure.
    fn diff(
        &self,
        desired: &Self::Desired,
        observed: Option<&Self::Observed>,
        owned: &Facets,
    ) -> Vec<Diff>;

    /// The calls that mend `diffs`, in order. Pure.
    fn plan(&self, desired: &Self::Desired, diffs: &[Diff]) -> Vec<Self::Step>;

    /// The facets that would be refused if `steps` were performed, and why, as far as looks can tell. Asked where they
    /// are planned and not performed.
    fn refusals(
        &self,
        _context: &Self::Context,
        _identity: &Self::Identity,
        _steps: &[Self::Step],
    ) -> impl Future<Output = Vec<(&'static str, Fault)>> + Send {
        std::future::ready(Vec::new())
    }

    /// The facet that a step writes.
    fn facet(step: &Self::Step) -> &'static str;

    /// The facets that guard what a step writes: while one of them could not be read or written, the step is left
    /// undone. Pure.
    fn guards(_step: &Self::Step) -> &'static [&'static str] {
        &[]
    }

    /// Waits for all that comes before a creation, so that [`create`](Self::create) then sends it at once: that it was
    /// begun is written down between the two.
    ///
    /// # Errors
    /// A fault; nothing was created.
    fn before_creation(
        &self,
        _leading: &Leading,
        _context: &Self::Context,
        _identity: &Self::Identity,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// Creates the resource, marked.
    ///
    /// # Errors
    /// A fault; of class `UnknownOutcome` where the effect may have happened.
    fn create(
        &self,
        leading: &Leading,
        context: &Self::Context,
        identity: &Self::Identity,
        desired: &Self::Desired,
    ) -> impl Future<Output = Result<Creation, Fault>> + Send;

    /// Does one step.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn perform(
        &self,
        leading: &Leading,
        context: &Self::Context,
        identity: &Self::Identity,
        step: &Self::Step,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deletes the resource, which was just observed as ours. What takes long is done piece by piece, a bounded
    /// one in each call; how far it is may be noted in `status`. Where it is not `marked`, for a user has asked to
    /// delete it all the same, nothing in it is removed: it may be somebody else's by now.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn delete(
        &self,
        leading: &Leading,
        context: &Self::Context,
        identity: &Self::Identity,
        object: &Self::Kind,
        status: &mut <Self::Kind as Managed>::Status,
        marked: bool,
    ) -> impl Future<Output = Result<Deletion, Fault>> + Send;

    /// Takes the mark off the resource and leaves everything else.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn unmark(
        &self,
        leading: &Leading,
        context: &Self::Context,
        identity: &Self::Identity,
        observed: &Self::Observed,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The record in a status.
    fn record(status: &<Self::Kind as Managed>::Status) -> Option<Record<Self::Identity>>;

    /// Puts the record into a status.
    fn set_record(status: &mut <Self::Kind as Managed>::Status, record: Record<Self::Identity>);

    /// Takes the record out of a status: nothing came of what was intended.
    fn clear_record(status: &mut <Self::Kind as Managed>::Status);

    /// Puts what was found into a status: outputs, and the state of each facet. `trouble` holds what is
    /// not in force and why. Pure.
    fn report(
        &self,
        context: &Self::Context,
        identity: &Self::Identity,
        desired: &Self::Desired,
        observed: &Self::Observed,
        trouble: &Trouble,
        status: &mut <Self::Kind as Managed>::Status,
    );

    /// Told of a fault that stops the object's whole provider; says whose it is.
    fn provider_failed(&self, object: &Self::Kind, fault: &Fault) -> Blame;

    /// Told which facets have drifted: once when that is found, and once when it was set back. For counting.
    fn drifted(&self, _facets: &BTreeSet<&'static str>, _drifted: Drifted) {}

    /// Told that a pass ended in a fault while drift was known that it was to set back. For counting.
    fn not_set_back(&self) {}
}

/// Whose a fault is that was met as a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The provider's, and nobody has met it before.
    News,
    /// The provider's, as others have told already.
    Known,
    /// This object's alone: since it was last met, the provider was found to work.
    Object,
}

/// What is told of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drifted {
    /// It was found; also where it is left so.
    Found,
    /// What was wanted is in force again.
    SetBack,
}

/// What a creation that was not refused proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// There was nothing of this name: what is there now was made by this call, also if it shows no mark.
    New,
    /// Whoever creates what he has already is answered alike: only the mark tells.
    Unproven,
}

/// What a call for deletion came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The resource is asked to go; whether it has gone is looked at next.
    Asked,
    /// Something in it has to go first, and some of that is left.
    Underway {
        /// How far it is, for the user.
        task: String,
    },
}

/// Why references are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To bring the spec into force.
    Upkeep,
    /// To delete or let go what is recorded; needs only what deletion needs.
    Deletion,
    /// To delete or let go what the spec alone names: needs the leave that upkeep needs, and no more of the provider than
    /// deletion does.
    Presumed,
}

/// Why a reference did not resolve.
#[derive(Clone, Debug)]
pub enum Unresolved {
    /// It will, once something else has happened; that starts a pass.
    Waiting {
        /// Reason of the condition.
        reason: Reason,
        /// What is waited for.
        on: String,
    },
    /// It will not, until somebody changes something.
    Refused(Fault),
}

/// What of the spec is not in force after a pass.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// What still differs.
    pub diffs: Vec<Diff>,
    /// The facets whose writes failed, and why.
    pub failed: Vec<(&'static str, Fault)>,
}

/// What was found of the mark when a pass first looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkFound {
    /// This object's.
    Ours,
    /// None, and yet the resource was made by this object a moment ago.
    NotShown,
    /// That of an earlier object of the same name.
    Earlier,
    /// None.
    None,
}

/// Poll interval while waiting for something whose arrival starts a pass anyway.
const SAFETY_POLL: Duration = Duration::from_secs(60);
