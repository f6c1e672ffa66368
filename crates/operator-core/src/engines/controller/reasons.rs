//! The reasons that a pass may end by whatever its kind.

use crate::decide::reason::{Shown::Failing, reasons};

reasons! {
    /// What the controller itself says.
    pub const REASONS {
        pub(crate) PANICKED = "Panicked" {
            shown: &[Failing],
            meaning: "a defect of the operator ended the pass; other objects are none the worse",
            remedy: "it is tried again; the operator's log has the details to report",
        }

        pub(crate) DEADLINE_EXCEEDED = "DeadlineExceeded" {
            shown: &[Failing],
            meaning: "the pass took longer than `RECONCILE_TIMEOUT`",
            remedy: "it is tried again; where it happens again and again, look what answers slowly, or allow more time",
        }
    }
}
