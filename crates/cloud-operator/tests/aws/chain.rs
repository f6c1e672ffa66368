//! Chains of roles: each assumed by the one before it, on its own terms.

use std::time::Duration;

use cloud_operator::aws::{Access, Aws, Hop, Pod, Source, TokenFolders, WebIdentity};
use harness::{
    aws::{AwsProxy, refusal},
    moto::Moto,
    proxy::{Action, Gate, Point, Rule},
    wait,
};
use http::StatusCode;
use operator_core::decide::{
    clock::Clock,
    outcome::{Class, Scope},
};

use crate::stage::{ACCOUNT, OTHER_ACCOUNT, access, client, settings};

const THIRD_ACCOUNT: &str = "333344445555";
const HOUR: Duration = Duration::from_secs(3600);

async fn proxy() -> AwsProxy {
    AwsProxy::start(Moto::shared().await.unwrap().url())
        .await
        .unwrap()
}

fn chained(aws: &AwsProxy, chain: Vec<Hop>) -> Access {
    Access {
        endpoint: Some(aws.url().parse().unwrap()),
        chain,
        ..access("chain")
    }
}

fn role(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

fn to(account: &str, name: &str, external_id: &str) -> Hop {
    Hop {
        external_id: Some(external_id.to_owned()),
        ..Hop::to(role(account, name))
    }
}

/// The forms of all requests to STS for credentials, decoded, in their order.
fn asked(aws: &AwsProxy) -> Vec<String> {
    let requests = aws.proxy().requests();
    let forms = requests
        .iter()
        .filter(|it| it.call.about.starts_with("AssumeRole"));
    let decoded = forms.map(|it| {
        let form = String::from_utf8_lossy(&it.call.body).into_owned();
        form.replace("%3A", ":")
            .replace("%2F", "/")
            .replace('+', " ")
    });
    decoded.collect()
}

/// Whether the form has this field with this value.
fn has(form: &str, field: &str) -> bool {
    form.split('&').any(|it| it == field)
}

#[tokio::test]
async fn roles_are_assumed_in_order_each_with_its_external_id() {
    let aws = proxy().await;
    let chain = vec![
        to(OTHER_ACCOUNT, "first", "one/a"),
        to(THIRD_ACCOUNT, "second", "two/b"),
    ];
    let session = client(&aws).open(&chained(&aws, chain)).await.unwrap();
    assert_eq!(session.caller.account.as_ref(), THIRD_ACCOUNT);
    let arn = format!("arn:aws:sts::{THIRD_ACCOUNT}:assumed-role/second/tests.chain");
    assert_eq!(session.caller.arn.as_ref(), arn);

    let forms = asked(&aws);
    let [first, second] = forms.as_slice() else {
        panic!("two roles: {forms:?}");
    };
    let arn = |account, name| format!("RoleArn={}", role(account, name));
    assert!(has(first, &arn(OTHER_ACCOUNT, "first")), "{first}");
    assert!(has(first, "ExternalId=one/a"), "{first}");
    assert!(has(second, &arn(THIRD_ACCOUNT, "second")), "{second}");
    assert!(has(second, "ExternalId=two/b"), "{second}");

    // The keys sign for the first role, that role for the second, and the second for everything else.
    let requests = aws.proxy().requests();
    let signers: Vec<_> = requests.iter().map(|it| &it.call.signer).collect();
    assert_eq!(signers[0], "AKIATESTSTESTSTESTS1");
    assert_eq!(signers.len(), 3);
    assert!(signers[1] != signers[0] && signers[2] != signers[1]);
}

#[tokio::test]
async fn all_terms_of_a_role_reach_aws() {
    let aws = proxy().await;
    let hop = Hop {
        session_name: Some("nightly".into()),
        duration: Some(1800),
        tags: [("team", "a"), ("stage", "test")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        transitive_tag_keys: vec!["team".into()],
        policy: Some(r#"{"Version":"2012-10-17"}"#.into()),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        ..to(OTHER_ACCOUNT, "tenant", "x-1")
    };
    let session = client(&aws).open(&chained(&aws, vec![hop])).await.unwrap();
    assert!(session.caller.arn.as_ref().ends_with("/tenant/nightly"));
    let form = &asked(&aws)[0];
    for field in [
        "RoleSessionName=nightly",
        "DurationSeconds=1800",
        "Tags.member.1.Key=stage",
        "Tags.member.1.Value=test",
        "Tags.member.2.Key=team",
        "Tags.member.2.Value=a",
        "TransitiveTagKeys.member.1=team",
        "PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess",
        "Policy=%7B%22Version%22:%222012-10-17%22%7D",
    ] {
        assert!(has(form, field), "{field} in {form}");
    }
}

#[tokio::test]
async fn a_role_that_is_refused_is_told_with_its_call() {
    let aws = proxy().await;
    let denied = refusal::query(StatusCode::FORBIDDEN, "AccessDenied", "not authorized");
    let second =
        |call: &harness::proxy::Call| String::from_utf8_lossy(&call.body).contains("second");
    aws.proxy().rule(Rule::when(second, Action::Answer(denied)));
    let chain = vec![
        to(OTHER_ACCOUNT, "first", "one"),
        to(THIRD_ACCOUNT, "second", "two"),
    ];
    let fault = client(&aws).open(&chained(&aws, chain)).await;
    let fault = fault.expect_err("the second role does not trust the first");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "AuthenticationFailed")
    );
    assert!(
        fault.message.starts_with("sts:AssumeRole was refused")
            && fault.message.contains(&role(THIRD_ACCOUNT, "second")),
        "{fault}"
    );
}

#[tokio::test]
async fn providers_with_the_same_chain_share_its_credentials() {
    let aws = proxy().await;
    let client = client(&aws);
    let named = |hop: Hop| Hop {
        session_name: Some("shared".into()),
        ..hop
    };
    let chain = vec![
        named(to(OTHER_ACCOUNT, "first", "one")),
        named(to(THIRD_ACCOUNT, "second", "two")),
    ];
    let mut sessions = Vec::new();
    for name in ["a", "b", "c"] {
        let access = Access {
            provider: operator_core::decide::key::ObjectKey::new("tests", name),
            ..chained(&aws, chain.clone())
        };
        sessions.push(client.open(&access).await.unwrap());
    }
    assert_eq!(asked(&aws).len(), 2, "one for each role");
    // A chain that begins in the same way shares its beginning.
    let access = chained(&aws, chain[..1].to_vec());
    sessions.push(client.open(&access).await.unwrap());
    assert_eq!(asked(&aws).len(), 2);
}

#[tokio::test]
async fn the_whole_chain_is_renewed_before_its_credentials_end() {
    let aws = proxy().await;
    let clock = Clock::system();
    let client = Aws::new(settings(&aws), clock.clone());
    let chain = vec![
        to(OTHER_ACCOUNT, "first", "one"),
        to(THIRD_ACCOUNT, "second", "two"),
    ];
    let session = client.open(&chained(&aws, chain)).await.unwrap();
    session.verify().await.unwrap();
    assert_eq!(asked(&aws).len(), 2);

    // Less than the lead is left. While STS refuses, what is held goes on until its end ...
    clock.advance(HOUR - Duration::from_secs(4 * 60));
    let refused = refusal::query(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "");
    let assumptions = |call: &harness::proxy::Call| call.about == "AssumeRole";
    let refusing = aws
        .proxy()
        .rule(Rule::when(assumptions, Action::Answer(refused)));
    session.verify().await.unwrap();
    let both = async || refusing.hits() == 2;
    let renewed = wait::until("both renewals were refused", wait::PATIENCE, both);
    renewed.await.unwrap();
    clock.advance(Duration::from_secs(4 * 60));
    let fault = session.verify().await.expect_err("they have ended");
    assert_eq!(fault.class, Class::Transient, "{fault}");
    // ... and is renewed as soon as STS works again.
    refusing.remove();
    session.verify().await.unwrap();
}

#[tokio::test]
async fn while_sts_hangs_what_works_is_used_and_what_is_missing_is_named() {
    let aws = proxy().await;
    let clock = Clock::system();
    let client = Aws::new(settings(&aws), clock.clone());
    let access = chained(&aws, vec![to(OTHER_ACCOUNT, "first", "one")]);
    let session = client.open(&access).await.unwrap();

    clock.advance(HOUR - Duration::from_secs(4 * 60));
    let sts = Gate::new();
    let assumptions = |call: &harness::proxy::Call| call.about == "AssumeRole";
    let hold = Action::Hold(Point::Before, sts.clone());
    let hanging = aws.proxy().rule(Rule::when(assumptions, hold));
    for _ in 0..3 {
        session.verify().await.expect("they work for minutes yet");
    }
    sts.arrived(1).await;
    assert_eq!(hanging.hits(), 1, "one renewal is in flight");

    // Once they have ended it is credentials that are missing, and not the answer to some other call.
    clock.advance(HOUR);
    let fault = session.verify().await.expect_err("nobody answers");
    assert!(!fault.message.contains("GetCallerIdentity"), "{fault}");
    assert_eq!(
        (fault.class, fault.scope),
        (Class::Transient, Scope::Provider),
        "{fault}"
    );
    hanging.remove();
    sts.open();
    session.verify().await.unwrap();
}

#[tokio::test]
async fn credentials_that_aws_took_away_are_asked_for_anew() {
    let aws = proxy().await;
    let clock = Clock::system();
    let client = Aws::new(settings(&aws), clock.clone());
    let access = chained(&aws, vec![to(OTHER_ACCOUNT, "first", "one")]);
    let session = client.open(&access).await.unwrap();
    clock.advance(Duration::from_secs(60));
    session.forget_credentials();
    session.verify().await.unwrap();
    assert_eq!(asked(&aws).len(), 2);
}

#[tokio::test]
async fn a_web_identity_can_begin_a_chain_and_has_terms_of_its_own() {
    let aws = proxy().await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "projected").unwrap();
    let identity = WebIdentity {
        token_file: Some(token_file),
        session_name: Some("pod".into()),
        duration: Some(900),
        ..WebIdentity::of(role(ACCOUNT, "pod"))
    };
    let access = Access {
        source: Source::WebIdentity(identity),
        ..chained(&aws, vec![to(OTHER_ACCOUNT, "tenant", "x-1")])
    };
    let fault = client(&aws)
        .open(&access)
        .await
        .expect_err("no folder is allowed");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "TokenFileNotAllowed"),
        "{fault}"
    );
    assert!(aws.proxy().requests().is_empty(), "nothing was sent");

    let settings = cloud_operator::aws::Settings {
        token_folders: TokenFolders(vec![folder.path().to_owned()]),
        ..settings(&aws)
    };
    let client = Aws::new(settings, Clock::system());
    let session = client.open(&access).await.unwrap();
    assert_eq!(session.caller.account.as_ref(), OTHER_ACCOUNT);
    let forms = asked(&aws);
    for field in [
        "Action=AssumeRoleWithWebIdentity",
        "RoleSessionName=pod",
        "DurationSeconds=900",
        "WebIdentityToken=projected",
    ] {
        assert!(has(&forms[0], field), "{field} in {}", forms[0]);
    }
    assert!(has(&forms[1], "ExternalId=x-1"), "{}", forms[1]);
}

