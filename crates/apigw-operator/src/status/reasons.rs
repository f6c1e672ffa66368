//! The reasons that a route or a backend may show.

use operator_core::engines::reasons::{
    Reason,
    Shown::{self, AtWork, InForce, Own, Refused},
    Tables,
};

use super::{ACCEPTED, RESOLVED_REFS};
use crate::kinds::{PROGRAMMED, REFUSED};

/// All of them, besides those of every kind.
pub const REASONS: Tables = &[OWN];

/// What is not sent says so in three conditions.
const LEFT_OUT: &[Shown] = &[Refused, Own(ACCEPTED, false), Own(PROGRAMMED, false)];

/// Those that are a route's or a backend's alone.
pub const OWN: &[Reason] = &[
    Reason {
        name: "Reconciled",
        shown: &[InForce],
        meaning: "every connected gateway has it in force",
        remedy: "none",
    },
    Reason {
        name: "Accepted",
        shown: &[Own(ACCEPTED, true)],
        meaning: "it is fit to be sent to gateways",
        remedy: "none",
    },
    Reason {
        name: "Programmed",
        shown: &[Own(PROGRAMMED, true)],
        meaning: "every connected gateway has it",
        remedy: "none",
    },
    Reason {
        name: "Programming",
        shown: &[AtWork, Own(PROGRAMMED, false)],
        meaning: "some of the connected gateways have it, and the others do not yet",
        remedy: "none; where it stays so, look in `/debug/state` which gateway is behind, and at that gateway's log",
    },
    Reason {
        name: "NoGateway",
        shown: &[AtWork, Own(PROGRAMMED, false)],
        meaning: "no gateway is connected",
        remedy: "look whether gateways run with `-operator-mode`, reach port 9444, and show a certificate of the operator's authority",
    },
    Reason {
        name: "Invalid",
        shown: LEFT_OUT,
        meaning: "a gateway would refuse it, or a ConfigMap that it names is not there, cannot be read or lacks the text; the message names the field",
        remedy: "correct that field; or make or correct the ConfigMap, or let the operator read it: it is picked up by itself",
    },
    Reason {
        name: "NameConflict",
        shown: LEFT_OUT,
        meaning: "gateways know bare names only, and an older object of this kind, in another namespace, has this one",
        remedy: "an object cannot be renamed: delete this one, create it under another name and change what refers to it, or delete the older one",
    },
    Reason {
        name: "MatchConflict",
        shown: LEFT_OUT,
        meaning: "an older route takes the same requests; the message names it",
        remedy: "match others, or delete the older one",
    },
    Reason {
        name: "ConfigurationTooLarge",
        shown: LEFT_OUT,
        meaning: "it does not fit into what a gateway can receive at once (4 MiB), beside what is older",
        remedy: "make it smaller, or delete others",
    },
    Reason {
        name: REFUSED,
        shown: &[Refused, Own(PROGRAMMED, false)],
        meaning: "a gateway refused it, in the words of the message; it is taken from all gateways",
        remedy: "correct it, or set the annotation `reconcile-requested-at` to another value to have it tried again",
    },
    Reason {
        name: "ResolvedRefs",
        shown: &[Own(RESOLVED_REFS, true)],
        meaning: "every destination is a Backend or a Service",
        remedy: "none",
    },
    Reason {
        name: "BackendNotFound",
        shown: &[Own(RESOLVED_REFS, false)],
        meaning: "a destination is neither a Backend nor a Service that the operator knows; a warning: gateways dial it all the same",
        remedy: "create what is missing, or correct the destination, unless it is a host outside of the cluster",
    },
];
