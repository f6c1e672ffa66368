//! What is on its way to a gateway that does not answer is in force for nobody, nor is what it takes the place of.

use anyhow::Result;
use crd_types::apigw::v1alpha1::APIRoute;
use gateway::{Behaviour, Stuck};
use serde_json::{Value, json};

use crate::{
    references::document,
    stage::{
        Stage, UNHURRIED,
        http::{answers, origin},
    },
};

fn prefix(path: &str) -> Value {
    json!({ "spec": { "match": [{ "uri": { "prefix": path } }] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_taken_back_is_not_in_force_while_it_is_on_its_way() -> Result<()> {
    let stage = Stage::new("unanswered").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = stage.gateway("gw").await?;
    stage.backend("blue", origin("blue").await?).await?;
    stage.route("paint", "/one", "blue").await?;
    stage.ready::<APIRoute>("paint").await?;

    gateway.set(Behaviour {
        stuck: Some(Stuck::Acknowledging),
        silent: true,
        ..Behaviour::default()
    });
    stage.patch::<APIRoute>("paint", prefix("/two")).await?;
    answers(&gateway, "/two", 200, "").await?;
    // The gateway had this before, and does not have it now.
    stage.patch::<APIRoute>("paint", prefix("/one")).await?;
    stage.unready::<APIRoute>("paint", "Programming").await?;

    // The same by a deletion and a creation with the same content.
    stage.delete::<APIRoute>("paint").await?;
    stage.gone::<APIRoute>("paint").await?;
    stage.route("paint", "/one", "blue").await?;
    stage.unready::<APIRoute>("paint", "Programming").await?;

    gateway.set(Behaviour::default());
    stage.ready::<APIRoute>("paint").await?;
    answers(&gateway, "/one", 200, "").await?;
    answers(&gateway, "/two", 404, "").await?;
    operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_text_is_not_in_force_for_its_predecessor_was() -> Result<()> {
    let stage = Stage::new("text").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = stage.gateway("gw").await?;
    document(&stage, "first").await?;
    let spec = json!({
        "match": [{ "uri": { "prefix": "/r" } }],
        "route": [{ "destination": { "host": "127.0.0.1", "port": 9 } }],
        "openAPIValidation": { "enabled": true, "specConfigMapRef": { "name": "doc", "key": "openapi.json" } },
    });
    stage.create::<APIRoute>("r", spec).await?;
    stage.ready::<APIRoute>("r").await?;

    gateway.set(Behaviour {
        stuck: Some(Stuck::Reading),
        silent: true,
        ..Behaviour::default()
    });
    document(&stage, "second").await?;
    stage.unready::<APIRoute>("r", "Programming").await?;
    gateway.set(Behaviour::default());
    stage.ready::<APIRoute>("r").await?;
    operator.stop().await
}
