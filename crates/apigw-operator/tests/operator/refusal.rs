//! A gateway refuses an object: that one alone is held out, and told why.

use crate::{
    stage::{
        PATIENCE, Stage, UNHURRIED,
        http::{answers, origin},
        objects::{lifecycle, message},
    },
    steady::says,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Behaviour, Gateway, Kind, Refusal};
use harness::{port::Port, wait};
use rstest::rstest;
use serde_json::json;

const WORDS: &str = "seven seconds bring no luck";
const REFUSED: &str = "RefusedByGateway";

/// Refuses routes with a certain timeout.
fn choosy(names_in_errors: bool) -> Behaviour {
    let unlucky =
        |kind, _: &str, spec: &serde_json::Value| kind == Kind::ApiRoute && spec["timeout"] == "7s";
    Behaviour {
        refuses: Some(Refusal::when(unlucky).because(WORDS)),
        names_in_errors,
        ..Behaviour::default()
    }
}

impl Stage {
    async fn unlucky_route(&self, name: &str, path: &str) -> Result<APIRoute> {
        let spec = json!({
            "match": [{ "uri": { "prefix": path } }],
            "route": [{ "destination": { "host": "web", "port": 80 } }],
            "timeout": "7s",
        });
        self.create(name, spec).await
    }

    async fn ask(&self, name: &str, when: &str) -> Result<APIRoute> {
        let annotations = json!({ "avapigw.io/reconcile-requested-at": when });
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.patch(name, patch).await
    }
}

fn says_why(route: &APIRoute) {
    let said = lifecycle(route);
    let accepted = said.condition("Accepted").expect("it is judged");
    assert_eq!(accepted.status, "True", "it is well by itself");
    let programmed = said.condition("Programmed").expect("it is judged");
    let (status, reason) = (&*programmed.status, &*programmed.reason);
    assert_eq!((status, reason), ("False", REFUSED));
    for condition in ["Programmed", "Ready"] {
        let told = message(route, condition);
        assert!(told.contains(WORDS), "{condition}: {told}");
    }
}

