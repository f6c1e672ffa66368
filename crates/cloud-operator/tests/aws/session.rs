//! Sessions: where credentials come from, and whose they are.

use std::{io::Write as _, time::Duration};

use cloud_operator::aws::{
    Access, Aws, EndpointPolicy, Hop, Pod, Settings, Source, Timeouts, WebIdentity,
};
use harness::{
    aws::{AwsProxy, refusal},
    moto::Moto,
    proxy::{Action, Gate, Point, Rule},
};
use http::StatusCode;
use operator_core::decide::{
    clock::Clock,
    outcome::{Class, Scope},
};

use crate::stage::{ACCOUNT, OTHER_ACCOUNT, access, client, settings};

async fn proxy() -> AwsProxy {
    AwsProxy::start(Moto::shared().await.unwrap().url())
        .await
        .unwrap()
}

fn through(aws: &AwsProxy, access: Access) -> Access {
    Access {
        endpoint: Some(aws.url().parse().unwrap()),
        ..access
    }
}

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/tests")
}

#[tokio::test]
async fn static_keys_are_told_whose_they_are() {
    let aws = proxy().await;
    let session = client(&aws)
        .open(&through(&aws, access("keys")))
        .await
        .unwrap();
    assert_eq!(session.caller.account.as_ref(), ACCOUNT);
    assert_eq!(session.caller.partition.as_ref(), "aws");
    assert_eq!(session.verify().await.unwrap(), session.caller);
}

#[tokio::test]
async fn a_role_is_assumed_under_the_providers_name() {
    let aws = proxy().await;
    let chain = vec![Hop {
        external_id: Some("agreed".into()),
        ..Hop::to(role(OTHER_ACCOUNT))
    }];
    let session = client(&aws)
        .open(&through(
            &aws,
            Access {
                chain,
                ..access("hop")
            },
        ))
        .await
        .unwrap();
    assert_eq!(session.caller.account.as_ref(), OTHER_ACCOUNT);
    assert!(
        session.caller.arn.as_ref().ends_with("/tests.hop"),
        "{}",
        session.caller.arn.as_ref()
    );
    let assumed = aws.proxy().settled(|call| call.about == "AssumeRole").await;
    assert!(String::from_utf8_lossy(&assumed.call.body).contains("ExternalId=agreed"));
    session.verify().await.unwrap();
    let assumptions = aws
        .proxy()
        .counts()
        .iter()
        .filter(|(_, about, _)| *about == "AssumeRole")
        .count();
    assert_eq!(
        assumptions, 1,
        "the role's credentials are kept until they expire"
    );
}

#[tokio::test]
async fn the_pods_token_is_exchanged_and_read_anew_at_every_refresh() {
    let aws = proxy().await;
    let mut token = tempfile::NamedTempFile::new().unwrap();
    token.write_all(b"first-token").unwrap();
    let settings = Settings {
        pod: Pod {
            token_file: Some(token.path().to_owned()),
            ..Pod::default()
        },
        ..settings(&aws)
    };
    let source = Source::WebIdentity(WebIdentity::of(role(ACCOUNT)));
    let access = through(
        &aws,
        Access {
            source,
            ..access("web-identity")
        },
    );
    let clock = Clock::system();
    let client = Aws::new(settings, clock.clone());
    let session = client.open(&access).await.unwrap();
    assert!(
        session.caller.arn.as_ref().ends_with("/tests.web-identity"),
        "{}",
        session.caller.arn.as_ref()
    );

    std::fs::write(token.path(), "second-token").unwrap();
    session.verify().await.unwrap();
    // Past the end of what STS gave, an hour at the most.
    clock.advance(Duration::from_secs(3600));
    session.verify().await.unwrap();
    let bodies: Vec<String> = aws
        .proxy()
        .requests()
        .iter()
        .filter(|request| request.call.about == "AssumeRoleWithWebIdentity")
        .map(|request| String::from_utf8_lossy(&request.call.body).into_owned())
        .collect();
    assert!(
        bodies[0].contains("first-token") && bodies[1].contains("second-token"),
        "{bodies:?}"
    );

    assert_eq!(bodies.len(), 2, "only a refresh asks anew");

    std::fs::remove_file(token.path()).unwrap();
    clock.advance(Duration::from_secs(3600));
    let fault = client.open(&access).await.expect_err("no token");
    assert_eq!(
        (fault.scope, fault.reason.as_str()),
        (Scope::Provider, "AuthenticationFailed"),
        "{fault}"
    );
    assert!(fault.message.contains("cannot be read"), "{fault}");
}

