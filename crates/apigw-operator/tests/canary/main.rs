//! Confidential values that sing when they are seen where they must not be.

#[path = "../../../cloud-operator/tests/canary/needles.rs"]
mod needles;
mod program;
#[allow(dead_code, reason = "the stage of the tests beside this one")]
#[path = "../operator/stage/mod.rs"]
mod stage;

use anyhow::{Context, Result, bail, ensure};
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::Managed,
};
use gateway::{Behaviour, Gateway, Refusal};
use harness::proxy::{Verb, kubernetes::Attributes};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret, events::v1::Event};
use kube::{Api, api::ListParams};
use needles::Needles;
use program::Program;
use rstest::rstest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use stage::{PATIENCE, Stage, objects::message};

/// What stands in specs, each in a field of its own.
const REDIS: &str = "redis-canary-password-of-words";
const BASIC: &str = "basic-canary-password-of-words";
const TOKEN: &str = "static-canary-token-of-words";
const CLIENT: &str = "client-canary-secret-of-words";
const LOGIN: &str = "login-canary-secret-of-words";
const API_KEY: &str = "api-canary-key-in-a-header";
const BEARER: &str = "bearer-canary-in-a-header";
const ALL: [&str; 7] = [REDIS, BASIC, TOKEN, CLIENT, LOGIN, API_KEY, BEARER];

/// Who is refused in turn: whoever holds something.
const ROUTES: [&str; 3] = ["limited", "headers", "login"];
const BACKENDS: [&str; 3] = ["basic", "static", "oidc"];
const REFUSED: &str = "RefusedByGateway";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_confidential_never_shows(
    #[values("debug", "trace")] level: &str,
    #[values("json", "human")] format: &str,
) -> Result<()> {
    let stage = Stage::new("canary").await?;
    let program = Program::start(&stage, level, format)?;
    let gateway = stage.gateway("gw").await?;
    let canaries = Canaries {
        needles: Needles::of(ALL),
        keys: keys(&stage).await?,
        stage,
        program,
        gateway,
    };
    canaries.whole_life().await?;
    canaries.program.terminate().await?;
    let output = canaries.program.output();
    ensure!(output.to_lowercase().contains(level), "no such lines");
    canaries.silent("output", &output)
}

/// The lines of the private keys that the operator has made.
async fn keys(stage: &Stage) -> Result<Needles> {
    let secrets = stage
        .api_of::<Secret>()
        .list(&ListParams::default())
        .await?;
    let values = secrets.items.into_iter().flat_map(|secret| secret.data);
    let keys: Vec<String> = values
        .flatten()
        .filter(|(name, _)| name.ends_with(".key"))
        .map(|(_, value)| String::from_utf8(value.0))
        .collect::<Result<_, _>>()?;
    ensure!(keys.len() >= 3, "of authority, server and gateways");
    let lines = keys.iter().flat_map(|key| key.lines());
    Ok(Needles::of(
        lines.filter(|line| line.len() > 24 && !line.starts_with('-')),
    ))
}

struct Canaries {
    stage: Stage,
    program: Program,
    gateway: Gateway,
    needles: Needles,
    keys: Needles,
}

impl Canaries {
    async fn whole_life(&self) -> Result<()> {
        self.create().await?;
        self.all_ready().await?;
        self.inspect("ready").await?;

        for names_in_errors in [true, false] {
            for name in ROUTES {
                self.refuse(Refusal::of_name(name), names_in_errors);
                self.edit(name).await?;
                let refused: APIRoute = self.stage.unready(name, REFUSED).await?;
                is_quoted(&refused)?;
                self.inspect(&format!("{name} is refused")).await?;
                self.mend().await?;
            }
            for name in BACKENDS {
                self.refuse(Refusal::of_name(name), names_in_errors);
                self.edit(name).await?;
                let refused: Backend = self.stage.unready(name, REFUSED).await?;
                is_quoted(&refused)?;
                self.inspect(&format!("{name} is refused")).await?;
                self.mend().await?;
            }
        }

        // Nobody's fault: the words are shown beside the gateway.
        let before = self.gateway.state().counts.refused;
        self.refuse(Refusal::when(|_, _, _| true), false);
        self.edit("plain").await?;
        let again = |state: &gateway::State| state.counts.refused > before + 1;
        self.gateway.wait_for("refused", PATIENCE, again).await?;
        self.inspect("everything is refused").await?;
        self.gateway.set(Behaviour::default());

        // What is refused before any gateway sees it.
        let nowhere = json!({ "enabled": true, "specConfigMapRef": { "name": "nowhere" } });
        let wrong = json!({ "spec": { "openAPIValidation": nowhere } });
        self.stage.patch::<APIRoute>("limited", wrong).await?;
        self.stage.unready::<APIRoute>("limited", "Invalid").await?;
        self.inspect("a document that is nowhere").await?;

        for name in ROUTES {
            self.stage.delete::<APIRoute>(name).await?;
            self.stage.gone::<APIRoute>(name).await?;
        }
        for name in BACKENDS {
            self.stage.delete::<Backend>(name).await?;
            self.stage.gone::<Backend>(name).await?;
        }
        self.inspect("gone").await
    }

