//! The reasons that objects may show that stand for something outside the cluster.

use crate::{
    cluster::conditions,
    decide::reason::{
        Shown::{AtWork, Event, Failing, Held, Own, Refused, Warning},
        reasons,
    },
};

reasons! {
    /// What the engine says of every kind that it keeps.
    pub const REASONS {
        pub(crate) CREATED = "Created" {
            shown: &[Event],
            meaning: "it was made outside, with the ownership mark",
            remedy: "none",
        }

        pub(crate) RECREATED = "Recreated" {
            shown: &[Warning],
            meaning: "it was gone and has been made again, with what the spec says and without what it held",
            remedy: "find out who removed it; `spec.drift.policy: Report` leaves it gone",
        }

        pub(crate) ADOPTED = "Adopted" {
            shown: &[Event],
            meaning: "it existed without a mark and was taken over, as the annotation `adopt` allows",
            remedy: "none",
        }

        pub(crate) TAKEN_BACK = "TakenBack" {
            shown: &[Event],
            meaning: "it was an earlier object's of the same kind, namespace and name, which is gone; this one goes on with it",
            remedy: "none",
        }

        pub(crate) UPDATED = "Updated" {
            shown: &[Event],
            meaning: "what differed from the spec after an edit was written; the note lists `field: from → to`",
            remedy: "none",
        }

        pub(crate) DRIFT_CORRECTED = "DriftCorrected" {
            shown: &[Warning],
            meaning: "it had changed outside though nobody edited the object, and was set back; the note lists what",
            remedy: "find out who changes it; `spec.drift.ignore` leaves a field to them",
        }

        pub(crate) DRIFT_FOUND = "DriftFound" {
            shown: &[Warning, Own(conditions::DRIFTED, true)],
            meaning: "it has changed outside though nobody edited the object; `status.drift` lists what",
            remedy: "with `spec.drift.policy: Correct` it is set back; with `Report` take the change into the spec, undo it, or leave the field to others by `spec.drift.ignore`",
        }

        pub(crate) DRIFTED = "Drifted" {
            shown: &[Held],
            meaning: "something differs outside, or is gone, and stays so, as `spec.drift.policy` is `Report` or `spec.mode` is `Observe`",
            remedy: "as for `DriftFound`",
        }

        pub(crate) PLANNED = "Planned" {
            shown: &[Held],
            meaning: "`spec.mode` is `Observe`: `status.plan` lists what would be done, and nothing is",
            remedy: "set `spec.mode: Manage` to have it done",
        }

        pub(crate) ADOPTION_PLANNED = "AdoptionPlanned" {
            shown: &[Held],
            meaning: "the annotation `adopt` is `dry-run`: `status.plan` lists what taking over would change",
            remedy: "set the annotation to `true` to have it done",
        }

        pub(crate) CREATING = "Creating" {
            shown: &[AtWork],
            meaning: "it was made and is not shown yet, or not with its ownership mark",
            remedy: "none: it is looked at again, at first after 2 seconds and then more rarely",
        }

        pub(crate) DELETING = "Deleting" {
            shown: &[AtWork],
            meaning: "it is being deleted; what must go first is counted in the message; or its creation may still be on its way, for which the object stays up to two minutes",
            remedy: "none; to let the object go and leave the rest outside, annotate it with `abandon: \"true\"`",
        }

        pub(crate) DELETED = "Deleted" {
            shown: &[Event],
            meaning: "it is gone, and so is the object",
            remedy: "none",
        }

        pub(crate) RETAINED = "Retained" {
            shown: &[Event],
            meaning: "the object went, and what it had stays outside with its mark, as the deletion policy says",
            remedy: "an object of the same kind, namespace and name takes it back",
        }

        pub(crate) ORPHANED = "Orphaned" {
            shown: &[Event, Warning],
            meaning: "the object went, and what it had stays outside without a mark; as a warning: the mark could not be taken off",
            remedy: "after a warning, take the mark off by hand where somebody else is to own it",
        }

        pub(crate) RELEASED = "Released" {
            shown: &[Event],
            meaning: "the object went, and never had anything outside",
            remedy: "none",
        }

        pub(crate) LEFT_ALONE = "LeftAlone" {
            shown: &[Event, Warning],
            meaning: "the object went, and what it names stays as it is: `spec.mode` is `Observe`, or (as a warning) it is not this object's",
            remedy: "after a warning, look whose it is",
        }

        pub(crate) ABANDONED = "Abandoned" {
            shown: &[Warning],
            meaning: "the object went on request (annotation `abandon`); the note names what is left outside",
            remedy: "remove that by hand, or make an object for it again",
        }

        pub(crate) NOT_MANAGED = "NotManaged" {
            shown: &[Refused],
            meaning: "it exists, carries no ownership mark, and is left alone",
            remedy: "annotate the object with `adopt: dry-run` to see what taking over would change, and with `adopt: \"true\"` to do it; one that has had its effect must be removed first, and set anew once `status.record.adopted` is gone",
        }

        pub(crate) OWNED_BY_ANOTHER = "OwnedByAnother" {
            shown: &[Refused],
            meaning: "it carries the mark of another object",
            remedy: "delete that object with deletion policy `Orphan` to free it, or name another resource here",
        }

        pub(crate) KEPT_BY_EARLIER = "KeptByEarlier" {
            shown: &[Refused],
            meaning: "it carries the mark of another object of the same name, of which it is not certain that it is gone",
            remedy: "annotate the object with `adopt: \"true\"`, or name that installation in `EARLIER_INSTALLATIONS`",
        }

        pub(crate) TAKEN_BY_TWIN = "TakenByTwin" {
            shown: &[Refused],
            meaning: "it was this object's, and was taken over by one of the same name in another cluster",
            remedy: "let only one of them have it; a new `adopt: \"true\"` takes it back",
        }

        pub(crate) NOT_ACCESSIBLE = "NotAccessible" {
            shown: &[Failing],
            meaning: "it exists, but is not within reach",
            remedy: "look at the account and the rights of the provider; where it is somebody else's, name another resource",
        }

        pub(crate) MARK_LOST = "MarkLost" {
            shown: &[Failing],
            meaning: "it is to be deleted and no longer carries the mark, so somebody else may have it by now",
            remedy: "annotate the object with `adopt: \"true\"` to delete it all the same, or with `abandon: \"true\"` to leave it; an `adopt` that has had its effect must be removed first, and set anew once `status.record.adopted` is gone",
        }

        pub(crate) IDENTITY_CHANGED = "IdentityChanged" {
            shown: &[Refused],
            meaning: "the spec, or the provider, now names another resource than the one that the object stands for",
            remedy: "undo the change, or create another object for the other resource",
        }

        pub(crate) INVALID_ANNOTATION = "InvalidAnnotation" {
            shown: &[Refused],
            meaning: "an annotation has a value that is not one of those allowed; the message lists them",
            remedy: "correct it, on the object or on its namespace",
        }

        pub(crate) NAMESPACE_NOT_READ = "NamespaceNotRead" {
            shown: &[AtWork],
            meaning: "the object is to go, and its namespace, which may say that what it had stays, cannot be read",
            remedy: "let the operator read namespaces, or annotate the object itself with `deletion-policy`",
        }

        pub PROVIDER_NOT_READY = "ProviderNotReady" {
            shown: &[AtWork],
            meaning: "the provider of the object does not work; the message repeats why",
            remedy: "look at the provider's own conditions; the object goes on as soon as it works",
        }

        pub(crate) PROVIDER_THROTTLED = "ProviderThrottled" {
            shown: &[AtWork],
            meaning: "the other side asks for fewer calls for this provider",
            remedy: "none: it goes on by itself",
        }

        pub(crate) NOT_CONVERGED = "NotConverged" {
            shown: &[Failing],
            meaning: "all was written, and some of it still reads back otherwise",
            remedy: "it is looked at again; where it stays so, somebody else writes the same fields",
        }
    }
}
