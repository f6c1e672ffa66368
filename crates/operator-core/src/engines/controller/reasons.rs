//! The reasons that objects of every kind may show.

use crate::engines::reasons::{
    Reason,
    Shown::{Failing, Paused, Refused},
};

/// What the controller itself says, and what writing to the API server may meet.
pub const REASONS: &[Reason] = &[
    Reason {
        name: "Unreadable",
        shown: &[Refused, Failing],
        meaning: "the object, or its namespace, holds something that this version of the operator cannot read, as an object stored under another schema may; nothing is done about it",
        remedy: "the message names the field: correct it, or run an operator of the version that wrote it",
    },
    Reason {
        name: "Panicked",
        shown: &[Failing],
        meaning: "a defect of the operator ended the pass; other objects are none the worse",
        remedy: "it is tried again; the operator's log has the details to report",
    },
    Reason {
        name: "DeadlineExceeded",
        shown: &[Failing],
        meaning: "the pass took longer than `RECONCILE_TIMEOUT`",
        remedy: "it is tried again; where it happens again and again, look what answers slowly, or allow more time",
    },
    Reason {
        name: "LeadershipLost",
        shown: &[Failing],
        meaning: "this replica stopped leading before it could write",
        remedy: "none: the replica that leads goes on",
    },
    Reason {
        name: "Conflict",
        shown: &[Failing],
        meaning: "somebody else changed the object while it was written",
        remedy: "none: it is read and tried again",
    },
    Reason {
        name: "Gone",
        shown: &[Failing],
        meaning: "the object was gone when it was to be written",
        remedy: "none",
    },
    Reason {
        name: "Forbidden",
        shown: &[Failing],
        meaning: "the API server does not let the operator do something; the message names verb and resource",
        remedy: "give the operator's ServiceAccount that right",
    },
    Reason {
        name: "NotOurs",
        shown: &[Failing],
        meaning: "an object of the cluster that the operator is to keep belongs to somebody else: its label `app.kubernetes.io/managed-by` does not name the operator",
        remedy: "rename or remove that object, or let it be the operator's by the label",
    },
    Reason {
        name: "FieldConflict",
        shown: &[Failing],
        meaning: "somebody else holds a field of an object of the cluster that the operator keeps; the message names who",
        remedy: "let that manager give the field up",
    },
    Reason {
        name: "APIServerUnreachable",
        shown: &[Failing],
        meaning: "the API server gave no answer",
        remedy: "it is tried again",
    },
    Reason {
        name: "APIServerUnavailable",
        shown: &[Failing],
        meaning: "the API server answered that it cannot serve the request now",
        remedy: "it is tried again",
    },
    Reason {
        name: "RefusedByAPIServer",
        shown: &[Failing],
        meaning: "the API server does not take what the operator writes, most likely because it has an older definition of the kind",
        remedy: "install the CustomResourceDefinitions of the operator's version",
    },
];

/// What a kind says whose objects can be paused.
pub const PAUSE: &[Reason] = &[Reason {
    name: "Paused",
    shown: &[Paused],
    meaning: "the object is annotated with `paused: \"true\"`: nothing is done, here or outside; the other conditions stay as they were",
    remedy: "take the annotation away to go on",
}];
