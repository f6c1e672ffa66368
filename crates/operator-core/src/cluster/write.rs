//! Writes to the API server: who writes, to which stored object, and how a write can fail.

use std::{sync::Arc, time::Duration};

use kube::{
    Client, Resource,
    api::{PatchParams, PostParams},
    core::{Status, response::StatusCause},
};

use super::{
    budget::WriteBudget,
    json_patch::JsonPatch,
    leading::{Leading, NotLeading},
    reasons,
    refusal::{code, explain, retry_after},
    spans::{Ask, traced},
};
use crate::decide::{
    key::ObjectKey,
    outcome::{Class, Fault},
};

/// How long the answer to one write may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes under the operator's own field manager. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    pub(super) client: Client,
    pub(super) manager: Arc<str>,
    budget: WriteBudget,
}

impl Writer {
    /// A writer whose field manager is `manager`, the operator's name. Writes as fast as it can, unless told
    /// to stay [`within`](Self::within) a budget.
    pub fn new(client: Client, manager: impl Into<Arc<str>>) -> Self {
        Self {
            client,
            manager: manager.into(),
            budget: WriteBudget::unlimited(),
        }
    }

    /// The same, within a budget that it shares with whoever else holds it.
    pub fn within(self, budget: WriteBudget) -> Self {
        Self { budget, ..self }
    }

    /// Sends a write when it is its turn, for as long as the right to write lasts. Only from then on time
    /// counts against it: a long line must not end in writes that are given up one after the other.
    pub(super) async fn send<K: Resource<DynamicType = ()>, T>(
        &self,
        leading: &Leading,
        ask: Ask,
        write: impl Future<Output = kube::Result<T>>,
    ) -> Result<kube::Result<T>, WriteError> {
        self.budget.admit(leading).await?;
        let (clock, write) = (leading.clock(), traced::<K, T>(ask, write));
        let answer = clock.until(clock.now() + PATIENCE, leading.fence(write));
        Ok(answer.await.ok_or(WriteError::Unanswered)??)
    }

    /// The field manager: the operator's name.
    pub fn manager(&self) -> &str {
        &self.manager
    }

    pub(super) fn creation(&self) -> PostParams {
        PostParams {
            field_manager: Some(self.manager.to_string()),
            ..PostParams::default()
        }
    }

    pub(super) fn params(&self) -> PatchParams {
        PatchParams {
            field_manager: Some(self.manager.to_string()),
            ..PatchParams::default()
        }
    }
}

/// Which stored object a write is meant for: never its successor of the same name.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The object's namespace and name.
    pub key: &'a ObjectKey,
    /// The object's UID; a write to another object of this name is a [`WriteError::Conflict`].
    pub uid: &'a str,
    /// The version that the write is based on, where a change by anyone else must be noticed.
    pub resource_version: Option<&'a str>,
}

impl Target<'_> {
    /// What a patch must find to be applied.
    pub(super) fn tests(&self) -> JsonPatch {
        let tests = JsonPatch::default().test("/metadata/uid", self.uid);
        match self.resource_version {
            Some(version) => tests.test("/metadata/resourceVersion", version),
            None => tests,
        }
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The right to write has ended.
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
    /// The object changed meanwhile: look at it again.
    #[error("the object changed meanwhile")]
    Conflict,
    /// The object is no longer there.
    #[error("the object is no longer there")]
    Gone,
    /// An object of this name is there and is somebody else's.
    #[error(
        "{what} is there already and is left alone, as {why}; delete it, or let it go by another name"
    )]
    NotOurs {
        /// Its kind, namespace and name.
        what: String,
        /// How that is seen.
        why: String,
    },
    /// Other field managers hold what had to be written.
    #[error("{what} is held by others: {fields}; let them leave these fields to this operator")]
    Contested {
        /// The object's kind, namespace and name.
        what: String,
        /// The fields, each with its manager.
        fields: String,
    },
    /// RBAC or an admission rule forbids it.
    #[error("may not {verb} {resource}: {message}")]
    Denied {
        /// What was tried, as RBAC calls it.
        verb: &'static str,
        /// What it was tried on, as RBAC calls it: `buckets/status.example.com`.
        resource: String,
        /// The API server's own words.
        message: String,
    },
    /// It may or may not have been written.
    #[error("the API server did not answer in time")]
    Unanswered,
    /// Anything else: no answer, or one that a later try or another version may change.
    #[error("{}", explain(.0))]
    Other(Box<kube::Error>),
}

