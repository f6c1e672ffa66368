//! What becomes of calls that fail.

use std::time::Duration;

use harness::{
    aws::refusal,
    proxy::{Action, Call, Rule},
};
use http::StatusCode;
use operator_core::{
    decide::outcome::{Class, Scope},
    engines::external::{Facets, Presence},
};

use crate::stage::{REGION, Stage};

fn about(operation: &'static str) -> impl Fn(&Call) -> bool + Send + Sync {
    move |call| call.about == operation
}

fn refuse(operation: &'static str, status: StatusCode, code: &str, message: &str) -> Rule {
    Rule::when(
        about(operation),
        Action::Answer(refusal::s3(status, code, message)),
    )
}

#[tokio::test]
async fn a_lost_answer_to_a_creation_leaves_doubt_and_the_bucket_is_found() {
    let stage = Stage::new().await;
    let case = stage.case("lost-answer");
    stage
        .proxy()
        .rule(Rule::when(about("CreateBucket"), Action::DropAfter).once());
    let fault = case.create().await.expect_err("no answer");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::UnknownOutcome, "CreationFailed"),
        "{fault}"
    );
    assert!(matches!(
        case.observe(&Facets::new()).await.unwrap(),
        Presence::Ours(_)
    ));
    assert_eq!(
        stage
            .proxy()
            .counts()
            .about(harness::proxy::Verb::Write, "CreateBucket"),
        1,
        "not repeated"
    );
}

#[tokio::test]
async fn a_read_that_fails_is_tried_again_later_and_never_taken_for_absence() {
    let stage = Stage::new().await;
    let case = stage.case("failing-reads");
    case.create().await.unwrap();
    for operation in ["HeadBucket", "GetBucketTagging"] {
        for (status, code, expected) in [
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                (Class::Transient, Scope::Object, "BucketNotReady"),
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "SlowDown",
                (Class::Throttled, Scope::Service, "Throttled"),
            ),
            (
                StatusCode::FORBIDDEN,
                "AccessDenied",
                (Class::Blocked, Scope::Object, "AccessDenied"),
            ),
        ] {
            let rule = stage
                .proxy()
                .rule(refuse(operation, status, code, "Try again"));
            let fault = case.observe(&Facets::new()).await.expect_err(operation);
            let found = (fault.class, fault.scope, fault.reason.as_str());
            assert_eq!(found, expected, "{operation} {code}: {fault}");
            assert_eq!(rule.hits(), 1, "the SDK must not repeat {operation}");
            rule.remove();
        }
        stage
            .proxy()
            .rule(Rule::when(about(operation), Action::DropBefore).once());
        let fault = case.observe(&Facets::new()).await.expect_err(operation);
        assert_eq!(fault.class, Class::Transient, "{operation}: {fault}");
    }
}

/// What stands before a store may know nothing of its buckets.
#[tokio::test]
async fn a_bucket_is_gone_only_by_the_word_of_the_store() {
    let stage = Stage::new().await;
    let case = stage.case("not-gone");
    case.create().await.unwrap();
    let not_found = || {
        let mut answer = http::Response::new(bytes::Bytes::from("404 page not found"));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        Action::Answer(answer)
    };
    let head = Rule::when(about("HeadBucket"), not_found());
    stage.proxy().rule(head.once());
    let seen = case.observe(&Facets::new()).await.unwrap();
    assert!(matches!(seen, Presence::Ours(_)), "{seen:?}");
    stage.proxy().rule(Rule::when(|_| true, not_found()));
    let fault = case.observe(&Facets::new()).await.expect_err("not told");
    assert_eq!(fault.class, Class::Transient, "{fault}");
}

#[tokio::test]
async fn a_denied_call_names_the_action_to_allow() {
    let stage = Stage::new().await;
    let case = stage.case("denied");
    let denied = |operation| {
        refuse(
            operation,
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        )
    };
    stage.proxy().rule(denied("CreateBucket").once());
    let fault = case.create().await.expect_err("denied");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "AccessDenied")
    );
    assert!(fault.message.contains("allow s3:CreateBucket"), "{fault}");

    case.create().await.unwrap();
    stage.proxy().rule(denied("HeadBucket").once());
    let fault = case
        .observe(&Facets::new())
        .await
        .expect_err("our own bucket, and we may not see it");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "AccessDenied"),
        "{fault}"
    );
    assert!(fault.message.contains("s3:ListBucket"), "{fault}");

    stage.proxy().rule(denied("HeadBucket").once());
    stage.proxy().rule(denied("ListBuckets").once());
    let fault = case
        .observe(&Facets::new())
        .await
        .expect_err("it cannot be told whose it is");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "AccessDenied"),
        "{fault}"
    );
    assert!(fault.message.contains("s3:ListAllMyBuckets"), "{fault}");
}

