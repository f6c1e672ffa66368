//! Metrics over HTTPS, for whoever the API server knows and RBAC lets.

use std::{future::pending, time::Duration};

use harness::{
    Scrape, User,
    proxy::{Action, Rule},
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
