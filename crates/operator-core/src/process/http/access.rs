//! Who may look: whoever the API server knows, and RBAC lets.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

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
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::remembered::{Known, Question, Remembered, Right};
use crate::{
    cluster::reviews::{Unanswered, may, owner},
    decide::clock::Clock,
};

/// How long the API server may take to say who a caller is and what it may do.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many callers that have never had a right are asked about at once.
const STRANGERS: usize = 8;
/// How many more of them wait; others are told to come again.
const WAITING: usize = 24;
/// How many callers that had a right before are asked about at once, in a line of their own.
const ACQUAINTANCES: usize = 4;

/// Lets in whoever shows a bearer token that the API server accepts, and has the right to the path by RBAC:
/// `nonResourceURLs` with the method in lower case as verb. The API server is asked by TokenReview and
/// SubjectAccessReview, as kube-rbac-proxy and controller-runtime do; its answers are remembered: a right for a
/// minute, and asked for again behind the back of who uses it; the want of one for 5 seconds.
///
/// Whoever shows tokens that nobody knows only ever waits for others that do so: who had a right within the last hour
/// has a line of its own.
#[derive(Clone)]
pub struct Gatekeeper(Arc<Inner>);

struct Inner {
    client: Client,
    clock: Clock,
    remembered: Mutex<Remembered>,
    strangers: Line,
    acquaintances: Line,
    asked_again: Mutex<BTreeSet<Question>>,
    problem: Mutex<Option<String>>,
}

/// Where callers wait to be asked about.
struct Line {
    in_line: Semaphore,
    in_hand: Semaphore,
}

impl Line {
    fn new(in_hand: usize, waiting: usize) -> Self {
        Self {
            in_line: Semaphore::new(in_hand + waiting),
            in_hand: Semaphore::new(in_hand),
        }
    }

    /// A turn, once there is one; none where too many wait.
    async fn turn(&self) -> Option<[SemaphorePermit<'_>; 2]> {
        let in_line = self.in_line.try_acquire().ok()?;
        let in_hand = self.in_hand.acquire().await.ok()?;
        Some([in_line, in_hand])
    }
}

/// The right to look at these paths, for whoever scrapes.
pub fn reader(paths: &[&str]) -> PolicyRule {
    PolicyRule {
        non_resource_urls: Some(paths.iter().map(|&path| path.to_owned()).collect()),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }
}

/// Who asks for what.
struct Asked {
    token: SecretString,
    verb: String,
    path: String,
}

impl Asked {
    fn question(&self) -> Question {
        Question::new(self.token.expose_secret(), &self.verb, &self.path)
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
    /// Too many are asked about.
    Busy,
}

impl Gatekeeper {
    /// A gatekeeper who asks through this client.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            remembered: Mutex::default(),
            strangers: Line::new(STRANGERS, WAITING),
            acquaintances: Line::new(ACQUAINTANCES, WAITING),
            asked_again: Mutex::default(),
            problem: Mutex::default(),
        }))
    }

    /// The same routes, guarded. What is none of them is not found by anybody.
    pub fn guard(self, router: Router) -> Router {
        router.route_layer(middleware::from_fn_with_state(self, admit))
    }

    async fn judge(&self, request: &Parts) -> Result<(), Refused> {
        let token = bearer(&request.headers).ok_or(Refused::Unknown)?;
        let asked = Asked {
            token: token.to_owned().into(),
            verb: request.method.as_str().to_ascii_lowercase(),
            path: request.uri.path().to_owned(),
        };
        let question = asked.question();
        let known = self.0.remembered.lock().get(&question, self.0.clock.now());
        let right = match known {
            Known::Given => Right::Given,
            Known::Aged => {
                self.ask_again(asked, question);
                Right::Given
            }
            Known::Missing => Right::Missing,
            Known::Lapsed => {
                self.find_out(&asked, question, &self.0.acquaintances)
                    .await?
            }
            Known::Nothing => self.find_out(&asked, question, &self.0.strangers).await?,
        };
        match right {
            Right::Given => Ok(()),
            Right::Missing => Err(Refused::Denied),
        }
    }

    /// Asks for a right that still lasts, and keeps nobody waiting.
    fn ask_again(&self, asked: Asked, question: Question) {
        if !self.0.asked_again.lock().insert(question.clone()) {
            return;
        }
        let gatekeeper = self.clone();
        tokio::spawn(async move {
            let line = &gatekeeper.0.acquaintances;
            // What it is, is remembered; what is not answered leaves the right as it was.
            let _ = gatekeeper.find_out(&asked, question.clone(), line).await;
            gatekeeper.0.asked_again.lock().remove(&question);
        });
    }

    async fn find_out(
        &self,
        asked: &Asked,
        question: Question,
        line: &Line,
    ) -> Result<Right, Refused> {
        let Inner {
            clock, remembered, ..
        } = &*self.0;
        let asking = async {
            let _turn = line.turn().await.ok_or(Refused::Busy)?;
            self.ask(asked).await
        };
        let answered = clock.until(clock.now() + PATIENCE, asking).await;
        let answered = answered.unwrap_or_else(|| {
            self.note(Some("the API server did not answer in time".to_owned()));
            Err(Refused::Unanswered)
        });
        match &answered {
            Ok(right) => remembered.lock().put(question, *right, clock.now()),
            Err(Refused::Unknown) => remembered.lock().forget(&question),
            Err(_) => {}
        }
        answered
    }

    async fn ask(&self, asked: &Asked) -> Result<Right, Refused> {
        let client = &self.0.client;
        let unanswered = |why: Unanswered| {
            self.note(Some(why.to_string()));
            Refused::Unanswered
        };
        let user = owner(client, asked.token.expose_secret()).await;
        let user = user.map_err(unanswered)?.ok_or(Refused::Unknown)?;
        let allowed = may(client, &user, &asked.verb, &asked.path).await;
        let allowed = allowed.map_err(unanswered)?;
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
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, "1")],
                "too many callers that were never seen before: come again\n",
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
