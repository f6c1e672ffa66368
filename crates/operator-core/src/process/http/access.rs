//! Who may look: whoever the API server knows, and RBAC lets.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Client;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::remembered::{Question, Remembered, Right};
use crate::{
    cluster::reviews::{Unanswered, may, owner},
    decide::clock::Clock,
};

/// How long the API server may take to say who a caller is and what it may do.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many callers are asked about at once; the others wait.
const AT_ONCE: usize = 8;

/// Lets in whoever shows a bearer token that the API server accepts, and has the right to the path by RBAC:
/// `nonResourceURLs` with the method in lower case as verb. The API server is asked by TokenReview and
/// SubjectAccessReview, as kube-rbac-proxy and controller-runtime do; its answers are remembered: a right for a
/// minute, the want of one for 5 seconds.
#[derive(Clone)]
pub struct Gatekeeper(Arc<Inner>);

struct Inner {
    client: Client,
    clock: Clock,
    remembered: Mutex<Remembered>,
    questions: Semaphore,
    problem: Mutex<Option<String>>,
}

/// The right to look at these paths, for whoever scrapes.
pub fn reader(paths: &[&str]) -> PolicyRule {
    PolicyRule {
        non_resource_urls: Some(paths.iter().map(|&path| path.to_owned()).collect()),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }
}

/// Why a caller is not let in.
enum Refused {
    /// It shows no token that the API server accepts.
    Unknown,
    /// It has no right to the path.
    Denied,
    /// The API server has not told.
    Unanswered,
}

impl Gatekeeper {
    /// A gatekeeper who asks through this client.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            remembered: Mutex::default(),
            questions: Semaphore::new(AT_ONCE),
            problem: Mutex::default(),
        }))
    }

    /// The same routes, guarded. What is none of them is not found by anybody.
    pub fn guard(self, router: Router) -> Router {
        router.route_layer(middleware::from_fn_with_state(self, admit))
    }

    async fn judge(&self, request: &Parts) -> Result<(), Refused> {
        let token = bearer(&request.headers).ok_or(Refused::Unknown)?;
        let verb = request.method.as_str().to_ascii_lowercase();
        let path = request.uri.path();
        let question = Question::new(token, &verb, path);
        let Inner {
            clock, remembered, ..
        } = &*self.0;
        let known = remembered.lock().get(&question, clock.now());
        let right = match known {
            Some(right) => right,
            None => {
                let asked = clock.until(clock.now() + PATIENCE, self.ask(token, &verb, path));
                let asked = asked.await.unwrap_or_else(|| {
                    self.note(Some("the API server did not answer in time".to_owned()));
                    Err(Refused::Unanswered)
                });
                let right = asked?;
                remembered.lock().put(question, right, clock.now());
                right
            }
        };
        match right {
            Right::Given => Ok(()),
            Right::Missing => Err(Refused::Denied),
        }
    }

    async fn ask(&self, token: &str, verb: &str, path: &str) -> Result<Right, Refused> {
        let Inner {
            client, questions, ..
        } = &*self.0;
        // It is never closed.
        let _turn = questions.acquire().await;
        let unanswered = |why: Unanswered| {
            self.note(Some(why.to_string()));
            Refused::Unanswered
        };
        let user = owner(client, token).await.map_err(unanswered)?;
        let user = user.ok_or(Refused::Unknown)?;
        let allowed = may(client, &user, verb, path).await.map_err(unanswered)?;
        self.note(None);
        Ok(match allowed {
            true => Right::Given,
            false => Right::Missing,
        })
    }

    /// Notes how the last question went; says so in the log where that is news.
    fn note(&self, problem: Option<String>) {
        let before = std::mem::replace(&mut *self.0.problem.lock(), problem.clone());
        match problem {
            Some(problem) if before.as_ref() != Some(&problem) => {
                tracing::warn!("cannot find out who asks for metrics: {problem}");
            }
            _ => {}
        }
    }
}

async fn admit(State(gatekeeper): State<Gatekeeper>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match gatekeeper.judge(&parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused.into_response(),
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, "Bearer")],
                "show a token that the API server accepts: Authorization: Bearer TOKEN\n",
            )
                .into_response(),
            Self::Denied => (
                StatusCode::FORBIDDEN,
                "RBAC gives no right to this path: nonResourceURLs, verb get\n",
            )
                .into_response(),
            Self::Unanswered => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the API server has not told whose token this is; the operator's log has the reason\n",
            )
                .into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Bearer abc", Some("abc"))]
    #[case("bearer  abc ", Some("abc"))]
    #[case("Bearer ", None)]
    #[case("Bearer", None)]
    #[case("Basic abc", None)]
    fn a_token_is_a_bearers(#[case] header: &'static str, #[case] token: Option<&str>) {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, header.parse().unwrap())]);
        assert_eq!(bearer(&headers), token);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