impl WriteError {
    /// The body of the request cannot be written as JSON.
    pub(super) fn unwritable(error: serde_json::Error) -> Self {
        let error = kube::core::request::Error::SerializeBody(error);
        Self::Other(Box::new(kube::Error::BuildRequest(error)))
    }

    /// Sorts the answer to a patch of a `K` or, where it is named, of its subresource.
    pub(super) fn of_patch<K: Resource<DynamicType = ()>>(
        error: kube::Error,
        subresource: Option<&str>,
    ) -> Self {
        Self::of::<K>("patch", error, subresource)
    }

    /// Sorts the answer to a request with this verb.
    pub(super) fn of<K: Resource<DynamicType = ()>>(
        verb: &'static str,
        error: kube::Error,
        subresource: Option<&str>,
    ) -> Self {
        let kube::Error::Api(status) = &error else {
            return Self::Other(Box::new(error));
        };
        if status.is_not_found() {
            Self::Gone
        } else if status.is_conflict() || (status.is_invalid() && speaks_of_another_state(status)) {
            Self::Conflict
        } else if status.is_forbidden() {
            Self::denied::<K>(verb, subresource, status)
        } else {
            Self::Other(Box::new(error))
        }
    }

    /// Sorts the answer to the creation of a `K`.
    pub(super) fn of_create<K: Resource<DynamicType = ()>>(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_already_exists() => Self::Conflict,
            kube::Error::Api(status) if status.is_forbidden() => {
                Self::denied::<K>("create", None, status)
            }
            _ => Self::Other(Box::new(error)),
        }
    }

    fn denied<K: Resource<DynamicType = ()>>(
        verb: &'static str,
        subresource: Option<&str>,
        status: &Status,
    ) -> Self {
        let mut resource = K::plural(&()).into_owned();
        for (separator, part) in [("/", subresource), (".", Some(&*K::group(&())))] {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                resource.extend([separator, part]);
            }
        }
        Self::Denied {
            verb,
            resource,
            message: status.message.clone(),
        }
    }
}

/// Whether the API server found the patch fit for another state of the object than the present one: a failed
/// test and a missing parent name no field, and a finalizer that comes after the deletion is forbidden.
fn speaks_of_another_state(status: &Status) -> bool {
    let details = status.details.as_ref();
    let causes = details
        .map(|details| details.causes.as_slice())
        .unwrap_or_default();
    let is_late_finalizer = |cause: &StatusCause| {
        cause.field == "metadata.finalizers" && cause.reason == "FieldValueForbidden"
    };
    causes.iter().all(is_late_finalizer)
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        let message = error.to_string();
        match error {
            WriteError::NotLeading(not_leading) => not_leading.into(),
            WriteError::Conflict => Self::transient(reasons::CONFLICT, message),
            WriteError::Gone => Self::transient(reasons::GONE, message),
            WriteError::NotOurs { .. } => Self::blocked(reasons::NOT_OURS, message),
            WriteError::Contested { .. } => Self::blocked(reasons::FIELD_CONFLICT, message),
            WriteError::Denied { .. } => Self::blocked(reasons::FORBIDDEN, message),
            WriteError::Unanswered => Self::transient(reasons::API_SERVER_UNREACHABLE, message),
            WriteError::Other(error) => from_api(&error),
        }
    }
}

