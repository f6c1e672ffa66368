//! What happens to the route, and what a user sees of it.

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, until};
use http::StatusCode;

use super::asking::Asking;
use super::gateway::Gateway;
use super::hello::said;
use super::history::History;
use super::{Apigw, SAMPLE, sample};
use crate::scene::Scene;
use crate::teller::Teller;

/// A sample with a mistake, in the source tree.
const CONFLICT: &str = "examples/apigw/conflict.yaml";

impl Apigw {
    pub(super) async fn a_route_appears(&self, teller: &Teller) -> Result<()> {
        teller.chapter(&format!("A route reaches two gateways ({SAMPLE})"));
        let kubectl = self.stage.kubectl();
        kubectl.show_apply(teller, SAMPLE, &sample(SAMPLE)?).await?;
        let objects = ["apiroute/hello-route", "backend/hello-backend"];
        kubectl.ready(&objects).await?;
        kubectl.show(teller, &["get", Self::KINDS]).await?;
        let message = self.message(teller, objects[0]).await?;
        ensure!(
            message == "Route successfully applied to 2 gateways",
            "the route's Ready says: {message}"
        );
        teller.happened("Ready means that the next request is answered, by each of them");
        self.all_say("/hello", "/hello", teller).await
    }

    pub(super) async fn an_edit_arrives(&self, teller: &Teller) -> Result<()> {
        teller.chapter("An edit is seen by the next request");
        self.rewrite("/greeting", teller).await?;
        self.stage
            .kubectl()
            .ready(&["apiroute/hello-route"])
            .await?;
        teller.happened("it is Ready again");
        self.all_say("/hello", "/greeting", teller).await
    }

    pub(super) async fn a_gateway_is_replaced(&mut self, teller: &Teller) -> Result<()> {
        teller.chapter("A gateway dies, and a new one takes its place");
        let history = History::begin(&self.stage, "APIRoute", "hello-route").await?;
        let victim = self.gateways.pop().context("there are two")?;
        let name = victim.name().to_owned();
        victim.kill().await?;
        teller.happened(&format!(
            "{name} was killed (SIGKILL); the other one answers:"
        ));
        self.all_say("/hello", "/greeting", teller).await?;

        self.start_gateway("gateway-c", teller)?;
        let fresh = self.gateways.last().context("it was just started")?;
        comes_to_say(fresh, "/hello", StatusCode::OK, &said("GET", "/greeting")).await?;
        self.connected(2).await?;
        teller.happened("gateway-c is connected and answers as the other one does:");
        self.all_say("/hello", "/greeting", teller).await?;
        history.was_ready().await?;
        teller.happened("the route has said Ready=True all the while");
        Ok(())
    }

    pub(super) async fn a_mistake_stays_alone(&self, teller: &Teller) -> Result<()> {
        teller.chapter(&format!("A mistake stays where it was made ({CONFLICT})"));
        let kubectl = self.stage.kubectl();
        kubectl
            .show_apply(teller, CONFLICT, &sample(CONFLICT)?)
            .await?;
        let loser = "apiroute/hello-route-again";
        let told = [
            "wait",
            "--for=condition=Ready=False",
            "--timeout=60s",
            loser,
        ];
        kubectl.run(&told).await?;
        kubectl.ready(&["apiroute/welcome-route"]).await?;
        kubectl.show(teller, &["get", "apiroutes"]).await?;
        let message = self.message(teller, loser).await?;
        ensure!(
            message.contains("hello-route takes the same requests"),
            "{loser}'s Ready says: {message}"
        );
        teller.happened("the others work:");
        self.all_say("/hello", "/greeting", teller).await?;
        self.all_say("/welcome", "/welcome", teller).await
    }

    pub(super) async fn a_route_disappears(&self, teller: &Teller) -> Result<()> {
        teller.chapter("Deletion ends the traffic");
        let delete = ["delete", "apiroute", "welcome-route", "--timeout=60s"];
        self.stage.kubectl().show(teller, &delete).await?;
        for gateway in &self.gateways {
            comes_to_say(gateway, "/welcome", StatusCode::NOT_FOUND, "").await?;
            let name = gateway.name();
            teller.happened(&format!("{name} answers /welcome with 404"));
        }
        self.all_say("/hello", "/greeting", teller).await
    }

    pub(super) async fn the_operator_dies(&mut self, teller: &Teller) -> Result<()> {
        teller.chapter("The operator dies, and comes back");
        let before = self.operator.holder().await?;
        let urls = self.gateways.iter().map(|gateway| gateway.url("/hello"));
        let now = said("GET", "/good-evening");
        let asking = Asking::begin(urls.collect(), [said("GET", "/greeting"), now.clone()]);
        self.operator.kill(teller).await?;
        self.rewrite("/good-evening", teller).await?;
        self.operator.come_back(teller).await?;
        for gateway in &self.gateways {
            comes_to_say(gateway, "/hello", StatusCode::OK, &now).await?;
        }
        let answered = asking.end().await?;
        teller.happened(&format!(
            "meanwhile the gateways were asked {answered} times, and always answered: first as before, then as edited"
        ));
        self.all_say("/hello", "/good-evening", teller).await?;
        until("the new process to lead", PATIENCE, || async {
            match self.operator.holder().await {
                Ok(holder) if !holder.is_empty() && holder != before => Ok(()),
                Ok(holder) => Err(format!("{holder:?} holds the lease")),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await?;
        teller.happened("it leads: the dead one's lease has run out");
        self.connected(2).await
    }

    /// Lets the route ask the service for another path.
    async fn rewrite(&self, uri: &str, teller: &Teller) -> Result<()> {
        let patch = format!(r#"{{"spec":{{"rewrite":{{"uri":"{uri}"}}}}}}"#);
        let patch = [
            "patch",
            "apiroute",
            "hello-route",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.stage.kubectl().show(teller, &patch).await.map(drop)
    }

    /// Shows what an object's `Ready` says, and returns it.
    async fn message(&self, teller: &Teller, object: &str) -> Result<String> {
        let message = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
        let get = ["get", object, "-o", message];
        self.stage.kubectl().show(teller, &get).await
    }

    /// Asks each gateway once for `path`: the service must have been asked for `inside`.
    async fn all_say(&self, path: &str, inside: &str, teller: &Teller) -> Result<()> {
        for gateway in &self.gateways {
            teller.typed(&format!("curl {}", gateway.url(path)));
            let (status, body) = gateway.get(path).await?;
            teller.shown(&body);
            ensure!(
                (status, &body) == (StatusCode::OK, &said("GET", inside)),
                "{} answers {path} with {status}: {body}",
                gateway.name()
            );
        }
        Ok(())
    }
}

/// Asks a gateway for `path` until this is the answer; an empty body stands for any.
async fn comes_to_say(gateway: &Gateway, path: &str, status: StatusCode, body: &str) -> Result<()> {
    let what = format!("{} to answer {path} with {status} {body}", gateway.name());
    until(&what, PATIENCE, || async {
        match gateway.get(path).await {
            Ok(answer) if answer.0 == status && (body.is_empty() || answer.1 == body) => Ok(()),
            Ok((status, body)) => Err(format!("{status}: {body}")),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await
}
