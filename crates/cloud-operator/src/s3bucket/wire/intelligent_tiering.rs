//! The form of archives of Intelligent-Tiering.

use super::tables::{structures, switches, words};

switches!(IntelligentTieringStatus { Enabled, Disabled });
words!(IntelligentTieringAccessTier);
structures! {
    IntelligentTieringConfiguration(checked) {
        id => set_id, status = "enabled" => set_status, filter => set_filter, tierings => set_tierings,
    }
    IntelligentTieringFilter { prefix => set_prefix, tag => set_tag, and => set_and }
    IntelligentTieringAndOperator { prefix => set_prefix, tags => set_tags }
    Tiering(checked) { days => set_days, access_tier => set_access_tier }
}