    async fn create(&self) -> Result<()> {
        let route = |path: &str, more: Value| {
            let mut spec = json!({
                "match": [{ "uri": { "prefix": path } }],
                "route": [{ "destination": { "host": "127.0.0.1", "port": 9 } }],
            });
            for (field, value) in more.as_object().into_iter().flatten() {
                spec[field] = value.clone();
            }
            spec
        };
        let redis = json!({ "url": format!("redis://me:{REDIS}@cache:6379/0") });
        let limit = json!({
            "enabled": true, "requestsPerSecond": 9, "burst": 9, "store": "redis", "redis": redis,
        });
        let set = json!({ "X-API-Key": API_KEY, "Authorization": format!("Bearer {BEARER}") });
        let provider = json!({
            "name": "somebody", "issuerUrl": "https://login.example", "clientId": "me", "clientSecret": LOGIN,
        });
        let login =
            json!({ "enabled": true, "oidc": { "enabled": true, "providers": [provider] } });
        for (name, more) in [
            ("plain", json!({})),
            ("limited", json!({ "rateLimit": limit })),
            (
                "headers",
                json!({ "headers": { "request": { "set": set } } }),
            ),
            ("login", json!({ "authentication": login })),
        ] {
            let spec = route(&format!("/{name}"), more);
            self.stage.create::<APIRoute>(name, spec).await?;
        }
        let oidc = json!({ "issuerUrl": "https://login.example", "clientId": "me", "clientSecret": CLIENT });
        for (name, kind, block) in [
            (
                "basic",
                "basic",
                json!({ "username": "me", "password": BASIC }),
            ),
            (
                "static",
                "jwt",
                json!({ "tokenSource": "static", "staticToken": TOKEN }),
            ),
            (
                "oidc",
                "jwt",
                json!({ "tokenSource": "oidc", "oidc": oidc }),
            ),
        ] {
            let mut block = block;
            block["enabled"] = json!(true);
            let spec = json!({
                "hosts": [{ "address": name, "port": 80 }],
                "authentication": { "type": kind, kind: block },
            });
            self.stage.create::<Backend>(name, spec).await?;
        }
        Ok(())
    }

    async fn all_ready(&self) -> Result<()> {
        for name in ROUTES.into_iter().chain(["plain"]) {
            self.stage.ready::<APIRoute>(name).await?;
        }
        for name in BACKENDS {
            self.stage.ready::<Backend>(name).await?;
        }
        Ok(())
    }

    /// From now on the gateway refuses, and quotes everything that it was sent.
    fn refuse(&self, refusal: Refusal, names_in_errors: bool) {
        let words = format!(
            "dial redis://me:{REDIS}@cache:6379/0: {REDIS}; me:{BASIC}, {TOKEN}, {CLIENT} {LOGIN} {API_KEY}; \
             Authorization: Bearer {BEARER}, or {BEARER}"
        );
        self.gateway.set(Behaviour {
            refuses: Some(refusal.because(words)),
            names_in_errors,
            ..Behaviour::default()
        });
    }

    /// A new generation of the object, whose kind its name tells.
    async fn edit(&self, name: &str) -> Result<()> {
        let edit = format!("{}ms", self.gateway.events().len() + 1000);
        if BACKENDS.contains(&name) {
            let edit = json!({ "spec": { "healthCheck": { "path": "/", "interval": edit } } });
            self.stage.patch::<Backend>(name, edit).await?;
        } else {
            let edit = json!({ "spec": { "timeout": edit } });
            self.stage.patch::<APIRoute>(name, edit).await?;
        }
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.gateway.set(Behaviour::default());
        for name in ROUTES.into_iter().chain(BACKENDS) {
            self.edit(name).await?;
        }
        self.all_ready().await
    }

    /// Looks into everything that people and machines may read.
    async fn inspect(&self, when: &str) -> Result<()> {
        let looked = async {
            for (path, page) in self.program.pages().await? {
                self.silent(path, &page)?;
            }
            self.silent("output", &self.program.output())?;
            let stage = &self.stage;
            self.silent("APIRoutes", &statuses(stage.api_of::<APIRoute>()).await?)?;
            self.silent("Backends", &statuses(stage.api_of::<Backend>()).await?)?;
            self.silent("Leases", &all(stage.api_of::<Lease>()).await?)?;
            self.silent("Events", &all(stage.api_of::<Event>()).await?)?;
            // Everything that it ever wrote, read later or not; keys belong into Secrets.
            for write in stage.api.proxy().requests() {
                let about = Attributes::of(&write.call).map(|of| of.resource);
                if write.call.verb == Verb::Write && about.as_deref() != Some("secrets") {
                    self.silent("write", &String::from_utf8_lossy(&write.call.body))?;
                }
            }
            anyhow::Ok(())
        };
        looked.await.with_context(|| format!("when {when}"))
    }

    fn silent(&self, place: &str, text: &str) -> Result<()> {
        let found = self.needles.find(text).or_else(|| self.keys.find(text));
        match found {
            None => Ok(()),
            Some(found) => bail!("{place} shows {found}"),
        }
    }
}

/// The words of the gateway are told, but for what is confidential.
fn is_quoted<K: Managed>(object: &K) -> Result<()> {
    let told = message(object, "Ready");
    ensure!(told.contains("dial redis://[redacted]@cache"), "{told}");
    Ok(())
}

async fn all<K>(api: Api<K>) -> Result<String>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let list = api.list(&ListParams::default()).await?;
    Ok(serde_json::to_string_pretty(&list)?)
}

/// All of the objects but what their users have written.
async fn statuses<K>(api: Api<K>) -> Result<String>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let mut list: Value = serde_json::from_str(&all(api).await?)?;
    let items = list["items"].as_array_mut().context("it is a list")?;
    for object in items {
        object["spec"].take();
    }
    Ok(serde_json::to_string_pretty(&list)?)
}
