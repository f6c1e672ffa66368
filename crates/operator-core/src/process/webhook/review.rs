//! One question of the API server, and its answer (admission.k8s.io/v1, AdmissionReview).

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{MethodRouter, post},
};
use kube::core::{
    DynamicObject,
    admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
};
use serde::de::DeserializeOwned;

use super::Judgement;

/// The longest question: an object as it was and as it is to be, each of at most etcd's 1.5 MiB, and what JSON adds.
const LONGEST: usize = 8 * 1024 * 1024;
/// How long the API server may take to send its question.
const PATIENCE: Duration = Duration::from_secs(10);

const NOT_YET: &str = "this operator has just started and has not seen all objects yet: nothing was compared with them";

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked<K> {
    /// Who asks, as the API server calls it.
    pub user: String,
    /// What is asked for.
    pub change: Change<K>,
}

/// What is to become of an object.
#[derive(Clone, Debug)]
pub enum Change<K> {
    /// It is made.
    Create(K),
    /// It is changed.
    Update {
        /// As it is.
        old: K,
        /// As it is to be.
        new: K,
    },
    /// It is deleted.
    Delete(K),
}

/// What is thought of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is refused, if it is.
    pub refused: Option<String>,
    /// What whoever asks should know.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// It is refused.
    pub fn refused(why: impl Into<String>) -> Self {
        Self {
            refused: Some(why.into()),
            ..Self::default()
        }
    }
}

impl<K: DeserializeOwned> Asked<K> {
    /// What is asked for; `None` for an object that cannot be read, and for what is no change of one.
    fn of(request: AdmissionRequest<DynamicObject>) -> Option<Self> {
        let read = |object: Option<DynamicObject>| {
            let value = serde_json::to_value(object?).ok()?;
            serde_json::from_value::<K>(value).ok()
        };
        let change = match request.operation {
            Operation::Create => Change::Create(read(request.object)?),
            Operation::Update => Change::Update {
                old: read(request.old_object)?,
                new: read(request.object)?,
            },
            Operation::Delete => Change::Delete(read(request.old_object)?),
            Operation::Connect => return None,
        };
        Some(Self {
            user: request.user_info.username.unwrap_or_default(),
            change,
        })
    }
}

/// Answers questions by `judge`.
pub(super) fn handler<K>(
    judgement: Judgement,
    judge: impl Fn(&Asked<K>) -> Verdict + Send + Sync + 'static,
) -> MethodRouter
where
    K: DeserializeOwned + Send + 'static,
{
    let judge = Arc::new(judge);
    post(move |body: Body| async move {
        let clock = &judgement.clock;
        let read = clock.until(clock.now() + PATIENCE, to_bytes(body, LONGEST));
        let question = match read.await {
            Some(Ok(question)) => question,
            Some(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            None => return StatusCode::REQUEST_TIMEOUT.into_response(),
        };
        match answer(&question, *judgement.synced.borrow(), &*judge) {
            Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
            None => StatusCode::BAD_REQUEST.into_response(),
        }
    })
}

/// The answer to a question; `None` where it is none.
fn answer<K: DeserializeOwned>(
    question: &[u8],
    synced: bool,
    judge: &impl Fn(&Asked<K>) -> Verdict,
) -> Option<Vec<u8>> {
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(question).ok()?;
    let request: AdmissionRequest<DynamicObject> = review.try_into().ok()?;
    let mut answer = AdmissionResponse::from(&request);
    let verdict = match (Asked::of(request), synced) {
        (Some(asked), true) => judge(&asked),
        (Some(_), false) => Verdict {
            refused: None,
            warnings: vec![NOT_YET.to_owned()],
        },
        (None, _) => Verdict::default(),
    };
    if let Some(why) = verdict.refused {
        answer = answer.deny(why);
        // Otherwise it would look like a request that the API server does not understand.
        answer.result.code = StatusCode::FORBIDDEN.as_u16();
        answer.result.reason = "Forbidden".to_owned();
    }
    answer.warnings = Some(verdict.warnings).filter(|warnings| !warnings.is_empty());
    serde_json::to_vec(&answer.into_review()).ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn question(operation: &str, object: Value, old: Value) -> Vec<u8> {
        let kind = json!({ "group": "", "version": "v1", "kind": "ConfigMap" });
        let resource = json!({ "group": "", "version": "v1", "resource": "configmaps" });
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u1", "kind": kind, "resource": resource, "operation": operation, "name": "m",
                "namespace": "n", "userInfo": { "username": "somebody" }, "object": object, "oldObject": old,
            },
        });
        serde_json::to_vec(&review).unwrap()
    }

    fn map(text: Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "text": text },
        })
    }

    /// Refuses what is deleted, and warns of every text.
    fn judge(asked: &Asked<ConfigMap>) -> Verdict {
        assert_eq!(asked.user, "somebody");
        let text = |map: &ConfigMap| map.data.clone().unwrap_or_default()["text"].clone();
        match &asked.change {
            Change::Create(new) => Verdict {
                refused: None,
                warnings: vec![text(new)],
            },
            Change::Update { old, new } => Verdict {
                refused: None,
                warnings: vec![text(old), text(new)],
            },
            Change::Delete(old) => Verdict::refused(text(old)),
        }
    }

    fn answered(question: &[u8], synced: bool) -> Value {
        let answer = answer(question, synced, &judge).expect("a question");
        let review: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(review["kind"], "AdmissionReview");
        assert_eq!(review["response"]["uid"], "u1");
        assert_eq!(review["response"].get("patch"), None);
        review["response"].clone()
    }

    #[rstest]
    #[case("CREATE", map(json!("a")), Value::Null, true, json!(["a"]))]
    #[case("UPDATE", map(json!("b")), map(json!("a")), true, json!(["a", "b"]))]
    #[case("DELETE", Value::Null, map(json!("a")), false, Value::Null)]
    #[case::unreadable("CREATE", map(json!(1)), Value::Null, true, Value::Null)]
    #[case::unreadable_before("UPDATE", map(json!("b")), map(json!(1)), true, Value::Null)]
    fn a_verdict_is_answered(
        #[case] operation: &str,
        #[case] object: Value,
        #[case] old: Value,
        #[case] allowed: bool,
        #[case] warnings: Value,
    ) {
        let response = answered(&question(operation, object, old), true);
        assert_eq!(response["allowed"], allowed, "{response}");
        assert_eq!(response["warnings"], warnings);
        if !allowed {
            assert_eq!(response["status"]["message"], "a");
            assert_eq!(response["status"]["code"], 403);
        }
    }

    #[test]
    fn nobody_is_refused_before_all_is_known() {
        let response = answered(&question("DELETE", Value::Null, map(json!("a"))), false);
        assert_eq!(response["allowed"], true);
        assert_eq!(response["warnings"], json!([NOT_YET]));
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        for text in ["", "{}", r#"{"apiVersion":"v1","kind":"AdmissionReview"}"#] {
            assert_eq!(answer(text.as_bytes(), true, &judge), None, "{text}");
        }
    }
}