fn never_broken(gateways: &[&Gateway]) {
    for gateway in gateways {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
}

#[rstest]
#[case::by_name(true)]
#[case::by_trial(false)]
#[tokio::test(flavor = "multi_thread")]
async fn the_refused_object_alone_is_held_out_until_it_is_edited(
    #[case] names_in_errors: bool,
) -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    gateway.set(choosy(names_in_errors));
    stage.backend("web", origin("web").await?).await?;
    stage.route("first", "/first", "web").await?;
    stage.ready::<APIRoute>("first").await?;

    for name in ["apple", "cherry", "plum"] {
        stage.route(name, &format!("/{name}"), "web").await?;
    }
    stage.unlucky_route("banana", "/banana").await?;
    stage.route("damson", "/damson", "web").await?;
    let banana: APIRoute = stage.unready("banana", REFUSED).await?;
    says_why(&banana);
    for name in ["first", "apple", "cherry", "plum", "damson"] {
        stage.ready::<APIRoute>(name).await?;
        let body = format!("web GET /{name}");
        answers(&gateway, &format!("/{name}"), 200, &body).await?;
    }
    answers(&gateway, "/banana", 404, "").await?;

    // What was in force is held out, too, once it becomes what a gateway refuses.
    let timeout = |it| json!({ "spec": { "timeout": it } });
    stage.patch::<APIRoute>("apple", timeout("7s")).await?;
    says_why(&stage.unready("apple", REFUSED).await?);
    answers(&gateway, "/apple", 404, "").await?;

    for name in ["apple", "banana"] {
        stage.patch::<APIRoute>(name, timeout("8s")).await?;
        stage.ready::<APIRoute>(name).await?;
        answers(&gateway, &format!("/{name}"), 200, "").await?;
    }
    operator.stop().await?;
    never_broken(&[&gateway]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_held_out_by_its_name_and_its_namesake_stays() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let bad = |kind, name: &str, _: &serde_json::Value| kind == Kind::Backend && name == "bad";
    gateway.set(Behaviour {
        refuses: Some(Refusal::when(bad).because(WORDS)),
        ..Behaviour::default()
    });
    let web = origin("web").await?;
    stage.backend("web", web).await?;
    stage.backend("bad", web).await?;
    // The gateway's words name both.
    stage.route("bad", "/bad", "web").await?;
    let refused: Backend = stage.unready("bad", REFUSED).await?;
    assert!(message(&refused, "Ready").contains(WORDS));
    stage.ready::<APIRoute>("bad").await?;
    answers(&gateway, "/bad", 200, "web GET /bad").await?;
    operator.stop().await?;
    never_broken(&[&gateway]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_again_when_somebody_asks() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    gateway.set(choosy(true));
    stage.backend("web", origin("web").await?).await?;
    stage.unlucky_route("try", "/try").await?;
    stage.unready::<APIRoute>("try", REFUSED).await?;
    let before = gateway.state().counts.refused;

    stage.ask("try", "once").await?;
    let what = "it was tried again, and refused again";
    let answered = |route: &APIRoute| {
        let said = lifecycle(route);
        let programmed = said.condition("Programmed");
        said.last_handled_reconcile_at.as_deref() == Some("once")
            && programmed.is_some_and(|it| it.reason == REFUSED)
            && said
                .condition("Ready")
                .is_some_and(|it| it.reason == REFUSED)
            && gateway.state().counts.refused > before
    };
    wait::wait_for(&stage.api_of(), "try", what, PATIENCE, answered).await?;

    gateway.set(Behaviour::default());
    stage.ask("try", "twice").await?;
    stage.ready::<APIRoute>("try").await?;
    answers(&gateway, "/try", 200, "web GET /try").await?;
    operator.stop().await?;
    never_broken(&[&gateway]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_restarted_operator_nor_another_replica_sends_it_again() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    gateway.set(choosy(true));
    stage.backend("web", origin("web").await?).await?;
    // A route that is seen before what it refers to is told of twice.
    stage.ready::<Backend>("web").await?;
    stage.unlucky_route("bad", "/bad").await?;
    let told = stage.unready::<APIRoute>("bad", REFUSED).await?;
    says_why(&told);

    let port = Port::reserve()?;
    let address = format!("--grpc-bind-address={}", port.address());
    let replica = stage.operator_with(&["--pod-name=second", &address])?;
    let mut options = stage.gateway_options("other").await?;
    options.operator = format!("avapigw-operator:{}", port.number());
    options.resolve = [("avapigw-operator".to_owned(), port.address())].into();
    options.behaviour = choosy(true);
    let other = Gateway::start(options).await?;
    stage.route("second", "/second", "web").await?;
    answers(&other, "/second", 200, "web GET /second").await?;
    assert_eq!(
        other.state().counts.refused,
        0,
        "the other replica's gateway"
    );

    let before = gateway.state().counts;
    operator.stop().await?;
    let operator = stage.operator()?;
    let again = |state: &gateway::State| state.counts.registrations > before.registrations;
    gateway.wait_for("it is back", PATIENCE, again).await?;
    stage.route("third", "/third", "web").await?;
    for gateway in [&gateway, &other] {
        answers(gateway, "/third", 200, "web GET /third").await?;
    }
    assert_eq!(
        gateway.state().counts.refused,
        before.refused,
        "after a restart"
    );
    assert_eq!(
        other.state().counts.refused,
        0,
        "the other replica's gateway"
    );
    // Its status is from before, and stays: nobody was asked anew.
    let now = stage.unready::<APIRoute>("bad", REFUSED).await?;
    assert_eq!(
        now.metadata.resource_version,
        told.metadata.resource_version
    );
    operator.stop().await?;
    replica.stop().await?;
    never_broken(&[&gateway, &other]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_of_two_gateways_refuses_is_held_out_of_both() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator()?;
    let (fine, strict) = (stage.gateway("fine").await?, stage.gateway("strict").await?);
    strict.set(choosy(false));
    stage.backend("web", origin("web").await?).await?;
    stage.route("good", "/good", "web").await?;
    stage.unlucky_route("bad", "/bad").await?;
    says_why(&stage.unready("bad", REFUSED).await?);
    stage.ready::<APIRoute>("good").await?;
    for gateway in [&fine, &strict] {
        answers(gateway, "/bad", 404, "").await?;
        answers(gateway, "/good", 200, "web GET /good").await?;
    }
    assert_eq!(fine.state().counts.refused, 0);
    operator.stop().await?;
    never_broken(&[&fine, &strict]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_blamed_by_a_gateway_that_refuses_everything() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let operator = stage.operator_with(crate::stage::UNHURRIED)?;
    let (fine, broken) = (stage.gateway("fine").await?, stage.gateway("broken").await?);
    broken.set(Behaviour {
        refuses: Some(Refusal::when(|_, _, _| true).because("no listener")),
        ..Behaviour::default()
    });
    stage.backend("web", origin("web").await?).await?;
    stage.route("good", "/good", "web").await?;
    answers(&fine, "/good", 200, "web GET /good").await?;
    stage.unready::<APIRoute>("good", "Programming").await?;
    says::<APIRoute>(&stage, "good", "applied to 1 of 2 gateways").await?;

    broken.set(Behaviour::default());
    operator.clock.advance(apigw_operator::session::RELIEF);
    stage.ready::<APIRoute>("good").await?;
    answers(&broken, "/good", 200, "web GET /good").await?;
    operator.stop().await?;
    never_broken(&[&fine, &broken]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_operator_takes_nothing_away_that_was_in_force_when_it_searches() -> Result<()>
{
    const GOOD: usize = 20;
    let stage = Stage::new("search").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = stage.gateway("gw").await?;
    gateway.set(choosy(false));
    stage.backend("web", origin("web").await?).await?;
    for number in 0..GOOD {
        let path = format!("/good/{number}");
        stage.route(&format!("good-{number}"), &path, "web").await?;
    }
    stage.ready::<Backend>("web").await?;
    for number in 0..GOOD {
        stage.ready::<APIRoute>(&format!("good-{number}")).await?;
    }
    operator.stop().await?;
    // Meanwhile.
    stage.unlucky_route("bad", "/bad").await?;
    stage.route("fine", "/fine", "web").await?;

    let before = gateway.state().counts.updates;
    let operator = stage.operator_with(UNHURRIED)?;
    stage.unready::<APIRoute>("bad", REFUSED).await?;
    answers(&gateway, "/fine", 200, "web GET /fine").await?;
    let sent = gateway.updates().into_iter();
    let mut deleted = 0;
    for update in sent.skip(usize::try_from(before)?) {
        match update.kind {
            "FULL_SYNC" => assert!(update.resources > GOOD, "{update:?}"),
            _ => deleted += 1,
        }
    }
    assert!(deleted <= 2, "none but what is new: {deleted}");
    never_broken(&[&gateway]);
    operator.stop().await
}
