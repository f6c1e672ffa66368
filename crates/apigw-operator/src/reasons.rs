//! The reasons that a route or a backend may show.

use operator_core::decide::reason::{
    Shown::{self, AtWork, InForce, Own, Refused},
    reasons,
};

use crate::conditions;

/// What is not sent says so in three conditions.
const LEFT_OUT: &[Shown] = &[
    Refused,
    Own(conditions::ACCEPTED, false),
    Own(conditions::PROGRAMMED, false),
];

reasons! {
    /// All of them, besides those of every kind.
    pub const REASONS {
        pub(crate) RECONCILED = "Reconciled" {
            shown: &[InForce],
            meaning: "every connected gateway has it in force",
            remedy: "none",
        }

        pub(crate) ACCEPTED = "Accepted" {
            shown: &[Own(conditions::ACCEPTED, true)],
            meaning: "it is fit to be sent to gateways",
            remedy: "none",
        }

        pub(crate) PROGRAMMED = "Programmed" {
            shown: &[Own(conditions::PROGRAMMED, true)],
            meaning: "every connected gateway has it",
            remedy: "none",
        }

        pub(crate) PROGRAMMING = "Programming" {
            shown: &[AtWork, Own(conditions::PROGRAMMED, false)],
            meaning: "some of the connected gateways have it, and the others do not yet",
            remedy: "none; where it stays so, look in `/debug/state` which gateway is behind, and at that gateway's log",
        }

        pub(crate) NO_GATEWAY = "NoGateway" {
            shown: &[AtWork, Own(conditions::PROGRAMMED, false)],
            meaning: "no gateway is connected",
            remedy: "look whether gateways run with `-operator-mode`, reach port 9444, and show a certificate of the operator's authority",
        }

        pub(crate) INVALID = "Invalid" {
            shown: LEFT_OUT,
            meaning: "a gateway would refuse it, or a ConfigMap that it names is not there, cannot be read or lacks the text; the message names the field",
            remedy: "correct that field; or make or correct the ConfigMap, or let the operator read it: it is picked up by itself",
        }

        pub(crate) NAME_CONFLICT = "NameConflict" {
            shown: LEFT_OUT,
            meaning: "gateways know bare names only, and an older object of this kind, in another namespace, has this one",
            remedy: "an object cannot be renamed: delete this one, create it under another name and change what refers to it, or delete the older one",
        }

        pub(crate) MATCH_CONFLICT = "MatchConflict" {
            shown: LEFT_OUT,
            meaning: "an older route takes the same requests; the message names it",
            remedy: "match others, or delete the older one",
        }

        pub(crate) CONFIGURATION_TOO_LARGE = "ConfigurationTooLarge" {
            shown: LEFT_OUT,
            meaning: "it does not fit into what a gateway can receive at once (4 MiB), beside what is older",
            remedy: "make it smaller, or delete others",
        }

        pub(crate) REFUSED_BY_GATEWAY = "RefusedByGateway" {
            shown: &[Refused, Own(conditions::PROGRAMMED, false)],
            meaning: "a gateway refused it, in the words of the message; it is taken from all gateways",
            remedy: "correct it, or set the annotation `reconcile-requested-at` to another value to have it tried again",
        }

        pub(crate) RESOLVED_REFS = "ResolvedRefs" {
            shown: &[Own(conditions::RESOLVED_REFS, true)],
            meaning: "every destination is a Backend or a Service",
            remedy: "none",
        }

        pub(crate) BACKEND_NOT_FOUND = "BackendNotFound" {
            shown: &[Own(conditions::RESOLVED_REFS, false)],
            meaning: "a destination is neither a Backend nor a Service that the operator knows; a warning: gateways dial it all the same",
            remedy: "create what is missing, or correct the destination, unless it is a host outside of the cluster",
        }
    }
}
