//! More is wished than a gateway can receive at once: the newest stays out, and nobody else suffers.

use crate::stage::{
    Stage,
    http::{answers, origin},
    objects::{lifecycle, message},
    time::next_second,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::APIRoute;
use gateway::Gateway;
use serde_json::json;

/// The longest body that the schema allows. Three fit into the 4 MiB that a gateway receives; four do not.
const SIZE: usize = 1 << 20;
const TOO_LARGE: &str = "ConfigurationTooLarge";

impl Stage {
    /// A route that answers by itself, with a body of [`SIZE`].
    async fn large(&self, name: &str) -> Result<APIRoute> {
        let spec = json!({
            "match": [{ "uri": { "prefix": format!("/{name}") } }],
            "directResponse": { "status": 200, "body": "x".repeat(SIZE) },
        });
        self.create(name, spec).await
    }
}

async fn serves(gateway: &Gateway, name: &str) -> Result<()> {
    answers(gateway, &format!("/{name}"), 200, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_stays_out_until_there_is_room() -> Result<()> {
    let stage = Stage::new("large").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    for name in ["one", "two", "three"] {
        stage.large(name).await?;
        stage.ready::<APIRoute>(name).await?;
        serves(&gateway, name).await?;
    }
    // By its name it would come first: age decides, not the alphabet.
    next_second().await?;
    stage.large("newest").await?;
    let newest: APIRoute = stage.unready("newest", TOO_LARGE).await?;
    let said = lifecycle(&newest);
    for condition in ["Accepted", "Programmed", "Ready"] {
        let it = said.condition(condition).expect("it is judged");
        assert_eq!((&*it.status, &*it.reason), ("False", TOO_LARGE));
    }
    let told = message(&newest, "Accepted");
    assert!(told.contains("bytes"), "{told}");
    answers(&gateway, "/newest", 404, "").await?;

    // What is small still fits, though it is younger.
    stage.backend("web", origin("web").await?).await?;
    stage.route("small", "/small", "web").await?;
    stage.ready::<APIRoute>("small").await?;
    answers(&gateway, "/small", 200, "web GET /small").await?;

    // To one that has to get everything in one message, too: none of them comes back for the same one.
    let fresh = stage.gateway("fresh").await?;
    for name in ["one", "two", "three"] {
        serves(&fresh, name).await?;
    }
    answers(&fresh, "/small", 200, "web GET /small").await?;
    for gateway in [&gateway, &fresh] {
        let counts = gateway.state().counts;
        assert_eq!((counts.registrations, counts.refused), (1, 0));
    }

    stage.delete::<APIRoute>("two").await?;
    stage.ready::<APIRoute>("newest").await?;
    for gateway in [&gateway, &fresh] {
        serves(gateway, "newest").await?;
        answers(gateway, "/two", 404, "").await?;
    }
    operator.stop().await?;
    for gateway in [&gateway, &fresh] {
        let counts = gateway.state().counts;
        assert_eq!((counts.registrations, counts.refused), (1, 0));
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    Ok(())
}
