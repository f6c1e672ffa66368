//! The reasons that objects may show that stand for something outside the cluster.

use crate::{
    cluster::{
        conditions::DRIFTED,
        events::Severity::{Normal, Warning},
    },
    engines::reasons::{
        Reason,
        Shown::{AtWork, Event, Failing, Held, Own, Refused},
    },
};

/// What the engine says of every kind that it keeps.
pub const REASONS: &[Reason] = &[
    Reason {
        name: "Created",
        shown: &[Event(Normal)],
        meaning: "it was made outside, with the ownership mark",
        remedy: "none",
    },
    Reason {
        name: "Recreated",
        shown: &[Event(Warning)],
        meaning: "it was gone and has been made again, with what the spec says and without what it held",
        remedy: "find out who removed it; `spec.drift.policy: Report` leaves it gone",
    },
    Reason {
        name: "Adopted",
        shown: &[Event(Normal)],
        meaning: "it existed without a mark and was taken over, as the annotation `adopt` allows",
        remedy: "none",
    },
    Reason {
        name: "TakenBack",
        shown: &[Event(Normal)],
        meaning: "it was an earlier object's of the same kind, namespace and name, which is gone; this one goes on with it",
        remedy: "none",
    },
    Reason {
        name: "Updated",
        shown: &[Event(Normal)],
        meaning: "what differed from the spec after an edit was written; the note lists `field: from → to`",
        remedy: "none",
    },
    Reason {
        name: "DriftCorrected",
        shown: &[Event(Warning)],
        meaning: "it had changed outside though nobody edited the object, and was set back; the note lists what",
        remedy: "find out who changes it; `spec.drift.ignore` leaves a field to them",
    },
    Reason {
        name: "DriftFound",
        shown: &[Event(Warning), Own(DRIFTED, true)],
        meaning: "it has changed outside though nobody edited the object; `status.drift` lists what",
        remedy: "with `spec.drift.policy: Correct` it is set back; with `Report` take the change into the spec, undo it, or leave the field to others by `spec.drift.ignore`",
    },
    Reason {
        name: "Drifted",
        shown: &[Held],
        meaning: "something differs outside, or is gone, and stays so, as `spec.drift.policy` is `Report` or `spec.mode` is `Observe`",
        remedy: "as for `DriftFound`",
    },
    Reason {
        name: "Planned",
        shown: &[Held],
        meaning: "`spec.mode` is `Observe`: `status.plan` lists what would be done, and nothing is",
        remedy: "set `spec.mode: Manage` to have it done",
    },
    Reason {
        name: "AdoptionPlanned",
        shown: &[Held],
        meaning: "the annotation `adopt` is `dry-run`: `status.plan` lists what taking over would change",
        remedy: "set the annotation to `true` to have it done",
    },
    Reason {
        name: "Creating",
        shown: &[AtWork],
        meaning: "it was made and is not shown yet",
        remedy: "none: it is looked at again every 2 seconds",
    },
    Reason {
        name: "Deleting",
        shown: &[AtWork],
        meaning: "it is being deleted; what must go first is counted in the message",
        remedy: "none; to let the object go and leave the rest outside, annotate it with `abandon: \"true\"`",
    },
    Reason {
        name: "Deleted",
        shown: &[Event(Normal)],
        meaning: "it is gone, and so is the object",
        remedy: "none",
    },
    Reason {
        name: "Retained",
        shown: &[Event(Normal)],
        meaning: "the object went, and what it had stays outside with its mark, as the deletion policy says",
        remedy: "an object of the same kind, namespace and name takes it back",
    },
    Reason {
        name: "Orphaned",
        shown: &[Event(Normal), Event(Warning)],
        meaning: "the object went, and what it had stays outside without a mark; as a warning: the mark could not be taken off",
        remedy: "after a warning, take the mark off by hand where somebody else is to own it",
    },
    Reason {
        name: "Released",
        shown: &[Event(Normal)],
        meaning: "the object went, and never had anything outside",
        remedy: "none",
    },
    Reason {
        name: "LeftAlone",
        shown: &[Event(Normal), Event(Warning)],
        meaning: "the object went, and what it names stays as it is: `spec.mode` is `Observe`, or (as a warning) it is not this object's",
        remedy: "after a warning, look whose it is",
    },
    Reason {
        name: "Abandoned",
        shown: &[Event(Warning)],
        meaning: "the object went on request (annotation `abandon`); the note names what is left outside",
        remedy: "remove that by hand, or make an object for it again",
    },
    Reason {
        name: "NotManaged",
        shown: &[Refused],
        meaning: "it exists, carries no ownership mark, and is left alone",
        remedy: "annotate the object with `adopt: dry-run` to see what taking over would change, and with `adopt: \"true\"` to do it; one that has had its effect must be removed first, and set anew once `status.record.adopted` is gone",
    },
    Reason {
        name: "OwnedByAnother",
        shown: &[Refused],
        meaning: "it carries the mark of another object",
        remedy: "delete that object with deletion policy `Orphan` to free it, or name another resource here",
    },
    Reason {
        name: "KeptByEarlier",
        shown: &[Refused],
        meaning: "it carries the mark of another object of the same name, of which it is not certain that it is gone",
        remedy: "annotate the object with `adopt: \"true\"`, or name that installation in `EARLIER_INSTALLATIONS`",
    },
    Reason {
        name: "TakenByTwin",
        shown: &[Refused],
        meaning: "it was this object's, and was taken over by one of the same name in another cluster",
        remedy: "let only one of them have it; a new `adopt: \"true\"` takes it back",
    },
    Reason {
        name: "NotAccessible",
        shown: &[Failing],
        meaning: "it exists, but is not within reach",
        remedy: "look at the account and the rights of the provider; where it is somebody else's, name another resource",
    },
    Reason {
        name: "MarkLost",
        shown: &[Failing],
        meaning: "it is to be deleted and no longer carries the mark, so somebody else may have it by now",
        remedy: "annotate the object with `adopt: \"true\"` to delete it all the same, or with `abandon: \"true\"` to leave it; an `adopt` that has had its effect must be removed first, and set anew once `status.record.adopted` is gone",
    },
    Reason {
        name: "IdentityChanged",
        shown: &[Refused],
        meaning: "the spec, or the provider, now names another resource than the one that the object stands for",
        remedy: "undo the change, or create another object for the other resource",
    },
    Reason {
        name: "InvalidAnnotation",
        shown: &[Refused],
        meaning: "an annotation has a value that is not one of those allowed; the message lists them",
        remedy: "correct it, on the object or on its namespace",
    },
    Reason {
        name: "NamespaceNotRead",
        shown: &[AtWork],
        meaning: "the object is to go, and its namespace, which may say that what it had stays, cannot be read",
        remedy: "let the operator read namespaces, or annotate the object itself with `deletion-policy`",
    },
    Reason {
        name: "ProviderNotReady",
        shown: &[AtWork],
        meaning: "the provider of the object does not work; the message repeats why",
        remedy: "look at the provider's own conditions; the object goes on as soon as it works",
    },
    Reason {
        name: "ProviderThrottled",
        shown: &[AtWork],
        meaning: "the other side asks for fewer calls for this provider",
        remedy: "none: it goes on by itself",
    },
    Reason {
        name: "NotConverged",
        shown: &[Failing],
        meaning: "all was written, and some of it still reads back otherwise",
        remedy: "it is looked at again; where it stays so, somebody else writes the same fields",
    },
];