#[tokio::test]
async fn a_web_identity_without_a_token_says_what_is_missing() {
    let aws = proxy().await;
    let source = Source::WebIdentity(WebIdentity::of(role(ACCOUNT)));
    let fault = client(&aws)
        .open(&through(
            &aws,
            Access {
                source,
                ..access("no-token")
            },
        ))
        .await
        .expect_err("none");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "AuthenticationFailed")
    );
    assert!(
        fault.message.contains("AWS_WEB_IDENTITY_TOKEN_FILE"),
        "{fault}"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_not_allowed_gets_no_request() {
    let aws = proxy().await;
    let fault = Aws::new(Settings::default(), Clock::system())
        .open(&through(&aws, access("endpoint")))
        .await
        .expect_err("not allowed");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "EndpointNotAllowed")
    );
    assert!(fault.message.contains("--allowed-endpoints"), "{fault}");
    assert!(aws.proxy().requests().is_empty());
}

#[tokio::test]
async fn what_sts_refuses_is_the_providers_fault_and_says_why() {
    let aws = proxy().await;
    let refuse = |operation: &'static str, code, message| {
        let answer = refusal::query(StatusCode::FORBIDDEN, code, message);
        aws.proxy()
            .rule(Rule::when(move |call| call.about == operation, Action::Answer(answer)).once());
    };
    refuse(
        "GetCallerIdentity",
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    );
    let fault = client(&aws)
        .open(&through(&aws, access("refused")))
        .await
        .expect_err("refused");
    assert_eq!(
        (fault.class, fault.scope),
        (Class::Blocked, Scope::Provider),
        "{fault}"
    );
    assert_eq!(
        (fault.reason.as_str(), fault.code.as_ref()),
        ("AuthenticationFailed", "InvalidClientTokenId")
    );

    refuse(
        "AssumeRole",
        "AccessDenied",
        "User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole",
    );
    let chain = vec![Hop::to(role(OTHER_ACCOUNT))];
    let fault = client(&aws)
        .open(&through(
            &aws,
            Access {
                chain,
                ..access("hop")
            },
        ))
        .await
        .expect_err("refused");
    assert_eq!(
        (fault.class, fault.scope),
        (Class::Blocked, Scope::Provider),
        "{fault}"
    );
    assert!(
        fault
            .message
            .starts_with("sts:AssumeRole was refused: AccessDenied"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_silent_endpoint_is_given_up_in_time() {
    let aws = proxy().await;
    let gate = Gate::new();
    aws.proxy()
        .rule(Rule::when(|_| true, Action::Hold(Point::Before, gate)));
    let settings = Settings {
        timeouts: Timeouts {
            attempt: Duration::from_millis(200),
            ..Timeouts::default()
        },
        ..settings(&aws)
    };
    let fault = Aws::new(settings, Clock::system())
        .open(&through(&aws, access("silent")))
        .await
        .expect_err("no answer");
    assert_eq!(
        (fault.class, fault.scope, fault.reason.as_str()),
        (Class::Transient, Scope::Provider, "AuthenticationFailed")
    );
}

#[tokio::test]
async fn neither_debug_text_nor_fault_shows_a_key() {
    let aws = proxy().await;
    let access = through(&aws, access("secretive"));
    let session = client(&aws).open(&access).await.unwrap();
    let gone = Access {
        endpoint: Some("http://127.0.0.1:1".parse().unwrap()),
        ..access.clone()
    };
    let settings = Settings {
        endpoints: EndpointPolicy {
            allowed: vec!["127.0.0.1:1".parse().unwrap()],
            allow_http: true,
        },
        ..Settings::default()
    };
    let fault = Aws::new(settings, Clock::system())
        .open(&gone)
        .await
        .expect_err("nobody listens");
    for text in [
        format!("{access:?}"),
        format!("{session:?}"),
        format!("{fault:?}"),
    ] {
        assert!(
            !text.contains("AKIATESTS") && !text.contains("s3cr3t"),
            "{text}"
        );
    }
    assert_eq!(fault.class, Class::Transient);
    assert!(fault.message.contains("refused"), "{fault}");
}
