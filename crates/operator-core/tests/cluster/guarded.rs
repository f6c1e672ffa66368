//! Metrics over HTTPS, for whoever the API server knows and RBAC lets.

use std::{future::pending, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use harness::{
    Scrape, User,
    proxy::{Action, Gate, Point, Rule},
};
use operator_core::{
    decide::clock::Clock,
    process::{http::reader, operator::Operator},
};

use crate::{frame::frame, stage::Stage};

/// An operator that serves metrics as it does by default.
struct Guarded {
    stage: Stage,
    clock: Clock,
    scrape: Scrape,
}

impl Guarded {
    async fn new() -> (Self, Operator) {
        let stage = Stage::new().await;
        let clock = Clock::system();
        let namespace = stage.namespace.name();
        let scrape = Scrape::of(&stage.cluster, namespace, "gadget-operator").unwrap();
        let mut settings = scrape.settings();
        settings.push("--health-probe-bind-address=0".to_owned());
        let operator = frame(&stage, &clock, &settings);
        let guarded = Self {
            stage,
            clock,
            scrape,
        };
        (guarded, operator)
    }

    async fn user(&self, paths: &[&str]) -> User {
        let right = (!paths.is_empty()).then(|| reader(paths));
        self.scrape.user(right.into_iter().collect()).await.unwrap()
    }

    async fn get(&self, token: &str, path: &str) -> (u16, String) {
        let token = Some(token).filter(|token| !token.is_empty());
        self.scrape.get(token, path).await.unwrap()
    }

    fn asked(&self, about: &str) -> usize {
        let requests = self.stage.proxy().requests();
        requests.iter().filter(|it| it.call.about == about).count()
    }
}

#[tokio::test]
async fn whoever_may_get_a_path_sees_it_and_nobody_else() {
    let (guarded, operator) = Guarded::new().await;
    let story = async {
        let reader = guarded.user(&["/metrics"]).await;
        let nobody = guarded.user(&[]).await;

        let (status, text) = guarded.get(reader.token(), "/metrics").await;
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("operator_build_info"), "{text}");
        for (token, path, expected) in [
            ("", "/metrics", 401),
            ("no-token-of-this-cluster", "/metrics", 401),
            (nobody.token(), "/metrics", 403),
            ("", "/debug/state", 401),
            // The right to one page is none to the other.
            (reader.token(), "/debug/state", 403),
            ("", "/elsewhere", 404),
        ] {
            let (status, text) = guarded.get(token, path).await;
            assert_eq!(status, expected, "{path} with {token:?}: {text}");
            assert!(!text.contains("operator_build_info"), "{text}");
        }
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_minute() {
    let (guarded, operator) = Guarded::new().await;
    let story = async {
        let reader = guarded.user(&["/metrics"]).await;
        for _ in 0..3 {
            let answer = guarded.get(reader.token(), "/metrics").await;
            assert_eq!(answer.0, 200);
        }
        let asked = |about| guarded.asked(about);
        assert_eq!(
            (asked("tokenreviews"), asked("subjectaccessreviews")),
            (1, 1)
        );

        // Whatever is remembered ends, and then a right that is gone is gone.
        let refusing = guarded.stage.proxy().rule(Rule::when(
            |call| call.about == "tokenreviews",
            Action::DropBefore,
        ));
        let answer = guarded.get(reader.token(), "/metrics").await;
        assert_eq!(answer.0, 200, "remembered");
        guarded.clock.advance(Duration::from_secs(60));
        let (status, text) = guarded.get(reader.token(), "/metrics").await;
        assert_eq!(status, 500, "{text}");
        assert!(!text.contains(reader.token()), "{text}");
        refusing.remove();
        let answer = guarded.get(reader.token(), "/metrics").await;
        assert_eq!(answer.0, 200);
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test]
async fn a_right_that_is_used_is_asked_for_again_behind_its_users_back() {
    let (guarded, operator) = Guarded::new().await;
    let story = async {
        let reader = guarded.user(&["/metrics"]).await;
        assert_eq!(guarded.get(reader.token(), "/metrics").await.0, 200);
        let gate = Gate::new();
        let about = |call: &harness::proxy::Call| call.about == "tokenreviews";
        let held = Rule::when(about, Action::Hold(Point::Before, gate.clone()));
        guarded.stage.proxy().rule(held);
        guarded.clock.advance(Duration::from_secs(30));
        for _ in 0..3 {
            assert_eq!(guarded.get(reader.token(), "/metrics").await.0, 200);
        }
        gate.arrived(1).await;
        assert_eq!(guarded.asked("tokenreviews"), 2, "once at a time");
        gate.open();
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test]
async fn a_flood_of_unknown_tokens_is_bounded_and_delays_nobody_who_is_known() {
    const IN_HAND: usize = 8;
    const IN_LINE: usize = 32;
    let (guarded, operator) = Guarded::new().await;
    let story = async {
        let reader = guarded.user(&["/metrics"]).await;
        assert_eq!(guarded.get(reader.token(), "/metrics").await.0, 200);
        // Its right has to be asked for.
        guarded.clock.advance(Duration::from_secs(60));

        let gate = Gate::new();
        let about = |call: &harness::proxy::Call| call.about == "tokenreviews";
        let held = Rule::when(about, Action::Hold(Point::Before, gate.clone()));
        guarded.stage.proxy().rule(held.times(IN_HAND));
        let tokens: Vec<_> = (0..IN_LINE + 8).map(|at| format!("garbage-{at}")).collect();
        let flood = tokens.iter().map(|token| guarded.get(token, "/metrics"));
        let mut flood = FuturesUnordered::from_iter(flood);
        for _ in 0..8 {
            let (status, text) = flood.next().await.expect("an answer");
            assert_eq!(status, 503, "{text}");
        }
        gate.arrived(IN_HAND).await;
        assert_eq!(guarded.get(reader.token(), "/metrics").await.0, 200);
        gate.open();
        while let Some((status, text)) = flood.next().await {
            assert!([401, 500].contains(&status), "{text}");
        }
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test]
async fn without_a_namespace_for_the_certificate_it_says_what_to_set() {
    let stage = Stage::new().await;
    let operator = frame(&stage, &Clock::system(), &[]);
    let refused = operator.run(pending()).await.unwrap_err().to_string();
    for named in [
        "POD_NAMESPACE (--pod-namespace)",
        "SERVING_CERT_FILE",
        "METRICS_SECURE=false",
    ] {
        assert!(refused.contains(named), "{refused}");
    }
}