/// The fault that an error of the API server is.
pub fn from_api(error: &kube::Error) -> Fault {
    let message = explain(error);
    let (class, reason) = match code(error) {
        None => (Class::Transient, reasons::API_SERVER_UNREACHABLE),
        Some(403) => (Class::Blocked, reasons::FORBIDDEN),
        // A token that expired is read anew; an overloaded server recovers.
        Some(401 | 408 | 409 | 410 | 429 | 500..) => {
            (Class::Transient, reasons::API_SERVER_UNAVAILABLE)
        }
        // Our own fault: an older schema than this operator expects, most likely.
        Some(_) => (Class::Blocked, reasons::REFUSED_BY_API_SERVER),
    };
    Fault {
        after: retry_after(error),
        ..Fault::new(class, reason, message)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{coordination::v1::Lease, core::v1::ConfigMap};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn refused(code: u16, reason: &str, fields: &[&str]) -> kube::Error {
        let causes: Vec<_> = fields.iter().map(|field| json!({"field": field})).collect();
        let details = serde_json::from_value(json!({"causes": causes})).unwrap();
        kube::Error::Api(
            Status::failure("said why", reason)
                .with_code(code)
                .with_details(details)
                .boxed(),
        )
    }

    #[rstest]
    #[case(refused(404, "NotFound", &[]), Class::Transient, "Gone")]
    #[case(refused(409, "Conflict", &[]), Class::Transient, "Conflict")]
    #[case::failed_test(refused(422, "Invalid", &[]), Class::Transient, "Conflict")]
    #[case::bad_finalizer(refused(422, "Invalid", &["metadata.finalizers"]), Class::Blocked, "RefusedByAPIServer")]
    #[case::schema(refused(422, "Invalid", &["status.arn"]), Class::Blocked, "RefusedByAPIServer")]
    #[case(refused(403, "Forbidden", &[]), Class::Blocked, "Forbidden")]
    #[case(refused(429, "TooManyRequests", &[]), Class::Transient, "APIServerUnavailable")]
    #[case(refused(503, "ServiceUnavailable", &[]), Class::Transient, "APIServerUnavailable")]
    fn answers_become_faults(
        #[case] error: kube::Error,
        #[case] class: Class,
        #[case] reason: &str,
    ) {
        let fault = Fault::from(WriteError::of_patch::<ConfigMap>(error, Some("status")));
        assert_eq!(
            (fault.class, fault.reason.as_str()),
            (class, reason),
            "{fault}"
        );
    }

    #[test]
    fn a_missing_permission_is_named_as_rbac_names_it() {
        let error =
            WriteError::of_patch::<ConfigMap>(refused(403, "Forbidden", &[]), Some("status"));
        assert_eq!(
            error.to_string(),
            "may not patch configmaps/status: said why"
        );
        let error = WriteError::of_patch::<Lease>(refused(403, "Forbidden", &[]), None);
        assert_eq!(
            error.to_string(),
            "may not patch leases.coordination.k8s.io: said why"
        );
    }

    #[rstest]
    #[case::somebody_was_faster(refused(409, "AlreadyExists", &[]), "Conflict")]
    #[case::denied(refused(403, "Forbidden", &[]), "Forbidden")]
    #[case::no_namespace(refused(404, "NotFound", &[]), "RefusedByAPIServer")]
    fn answers_to_a_creation_become_faults(#[case] error: kube::Error, #[case] reason: &str) {
        let fault = Fault::from(WriteError::of_create::<ConfigMap>(error));
        assert_eq!(fault.reason.as_str(), reason, "{fault}");
    }

    #[test]
    fn no_answer_is_transient() {
        let error = kube::Error::Service(Box::new(std::io::Error::other("connection refused")));
        let fault = Fault::from(WriteError::of_patch::<ConfigMap>(error, None));
        assert_eq!(
            (fault.class, fault.reason.as_str()),
            (Class::Transient, "APIServerUnreachable")
        );
        assert!(fault.message.contains("connection refused"));
    }
}
