//! The reasons that an AWSProvider may show.

use operator_core::engines::{
    controller::reasons::PAUSE,
    reasons::{
        Reason,
        Shown::{AtWork, Failing, InForce, Refused},
        Tables,
    },
};

use super::reconcile::{ACCOUNT_CHANGED, READY, WAITING_FOR_SECRET};
use crate::aws;

/// All of them, besides those of every kind.
pub const REASONS: Tables = &[OWN, PAUSE, aws::REASONS];

/// Those that are an AWSProvider's alone.
pub const OWN: &[Reason] = &[
    Reason {
        name: READY,
        shown: &[InForce],
        meaning: "AWS knows the credentials; `status.callerIdentity` shows as whom",
        remedy: "none",
    },
    Reason {
        name: WAITING_FOR_SECRET,
        shown: &[AtWork, Failing],
        meaning: "the Secret that the spec names is not there yet, or (as a warning) is gone",
        remedy: "create it, in the provider's own namespace; it is picked up at once",
    },
    Reason {
        name: "InvalidSecret",
        shown: &[Refused],
        meaning: "the Secret lacks a key, or a key in it is empty or no text",
        remedy: "correct the Secret; it is picked up at once",
    },
    Reason {
        name: "InvalidSpec",
        shown: &[Refused],
        meaning: "the spec says what admission would refuse, as one may that was stored under an earlier schema",
        remedy: "correct the field that the message names",
    },
    Reason {
        name: "NotAllowed",
        shown: &[Refused],
        meaning: "the spec names a Secret of another namespace, or an external ID that it may not choose",
        remedy: "keep the Secret in the provider's own namespace; leave the external ID out, and let the trust policy ask for that of `status.externalID`",
    },
    Reason {
        name: ACCOUNT_CHANGED,
        shown: &[Refused, Failing],
        meaning: "the credentials now lead to another account than the one in which resources of this provider are; nothing is done in either",
        remedy: "give it credentials of the first account again, or let another provider work in the second",
    },
    Reason {
        name: "InUse",
        shown: &[AtWork],
        meaning: "the provider is deleted, and stays until the resources that need it are taken down",
        remedy: "delete those, or let it go at once by the annotation `abandon: \"true\"`",
    },
];
