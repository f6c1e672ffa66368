//! Which changes of an object are worth a pass.

use crd_types::lifecycle::Managed;

use crate::{cluster::cache::Change, decide::queue::Class, engines::external::Annotations};

/// The class in which a change asks for a pass; none if it says nothing new. `listing` is true until the
/// watch has shown every object once.
pub fn class_of<K: Managed>(change: &Change<'_, K>, listing: bool) -> Option<Class> {
    match change {
        Change::Added(_) if listing => Some(Class::Resync),
        Change::Added(_) => Some(Class::Edit),
        Change::Updated { old, new } => speaks_anew::<K>(old, new).then_some(Class::Edit),
        _ => None,
    }
}

/// Whether the user said something that the last pass did not know. Status and finalizers are our own words.
pub(super) fn speaks_anew<K: Managed>(old: &K, new: &K) -> bool {
    let (before, after) = (old.meta(), new.meta());
    before.generation != after.generation
        || before.deletion_timestamp.is_some() != after.deletion_timestamp.is_some()
        || !Annotations::of(old)
            .spoken()
            .eq(Annotations::of(new).spoken())
}
