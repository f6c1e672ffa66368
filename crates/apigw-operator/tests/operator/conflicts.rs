//! Two objects want the same: the older has it, the younger is told, and no gateway ever refuses anything.

use crate::stage::{
    Running, Stage,
    http::{answers, origin},
    objects::{lifecycle, message},
    time::next_second,
};
use anyhow::Result;
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::Managed,
};
use gateway::Gateway;
use serde_json::json;

/// One operator over two namespaces. By its name the younger one comes first: age decides, not the alphabet.
struct Two {
    old: Stage,
    new: Stage,
    operator: Running,
    gateway: Gateway,
}

impl Two {
    async fn begin() -> Result<Self> {
        let (old, new) = (Stage::new("older").await?, Stage::new("newer").await?);
        let both = format!(
            "--watch-namespaces={},{}",
            old.namespace.name(),
            new.namespace.name()
        );
        let operator = old.operator_with(&[&both])?;
        let gateway = old.gateway("gw").await?;
        Ok(Self {
            old,
            new,
            operator,
            gateway,
        })
    }

    async fn end(self) -> Result<()> {
        self.operator.stop().await?;
        assert_eq!(self.gateway.state().counts.refused, 0);
        assert_eq!(self.gateway.violations(), Vec::<String>::new());
        Ok(())
    }
}

/// The younger one is told who is in its way, and that it is not accepted.
async fn loses<K: Managed>(stage: &Stage, name: &str, reason: &str, to: &str) -> Result<()> {
    let loser: K = stage.unready(name, reason).await?;
    let said = lifecycle(&loser);
    for condition in ["Accepted", "Programmed", "Ready"] {
        let it = said.condition(condition).expect("it is judged");
        assert_eq!((&*it.status, &*it.reason), ("False", reason), "{condition}");
    }
    let told = message(&loser, "Accepted");
    assert!(told.contains(to), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_routes_with_one_name_the_older_is_served() -> Result<()> {
    let two = Two::begin().await?;
    let Two { old, new, .. } = &two;
    old.backend("web", origin("web").await?).await?;
    old.route("api", "/old", "web").await?;
    old.ready::<APIRoute>("api").await?;
    next_second().await?;
    new.route("api", "/new", "web").await?;

    let winner = format!("{}/api", old.namespace.name());
    loses::<APIRoute>(new, "api", "NameConflict", &winner).await?;
    old.ready::<APIRoute>("api").await?;
    answers(&two.gateway, "/old", 200, "web GET /old").await?;
    answers(&two.gateway, "/new", 404, "").await?;

    old.delete::<APIRoute>("api").await?;
    new.ready::<APIRoute>("api").await?;
    answers(&two.gateway, "/new", 200, "web GET /new").await?;
    answers(&two.gateway, "/old", 404, "").await?;
    two.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_backends_with_one_name_the_older_is_reached() -> Result<()> {
    let two = Two::begin().await?;
    let Two { old, new, .. } = &two;
    old.backend("web", origin("old").await?).await?;
    old.route("api", "/", "web").await?;
    old.ready::<Backend>("web").await?;
    next_second().await?;
    new.backend("web", origin("new").await?).await?;

    let winner = format!("{}/web", old.namespace.name());
    loses::<Backend>(new, "web", "NameConflict", &winner).await?;
    answers(&two.gateway, "/", 200, "old GET /").await?;

    old.delete::<Backend>("web").await?;
    new.ready::<Backend>("web").await?;
    answers(&two.gateway, "/", 200, "new GET /").await?;
    two.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_routes_for_the_same_requests_the_older_has_them() -> Result<()> {
    let two = Two::begin().await?;
    let Two { old, new, .. } = &two;
    old.backend("blue", origin("blue").await?).await?;
    old.backend("green", origin("green").await?).await?;
    old.route("zebra", "/same", "blue").await?;
    old.ready::<APIRoute>("zebra").await?;
    next_second().await?;
    // Alike but for the order of its parts, beside a block that is its own.
    let spec = json!({
        "match": [{ "uri": { "prefix": "/own" } }, { "uri": { "prefix": "/same" } }],
        "route": [{ "destination": { "host": "green", "port": 80 } }],
    });
    new.create::<APIRoute>("ant", spec).await?;

    let winner = format!("{}/zebra", old.namespace.name());
    loses::<APIRoute>(new, "ant", "MatchConflict", &winner).await?;
    answers(&two.gateway, "/same", 200, "blue GET /same").await?;
    answers(&two.gateway, "/own", 404, "").await?;

    // The older one makes room.
    let elsewhere = json!({ "spec": { "match": [{ "uri": { "prefix": "/other" } }] } });
    old.patch::<APIRoute>("zebra", elsewhere).await?;
    new.ready::<APIRoute>("ant").await?;
    old.ready::<APIRoute>("zebra").await?;
    for (path, body) in [
        ("/same", "green GET /same"),
        ("/own", "green GET /own"),
        ("/other", "blue GET /other"),
    ] {
        answers(&two.gateway, path, 200, body).await?;
    }

    // It comes back as the older one, and takes what it always was the first to ask for.
    let back = json!({ "spec": { "match": [{ "uri": { "prefix": "/same" } }] } });
    old.patch::<APIRoute>("zebra", back).await?;
    loses::<APIRoute>(new, "ant", "MatchConflict", &winner).await?;
    answers(&two.gateway, "/same", 200, "blue GET /same").await?;
    two.end().await
}
