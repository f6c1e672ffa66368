//! Which changes of an object are worth a pass.

use crd_types::lifecycle::{HasLifecycle, Lifecycle, Managed};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{cluster::cache::Change, decide::queue::Class, engines::external::Annotations};

/// The class in which a change asks for a pass; none if it says nothing new. `listing` is true until the
/// watch has shown every object once.
pub fn class_of<K: Managed>(change: &Change<'_, K>, listing: bool) -> Option<Class> {
    match change {
        Change::Added(object) if listing => Some(at_first(&***object)),
        Change::Added(_) => Some(Class::Edit),
        Change::Updated { old, new } => speaks_anew::<K>(old, new).then_some(Class::Edit),
        _ => None,
    }
}

/// The class of an object that is met at a start: what was asked for while nobody listened is not to wait until all
/// others have been looked at.
pub(super) fn at_first<K: Managed>(object: &K) -> Class {
    let known = object.status().map(HasLifecycle::lifecycle);
    let asked = Annotations::of(object).reconcile_requested_at();
    match known.is_some_and(|known| unanswered(object.meta(), asked, known)) {
        true => Class::Edit,
        false => Class::Resync,
    }
}

/// Whether a status does not speak of what the user says now.
fn unanswered(meta: &ObjectMeta, asked: Option<&str>, known: &Lifecycle) -> bool {
    let observed = known.observed_generation;
    observed.is_some() && observed != meta.generation
        || asked.is_some() && asked != known.last_handled_reconcile_at.as_deref()
        || meta.deletion_timestamp.is_some()
}

/// Whether the user said something that the last pass did not know. A status is our own word, and so are finalizers,
/// but for one that goes while the object stays.
pub(super) fn speaks_anew<K: Managed>(old: &K, new: &K) -> bool {
    let (before, after) = (old.meta(), new.meta());
    before.generation != after.generation
        || before.deletion_timestamp.is_some() != after.deletion_timestamp.is_some()
        || lost_a_finalizer(before, after)
        || !Annotations::of(old)
            .spoken()
            .eq(Annotations::of(new).spoken())
}

/// Whether somebody took a finalizer off an object that is not being deleted.
fn lost_a_finalizer(before: &ObjectMeta, after: &ObjectMeta) -> bool {
    let is_held = |name: &String| after.finalizers.iter().flatten().any(|held| held == name);
    after.deletion_timestamp.is_none() && !before.finalizers.iter().flatten().all(is_held)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;

    #[test]
    fn what_was_asked_for_while_nobody_listened_is_known_by_the_status() {
        let meta = ObjectMeta {
            generation: Some(2),
            ..ObjectMeta::default()
        };
        let known = Lifecycle {
            observed_generation: Some(2),
            last_handled_reconcile_at: Some("noon".to_owned()),
            ..Lifecycle::default()
        };
        assert!(!unanswered(&meta, None, &known));
        assert!(!unanswered(&meta, Some("noon"), &known));
        assert!(unanswered(&meta, Some("now"), &known));
        let edited = ObjectMeta {
            generation: Some(3),
            ..meta.clone()
        };
        assert!(unanswered(&edited, None, &known));
        assert!(
            !unanswered(&edited, None, &Lifecycle::default()),
            "of no generation"
        );
        let deleted = ObjectMeta {
            deletion_timestamp: Some(Time(Timestamp::UNIX_EPOCH)),
            ..meta
        };
        assert!(unanswered(&deleted, None, &known));
    }

    #[test]
    fn a_finalizer_is_missed_as_long_as_the_object_stays() {
        let with = |finalizers: &[&str]| ObjectMeta {
            finalizers: Some(finalizers.iter().map(ToString::to_string).collect()),
            ..ObjectMeta::default()
        };
        let both = with(&["a", "b"]);
        assert!(lost_a_finalizer(&both, &with(&["b"])));
        assert!(lost_a_finalizer(&both, &ObjectMeta::default()));
        assert!(!lost_a_finalizer(&both, &with(&["b", "a"])));
        assert!(!lost_a_finalizer(&with(&["a"]), &both), "one that came");
        let going = ObjectMeta {
            deletion_timestamp: Some(Time(Timestamp::UNIX_EPOCH)),
            ..with(&["b"])
        };
        assert!(!lost_a_finalizer(&both, &going), "it was let go");
    }
}
