//! The form of object lock.

use super::tables::{presences, structures, words, wrappers};

words!(ObjectLockRetentionMode);
presences! {
    ObjectLockEnabled, |it| *it == Self::Enabled, Ok::<_, ()>(Self::Enabled);
}
wrappers! {
    ObjectLockRule { default_retention => set_default_retention }
}
structures! {
    ObjectLockConfiguration {
        object_lock_enabled = "enabled" => set_object_lock_enabled, rule = "defaultRetention" => set_rule,
    }
    DefaultRetention { mode => set_mode, days => set_days, years => set_years }
}