#[tokio::test]
async fn refused_credentials_are_the_providers_fault_even_where_the_answer_has_no_body() {
    let stage = Stage::new().await;
    let case = stage.case("refused-credentials");
    let expired = |operation| {
        refuse(
            operation,
            StatusCode::BAD_REQUEST,
            "ExpiredToken",
            "The token has expired",
        )
    };
    stage.proxy().rule(expired("HeadBucket"));
    stage.proxy().rule(expired("ListBuckets"));
    let fault = case.observe(&Facets::new()).await.expect_err("expired");
    assert_eq!(
        (fault.scope, fault.reason.as_str()),
        (Scope::Provider, "AuthenticationFailed"),
        "{fault}"
    );
    assert_eq!(
        fault.code, "ExpiredToken",
        "the list of buckets says what HeadBucket cannot"
    );
}

/// Where our own buckets may not be listed, only a header of HeadBucket's tells that the bucket is elsewhere.
#[tokio::test]
async fn a_bucket_of_another_region_is_no_fault_of_the_provider() {
    let stage = Stage::new().await;
    let case = stage.case("unlisted-elsewhere");
    let denied = refuse("ListBuckets", StatusCode::FORBIDDEN, "AccessDenied", "no");
    stage.proxy().rule(denied);
    let refused = (Class::Blocked, Scope::Provider, "AuthenticationFailed");
    for (region, expected) in [
        (
            "ap-southeast-2",
            (Class::Terminal, Scope::Object, "WrongRegion"),
        ),
        (REGION, refused),
    ] {
        let mut answer = refusal::s3(StatusCode::BAD_REQUEST, "", "");
        let header = region.parse().unwrap();
        answer.headers_mut().insert("x-amz-bucket-region", header);
        let head = Rule::when(about("HeadBucket"), Action::Answer(answer)).once();
        stage.proxy().rule(head);
        let fault = case.observe(&Facets::new()).await.expect_err(region);
        let found = (fault.class, fault.scope, fault.reason.as_str());
        assert_eq!(found, expected, "{fault}");
        let is_told = fault.message.contains("ap-southeast-2");
        assert_eq!(is_told, region != REGION, "{fault}");
    }
}

#[tokio::test]
async fn an_echo_of_the_request_reaches_nobody() {
    let stage = Stage::new().await;
    let case = stage.case("echo");
    let echo = "The request signature we calculated does not match the signature you provided. \
                AKIATESTSTESTSTESTS1 StringToSign: AWS4-HMAC-SHA256 20261121T000000Z \
                5f3ee75165fe2c79e9e4b8a4bbb6a6a2c4d9d1f6c5f1e7f7c9f9f4a1b2c3d4e5";
    stage.proxy().rule(refuse(
        "CreateBucket",
        StatusCode::FORBIDDEN,
        "SignatureDoesNotMatch",
        echo,
    ));
    let fault = case.create().await.expect_err("refused");
    assert_eq!(fault.reason.as_str(), "AuthenticationFailed");
    for secret in ["AKIATESTSTESTSTESTS1", "AWS4-HMAC", "5f3ee75165fe"] {
        assert!(!fault.message.contains(secret), "{fault}");
    }
}

#[tokio::test]
async fn the_pause_that_aws_asks_for_is_kept() {
    let stage = Stage::new().await;
    let mut answer = refusal::s3(
        StatusCode::SERVICE_UNAVAILABLE,
        "SlowDown",
        "Reduce your request rate",
    );
    answer
        .headers_mut()
        .insert("retry-after", "17".parse().unwrap());
    stage
        .proxy()
        .rule(Rule::when(about("CreateBucket"), Action::Answer(answer)));
    let fault = stage
        .case("retry-after")
        .create()
        .await
        .expect_err("throttled");
    assert_eq!(
        (fault.class, fault.after),
        (Class::Throttled, Some(Duration::from_secs(17)))
    );
}
