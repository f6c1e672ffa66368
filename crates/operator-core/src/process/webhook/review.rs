//! One question of the API server, and its answer (admission.k8s.io/v1, AdmissionReview).

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use kube::core::admission::Operation;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Judgement,
    room::{Portion, Unread},
};

/// The longest question: an object as it was and as it is to be, each of at most etcd's 1.5 MiB, and what JSON adds.
const LONGEST: usize = 4 * 1024 * 1024;
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

/// A question, of which only what is asked for is read: a text becomes no tree of values on the way.
#[derive(Deserialize)]
struct Question<'q> {
    #[serde(borrow)]
    request: Request<'q>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'q> {
    uid: String,
    operation: Operation,
    user_info: User,
    #[serde(borrow)]
    object: Option<&'q RawValue>,
    #[serde(borrow)]
    old_object: Option<&'q RawValue>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Reply,
}

#[derive(Serialize)]
struct Reply {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Refusal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Refusal {
    message: String,
    code: u16,
    reason: &'static str,
}

impl<K: DeserializeOwned> Asked<K> {
    /// What is asked for; `None` for an object that cannot be read, and for what is no change of one.
    fn of(request: &Request<'_>) -> Option<Self> {
        let read = |object: Option<&RawValue>| serde_json::from_str::<K>(object?.get()).ok();
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
            user: request.user_info.username.clone(),
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
        let (portion, mut lost) = judgement.room.enter();
        tokio::select! {
            biased;
            answered = answered(&judgement, &portion, body, &*judge) => answered,
            () = lost.told() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    })
}

async fn answered<K: DeserializeOwned>(
    judgement: &Judgement,
    portion: &Portion,
    body: Body,
    judge: &impl Fn(&Asked<K>) -> Verdict,
) -> Response {
    let clock = &judgement.clock;
    let read = clock.until(clock.now() + PATIENCE, portion.read(body, LONGEST));
    let question = match read.await {
        Some(Ok(question)) => question,
        Some(Err(Unread::TooLong)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Some(Err(Unread::CutShort)) => return StatusCode::BAD_REQUEST.into_response(),
        None => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let _turn = judgement.turn.lock().await;
    match answer(&question, *judgement.synced.borrow(), judge) {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The answer to a question; `None` where it is none.
fn answer<K: DeserializeOwned>(
    question: &[u8],
    synced: bool,
    judge: &impl Fn(&Asked<K>) -> Verdict,
) -> Option<Vec<u8>> {
    let Question { request } = serde_json::from_slice(question).ok()?;
    let verdict = match (Asked::of(&request), synced) {
        (Some(asked), true) => judge(&asked),
        (Some(_), false) => Verdict {
            refused: None,
            warnings: vec![NOT_YET.to_owned()],
        },
        (None, _) => Verdict::default(),
    };
    let response = Reply {
        uid: request.uid,
        allowed: verdict.refused.is_none(),
        // Without code and reason it would look like a request that the API server does not understand.
        status: verdict.refused.map(|message| Refusal {
            message,
            code: StatusCode::FORBIDDEN.as_u16(),
            reason: "Forbidden",
        }),
        warnings: verdict.warnings,
    };
    let answer = Answer {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response,
    };
    serde_json::to_vec(&answer).ok()
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin};

    use axum::Router;
    use futures::{
        FutureExt, StreamExt, poll,
        stream::{self, FuturesUnordered},
    };
    use k8s_openapi::api::core::v1::ConfigMap;
    use rstest::rstest;
    use serde_json::{Value, json};
    use tokio::sync::watch;
    use tower_service::Service;

    use super::{super::ROOM, *};
    use crate::decide::clock::Clock;

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

    /// A question whose first `sent` bytes have come, and no more.
    fn unfinished(sent: usize) -> axum::http::Request<Body> {
        let first = stream::iter([Ok::<_, Infallible>(vec![b' '; sent])]);
        let body = Body::from_stream(first.chain(stream::pending()));
        asking(body)
    }

    fn asking(body: Body) -> axum::http::Request<Body> {
        axum::http::Request::post("/").body(body).unwrap()
    }

    #[tokio::test]
    async fn a_flood_of_large_questions_is_bounded_and_a_proper_one_finds_its_way() {
        let (_synced, is_synced) = watch::channel(true);
        let judgement = Judgement::new(Clock::system(), is_synced);
        let mut router = Router::new().route("/", handler(judgement.clone(), judge));
        let mut flood = FuturesUnordered::new();
        let mut given_way = 0;
        for _ in 0..100 {
            let answer = router.call(unfinished(LONGEST / 3));
            flood.push(answer);
            while let Some(Some(answer)) = flood.next().now_or_never() {
                assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
                given_way += 1;
            }
            assert!(judgement.room.held() <= ROOM);
            let proper = question("CREATE", map(json!("a")), Value::Null);
            let answer = router.call(asking(proper.into())).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        }
        assert_eq!(flood.len(), ROOM / (LONGEST / 3));
        assert_eq!(given_way, 100 - flood.len());
        drop(flood);
        assert_eq!(judgement.room.held(), 0);
    }

    #[tokio::test]
    async fn who_never_ends_a_question_is_not_waited_for() {
        let (_synced, is_synced) = watch::channel(true);
        let judgement = Judgement::new(Clock::system(), is_synced);
        let mut router = Router::new().route("/", handler(judgement.clone(), judge));
        let mut answer = pin!(router.call(unfinished(10)));
        assert!(poll!(&mut answer).is_pending());
        judgement.clock.advance(PATIENCE);
        assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(judgement.room.held(), 0);
    }
}
