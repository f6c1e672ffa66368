//! Who may connect: names, client certificates, and their rotation under way.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use crate::stage::{
    PATIENCE, Stage, UNHURRIED,
    http::{answers, get, origin},
    time::elapse,
    traffic::Traffic,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::APIRoute;
use gateway::{Event, Gateway, Options};
use harness::{scratch::Scratch, wait};
use k8s_openapi::api::core::v1::Secret;
use operator_core::decide::clock::Clock;

const OPERATOR_CERT: &str = "avapigw-operator-grpc-cert";
const GATEWAY_CERT: &str = "gateway-cert";

/// Waits until the gateway has tried more than once, and returns why it failed.
async fn is_refused(gateway: &Gateway) -> Result<Vec<String>> {
    let why = || {
        let events = gateway.events().into_iter();
        let failed = |record: gateway::Record| match record.event {
            Event::RegistrationFailed { error } => Some(error),
            _ => None,
        };
        events.filter_map(failed).collect::<Vec<_>>()
    };
    let tried = |_: &gateway::State| why().len() >= 3;
    gateway.wait_for("some attempts", PATIENCE, tried).await?;
    assert_eq!(gateway.state().counts.registrations, 0);
    Ok(why())
}

async fn is_served(stage: &Stage, gateway: &Gateway) -> Result<()> {
    stage.backend("web", origin("web").await?).await?;
    stage.route("api", "/api", "web").await?;
    stage.ready::<APIRoute>("api").await?;
    answers(gateway, "/api", 200, "web GET /api").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_another_name_is_not_trusted() -> Result<()> {
    let stage = Stage::new("name").await?;
    let operator = stage.operator_with(&["--cert-dns-names=somebody.else"])?;
    let options = stage.gateway_options("gw").await?;
    let named = options
        .operator
        .replace("avapigw-operator", "somebody.else");
    let resolve = [("somebody.else".to_owned(), stage.port.address())].into();
    let wrong = Gateway::start(options.clone()).await?;
    for why in is_refused(&wrong).await? {
        assert!(why.contains("certificate"), "{why}");
    }
    let right = Gateway::start(Options {
        operator: named,
        resolve,
        ..options
    })
    .await?;
    is_served(&stage, &right).await?;
    operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_certificate_is_served_only_where_that_is_asked_for() -> Result<()> {
    let stage = Stage::new("nameless").await?;
    let operator = stage.operator()?;
    let known = stage.gateway("known").await?;
    let nameless = stage.nameless_options("nameless").await?;
    let refused = Gateway::start(nameless.clone()).await?;
    is_refused(&refused).await?;
    is_served(&stage, &known).await?;
    drop(refused);
    operator.stop().await?;

    let operator = stage.operator_with(&["--grpc-require-client-cert=false"])?;
    let taken = Gateway::start(nameless).await?;
    answers(&taken, "/api", 200, "web GET /api").await?;
    answers(&known, "/api", 200, "web GET /api").await?;
    operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_even_where_none_is_needed() -> Result<()> {
    let (stage, other) = (Stage::new("mine").await?, Stage::new("other").await?);
    let operator = stage.operator_with(&["--grpc-require-client-cert=false"])?;
    let elsewhere = other.operator()?;
    let foreign = other
        .gateway_options("gw")
        .await?
        .tls
        .and_then(|tls| tls.identity);
    let mut options = stage.gateway_options("gw").await?;
    if let Some(tls) = &mut options.tls {
        tls.identity = foreign;
    }
    let stranger = Gateway::start(options).await?;
    is_refused(&stranger).await?;
    elsewhere.stop().await?;
    operator.stop().await
}

/// The values of a Secret, by their keys.
type Values = BTreeMap<String, Vec<u8>>;

/// Those of a Secret of this stage.
async fn values(stage: &Stage, secret: &str) -> Result<Values> {
    let secret = stage.api_of::<Secret>().get(secret).await?;
    let data = secret.data.unwrap_or_default().into_iter();
    Ok(data.map(|(key, value)| (key, value.0)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn mounted_files_change_under_traffic_and_the_stream_stays() -> Result<()> {
    // Two authorities issue what somebody else would mount.
    let (stage, next) = (Stage::new("mounted").await?, Stage::new("next").await?);
    let mut issued = Vec::new();
    let mut gateways = Vec::new();
    for stage in [&stage, &next] {
        let issuer = stage.operator()?;
        gateways.push(stage.gateway_options("gw").await?);
        issuer.stop().await?;
        issued.push(values(stage, OPERATOR_CERT).await?);
    }
    let folder = Scratch::new("mounted")?;
    let file = |name: &str| folder.path().join(name);
    let mount = |pair: &BTreeMap<String, Vec<u8>>| -> Result<()> {
        for name in ["tls.key", "tls.crt"] {
            fs::write(file("new"), &pair[name])?;
            fs::rename(file("new"), file(name))?;
        }
        Ok(())
    };
    let both = [&issued[0]["ca.crt"][..], b"\n", &issued[1]["ca.crt"]].concat();
    fs::write(file("ca.crt"), both)?;
    mount(&issued[0])?;
    let setting = |name: &str, of: &str| format!("--{name}={}", file(of).display());
    let files = [
        "--cert-provider=file".to_owned(),
        "--gateway-cert-secrets=".to_owned(),
        setting("cert-file", "tls.crt"),
        setting("key-file", "tls.key"),
        setting("ca-file", "ca.crt"),
    ];
    let settings: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .chain(UNHURRIED.iter().copied())
        .collect();
    let operator = stage.operator_with(&settings)?;

    let clock = Clock::system();
    let later = gateways.pop().expect("two");
    let options = gateways.pop().expect("two");
    let options = Options {
        clock: clock.clone(),
        ..options
    };
    let gateway = Arc::new(Gateway::start(options).await?);
    is_served(&stage, &gateway).await?;
    let session = gateway.state().session;
    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    traffic.goes_on().await?;

    // Who trusts the next authority alone is served once its certificate is mounted, and not before.
    let later = Options {
        name: "later".to_owned(),
        resolve: [("avapigw-operator".to_owned(), stage.port.address())].into(),
        operator: format!("avapigw-operator:{}", stage.port.number()),
        ..later
    };
    let later = Gateway::start(later).await?;
    is_refused(&later).await?;
    mount(&issued[1])?;
    wait::until("the new certificate to be shown", PATIENCE, || async {
        operator.clock.advance(Duration::from_millis(500));
        get(&later, "/api")
            .await
            .is_ok_and(|answer| answer.0 == 200)
    })
    .await?;
    traffic.goes_on().await?;
    stage.route("more", "/more", "web").await?;
    answers(&gateway, "/more", 200, "web GET /more").await?;
    assert_eq!(gateway.state().session, session, "the stream is the same");
    traffic.was_served().await?;
    operator.stop().await?;
    for gateway in [&*gateway, &later] {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    Ok(())
}

/// A certificate lasts 30 days, and is renewed when 10 are left.
const RENEWED_AFTER: Duration = Duration::from_secs(20 * 24 * 60 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn the_own_authority_renews_its_certificate_under_traffic_and_the_stream_stays() -> Result<()>
{
    let stage = Stage::new("renewal").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let options = stage.gateway_options("gw").await?;
    let at_first = values(&stage, OPERATOR_CERT).await?;
    let clock = operator.clock.clone();
    clock.advance(RENEWED_AFTER - Duration::from_secs(120));
    let options = Options {
        clock: clock.clone(),
        ..options
    };
    let gateway = Arc::new(Gateway::start(options).await?);
    is_served(&stage, &gateway).await?;
    let session = gateway.state().session;
    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    traffic.goes_on().await?;
    assert_eq!(values(&stage, OPERATOR_CERT).await?, at_first);

    elapse(&clock, &[&gateway], Duration::from_secs(180)).await?;
    wait::until("the certificate to be renewed", PATIENCE, || async {
        let now = values(&stage, OPERATOR_CERT).await;
        now.is_ok_and(|now| now["tls.crt"] != at_first["tls.crt"])
    })
    .await?;
    let renewed = values(&stage, OPERATOR_CERT).await?;
    assert_eq!(renewed["ca.crt"], at_first["ca.crt"]);
    traffic.goes_on().await?;
    stage.route("more", "/more", "web").await?;
    answers(&gateway, "/more", 200, "web GET /more").await?;
    assert_eq!(gateway.state().session, session, "the stream is the same");
    traffic.was_served().await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// An authority lasts a year. When a quarter is left its successor is published, and takes over a day later.
const SUCCESSOR_AFTER: Duration = DAY.saturating_mul(275);

#[tokio::test(flavor = "multi_thread")]
async fn the_own_authority_is_succeeded_under_traffic_and_the_stream_stays() -> Result<()> {
    let stage = Stage::new("succession").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    stage.gateway_options("gw").await?;
    let at_first = values(&stage, OPERATOR_CERT).await?;
    let gateways_at_first = values(&stage, GATEWAY_CERT).await?;
    let clock = operator.clock.clone();
    clock.advance(SUCCESSOR_AFTER);
    let stored = async |what: &str, is: &dyn Fn(&Values) -> bool| {
        wait::until(what, PATIENCE, || async {
            let now = values(&stage, OPERATOR_CERT).await;
            now.is_ok_and(|now| is(&now))
        })
        .await?;
        values(&stage, OPERATOR_CERT).await
    };
    let published = stored("a successor, and a certificate that is valid", &|now| {
        now.contains_key("next-ca.key") && now["tls.crt"] != at_first["tls.crt"]
    })
    .await?;
    assert_eq!(published["ca.key"], at_first["ca.key"]);
    // It is written after that.
    let renewed = |now: &Values, key: &str| now[key] != gateways_at_first[key];
    wait::until("the gateways' own to follow", PATIENCE, || async {
        let now = values(&stage, GATEWAY_CERT).await;
        now.is_ok_and(|now| renewed(&now, "ca.crt") && renewed(&now, "tls.crt"))
    })
    .await?;
    clock.advance(DAY - Duration::from_secs(120));

    let options = stage.gateway_options("gw").await?;
    let options = Options {
        clock: clock.clone(),
        ..options
    };
    let gateway = Arc::new(Gateway::start(options.clone()).await?);
    is_served(&stage, &gateway).await?;
    let session = gateway.state().session;
    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    traffic.goes_on().await?;
    let before = values(&stage, OPERATOR_CERT).await?;
    assert_eq!(before["ca.key"], at_first["ca.key"], "a day is not over");

    elapse(&clock, &[&gateway], Duration::from_secs(240)).await?;
    stored("the successor to take over", &|now| {
        now["ca.key"] == published["next-ca.key"] && now["tls.crt"] != before["tls.crt"]
    })
    .await?;
    traffic.goes_on().await?;
    stage.route("more", "/more", "web").await?;
    answers(&gateway, "/more", 200, "web GET /more").await?;
    assert_eq!(gateway.state().session, session, "the stream is the same");

    // Who comes now is served, with what it read before the successor took over, and with what is there now.
    let mut others = vec![];
    for (name, options) in [
        ("early", options),
        ("late", stage.gateway_options("late").await?),
    ] {
        let options = Options {
            name: name.to_owned(),
            pod: format!("{name}-0"),
            clock: clock.clone(),
            ..options
        };
        let other = Gateway::start(options).await?;
        answers(&other, "/more", 200, "web GET /more").await?;
        others.push(other);
    }
    traffic.was_served().await?;
    operator.stop().await?;
    for gateway in others.iter().chain([&*gateway]) {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    Ok(())
}