#[tokio::test]
async fn another_account_than_the_expected_one_is_refused_with_both() {
    let aws = proxy().await;
    let expecting = |account: &str| Access {
        account: Some(account.parse().unwrap()),
        ..chained(&aws, vec![to(OTHER_ACCOUNT, "tenant", "x-1")])
    };
    let client = client(&aws);
    client.open(&expecting(OTHER_ACCOUNT)).await.unwrap();
    let fault = client.open(&expecting(ACCOUNT)).await.expect_err("another");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "AccountMismatch")
    );
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        assert!(fault.message.contains(account), "{fault}");
    }
}

#[tokio::test]
async fn the_pods_own_role_is_used_where_no_credentials_are_named() {
    let aws = proxy().await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "token-of-the-pod").unwrap();
    let settings = cloud_operator::aws::Settings {
        pod: Pod {
            token_file: Some(token.path().to_owned()),
            role_arn: Some(role(ACCOUNT, "pod")),
            session_name: Some("replica-1".into()),
            instance: false,
        },
        ..settings(&aws)
    };
    let access = Access {
        source: Source::Ambient,
        ..chained(&aws, Vec::new())
    };
    let session = Aws::new(settings, Clock::system()).open(&access).await;
    let arn = session.unwrap().caller.arn;
    assert!(arn.as_ref().ends_with("/pod/replica-1"), "{}", arn.as_ref());
    assert!(has(&asked(&aws)[0], "WebIdentityToken=token-of-the-pod"));
}
