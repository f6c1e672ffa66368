//! One pass over one object, and the only writes that it may make to it.

use std::{sync::Arc, time::Duration};

use crd_types::lifecycle::Managed;
use kube::ResourceExt;

use super::{Observer, trigger::speaks_anew};
use crate::{
    cluster::{
        cache::{Cache, Whole},
        events::{Events, Happening, Severity},
        leading::Leading,
        own_time::OwnTime,
        write::{WriteError, Writer},
    },
    decide::{
        clock::Clock,
        key::ObjectKey,
        outcome::{Class, Fault},
        reason::Reason,
    },
};

/// Where the passes of one kind work.
pub struct Site<K: Managed> {
    /// Writes to the API server.
    pub writer: Writer,
    /// The kind's cache; learns of our own writes at once.
    pub cache: Arc<Cache<Whole<K>>>,
    /// Where events go.
    pub events: Events,
    /// The time.
    pub clock: Clock,
}

/// One pass over one object.
pub struct Pass<K: Managed> {
    /// The status as the pass wants it. Written at the end of the pass, or by [`record`](Self::record).
    pub status: K::Status,
    object: Arc<K>,
    leading: Leading,
    effects: bool,
    met: bool,
    time: OwnTime,
    site: Arc<Site<K>>,
    observer: Arc<dyn Observer>,
}

impl<K: Managed> Pass<K> {
    pub(super) fn new(
        site: Arc<Site<K>>,
        observer: Arc<dyn Observer>,
        object: Arc<K>,
        leading: Leading,
        time: OwnTime,
    ) -> Self {
        let status = object.status().cloned().unwrap_or_default();
        Self {
            status,
            object,
            leading,
            effects: false,
            met: false,
            time,
            site,
            observer,
        }
    }

    /// The object, as of our own last write.
    pub fn object(&self) -> Arc<K> {
        self.object.clone()
    }

    /// What every write takes.
    pub fn leading(&self) -> &Leading {
        &self.leading
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.site.clock
    }

    /// Notes that something outside was changed, or may have been: by a call that ended like this.
    pub fn note_effect<T>(&mut self, call: &Result<T, Fault>) {
        let changed = match call {
            Ok(_) => true,
            Err(fault) => fault.class == Class::UnknownOutcome,
        };
        self.effects |= changed;
    }

    /// How long the pass may still take.
    pub fn time_left(&self) -> Duration {
        self.time.left()
    }

    /// Whether something outside was changed, or may have been.
    pub fn had_effect(&self) -> bool {
        self.effects
    }

    /// Whether the user has said something since that this pass does not know.
    pub fn is_superseded(&self) -> bool {
        let now = self.site.cache.get(&ObjectKey::of(&*self.object));
        now.is_none_or(|now| now.uid() != self.object.uid() || speaks_anew(&*self.object, &*now))
    }

    /// Whether the object carries one of these finalizers.
    pub fn holds(&self, mut finalizers: impl Iterator<Item = &'static str>) -> bool {
        finalizers.any(|name| self.object.finalizers().iter().any(|held| held == name))
    }

    /// Adds a finalizer unless it is there.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object changed meanwhile: end the pass, another one follows. So it is
    /// when the finalizer was added to an object that by then asked for something else than this pass is about.
    pub async fn hold(&mut self, finalizer: &'static str) -> Result<(), WriteError> {
        let object = self.object();
        let written = self
            .site
            .writer
            .add_finalizer(&self.leading, &*object, finalizer)
            .await?;
        self.adopt(written);
        if speaks_anew(&*object, &*self.object) {
            return Err(WriteError::Conflict);
        }
        Ok(())
    }

    /// Takes these finalizers off. The object may be gone afterwards.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub async fn let_go(
        &mut self,
        finalizers: impl Iterator<Item = &'static str>,
    ) -> Result<(), WriteError> {
        let names: Vec<&str> = finalizers.collect();
        self.site
            .writer
            .remove_finalizers(&self.leading, &*self.object, &names)
            .await?;
        Ok(())
    }

    /// Writes the status now, unless it already stands so. Refused if the object changed since it was read:
    /// a writer that came late would undo what the next leader has found.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub async fn record(&mut self) -> Result<(), WriteError> {
        let object = self.object();
        let begun = self.site.clock.now();
        let written = self
            .site
            .writer
            .patch_status(&self.leading, &*object, &self.status)
            .await;
        if !matches!(written, Ok(None)) {
            let took = self.site.clock.now().since(begun);
            self.observer
                .status_written(written.as_ref().map(drop), took);
        }
        self.adopt(written?);
        Ok(())
    }

    /// Publishes an event about the object, and logs it.
    pub fn event(
        &self,
        severity: Severity,
        reason: Reason,
        action: &'static str,
        note: impl Into<String>,
    ) {
        let note = note.into();
        tracing::info!(reason = reason.as_str(), "{note}");
        let happening = Happening {
            severity,
            reason,
            action,
            note,
        };
        self.site
            .events
            .publish(&self.leading, self.object.object_ref(&()), happening);
    }

    /// Counts a fault that the result of the pass does not show, for it is others', too.
    pub fn met(&mut self, fault: &Fault) {
        self.observer.met(fault);
        self.met = true;
    }

    /// Whether there was such a fault.
    pub fn has_met(&self) -> bool {
        self.met
    }

    fn adopt(&mut self, written: Option<K>) {
        if let Some(written) = written {
            self.object = self.site.cache.confirm_whole(written);
        }
    }
}
