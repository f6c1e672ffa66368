//! The reasons that come of reading objects and of writing to the API server.

use crate::decide::reason::{
    Shown::{Failing, Paused, Refused},
    reasons,
};

reasons! {
    /// What objects of every kind may say of the API server, and of themselves as it has them.
    pub const REASONS {
        pub(crate) UNREADABLE = "Unreadable" {
            shown: &[Refused, Failing],
            meaning: "the object, or its namespace, holds something that this version of the operator cannot read, as an object stored under another schema may; nothing is done about it",
            remedy: "the message names the field: correct it, or run an operator of the version that wrote it; an object that is being deleted stays until then, or until its finalizer is taken off by hand, which leaves what it has outside as it is",
        }

        pub(crate) LEADERSHIP_LOST = "LeadershipLost" {
            shown: &[Failing],
            meaning: "this replica stopped leading before it could write",
            remedy: "none: the replica that leads goes on",
        }

        pub(crate) CONFLICT = "Conflict" {
            shown: &[Failing],
            meaning: "somebody else changed the object while it was written",
            remedy: "none: it is read and tried again",
        }

        pub(crate) GONE = "Gone" {
            shown: &[Failing],
            meaning: "the object was gone when it was to be written",
            remedy: "none",
        }

        pub(crate) FORBIDDEN = "Forbidden" {
            shown: &[Failing],
            meaning: "the API server does not let the operator do something; the message names verb and resource",
            remedy: "give the operator's ServiceAccount that right",
        }

        pub(crate) NOT_OURS = "NotOurs" {
            shown: &[Failing],
            meaning: "an object of the cluster that the operator is to keep belongs to somebody else: its label `app.kubernetes.io/managed-by` does not name the operator",
            remedy: "rename or remove that object, or let it be the operator's by the label",
        }

        pub(crate) FIELD_CONFLICT = "FieldConflict" {
            shown: &[Failing],
            meaning: "somebody else holds a field of an object of the cluster that the operator keeps; the message names who",
            remedy: "let that manager give the field up",
        }

        pub(crate) API_SERVER_UNREACHABLE = "APIServerUnreachable" {
            shown: &[Failing],
            meaning: "the API server gave no answer",
            remedy: "it is tried again",
        }

        pub(crate) API_SERVER_UNAVAILABLE = "APIServerUnavailable" {
            shown: &[Failing],
            meaning: "the API server answered that it cannot serve the request now",
            remedy: "it is tried again",
        }

        pub(crate) REFUSED_BY_API_SERVER = "RefusedByAPIServer" {
            shown: &[Failing],
            meaning: "the API server does not take what the operator writes, most likely because it has an older definition of the kind",
            remedy: "install the CustomResourceDefinitions of the operator's version",
        }
    }
}

reasons! {
    /// What a kind says whose objects can be paused.
    pub const PAUSE {
        pub(crate) PAUSED = "Paused" {
            shown: &[Paused],
            meaning: "the object is annotated with `paused: \"true\"`: nothing is done, here or outside; the other conditions stay as they were",
            remedy: "take the annotation away to go on",
        }
    }
}
