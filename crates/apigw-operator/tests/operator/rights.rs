//! The rules that stand beside the operator's code: exactly what it needs, and a missing one is told.

#[path = "../../../cloud-operator/tests/rights/log.rs"]
mod log;
#[path = "../../../cloud-operator/tests/rights/record.rs"]
mod record;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use apigw_operator::rbac;
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::Managed,
};
use futures::{StreamExt, TryStreamExt, stream};
use gateway::{Behaviour, Gateway, Options, Refusal};
use harness::{
    ControlPlane, Scrape, User, UserRules,
    proxy::kubernetes::{Attributes, no_streamed_lists},
    wait,
};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret},
    events::v1::Event,
    rbac::v1::PolicyRule,
};
use kube::api::{ListParams, PostParams};
use record::{Permission, about_secrets, forbidden, granted, used, without};
use serde_json::json;
use tokio::time::timeout;

use crate::stage::{
    PATIENCE, Running, Stage, UNHURRIED, config,
    http::{answers, origin},
    time::elapse,
};

/// The Secret of the authority, by its default name.
const AUTHORITY: &str = "avapigw-operator-grpc-cert";
/// The Secret of the gateways of a stage.
const GATEWAYS: &str = "gateway-cert";

#[tokio::test(flavor = "multi_thread")]
async fn roles_in_the_watched_namespace_are_what_it_needs_and_no_more() -> Result<()> {
    let stage = Stage::new("rights").await?;
    needs_exactly_its_rules(&stage, Reach::Namespace).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_role_is_what_it_needs_and_no_more() -> Result<()> {
    let own = ControlPlane::start().await?;
    let stage = Stage::on(&own, "rights").await?;
    needs_exactly_its_rules(&stage, Reach::Cluster).await?;
    own.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_rule_too_many_or_too_few_would_be_noticed() -> Result<()> {
    let rules = rbac::watched();
    let all = granted(&rules);
    let one = all.first().context("it has rules")?;
    let fewer = granted(&without(&rules, one));
    assert_eq!(all.difference(&fewer).collect::<Vec<_>>(), [one]);
    assert_eq!(used(&[]).len(), 0);
    Ok(())
}

/// How many instances play at once.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_permission_is_told_by_name() -> Result<()> {
    log::listen();
    let stage = Stage::new("rights").await?;
    let all = Rules::of(&stage, &scrape(&stage)?)?.all();
    ensure!(all.len() >= 22, "{all:?}");
    stream::iter(all)
        .map(|missing| async move {
            let told = Box::pin(is_told(&missing)).await;
            told.with_context(|| format!("without {missing:?}"))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn is_told(missing: &Permission) -> Result<()> {
    let stage = Stage::new("lacking").await?;
    let scrape = scrape(&stage)?;
    let rules = Rules::of(&stage, &scrape)?.without(missing);
    let (user, operator) = starts(&stage, &rules, Reach::Namespace, &scrape).await?;
    // In the words of the API server's authorizer.
    let own = format!("User \"{}\"", user.name());
    let complaint = format!(
        "{own} cannot {} resource \"{}\"",
        missing.verb, missing.resource
    );
    let told = wait::until("it to be told", PATIENCE * 2, || {
        let lines = log::lines_with(&own);
        let told = lines.iter().any(|line| line.contains(&complaint));
        let ended = operator.has_ended();
        async move {
            match told || ended {
                true => Ok(()),
                false => Err(format!("said so far: {lines:#?}")),
            }
        }
    });
    let acting = async {
        // It comes as far as the missing permission lets it.
        let _ = Box::pin(play(&stage, &scrape, &operator)).await;
        std::future::pending().await
    };
    tokio::select! {
        told = told => told?,
        () = acting => {}
    }
    if operator.has_ended() {
        let why = operator.stop().await.err().map(|why| format!("{why:#}"));
        let named = why.as_ref().is_some_and(|why| why.contains(&complaint));
        ensure!(named, "it ended: {why:?}");
    }
    Ok(())
}

/// Where the rules about watched objects hold.
#[derive(Clone, Copy)]
enum Reach {
    /// A ClusterRole for all that is watched.
    Cluster,
    /// A Role in the watched namespace.
    Namespace,
}

/// The operator's own rules, part by part.
struct Rules {
    watched: Vec<PolicyRule>,
    election: Vec<PolicyRule>,
    metrics: Vec<PolicyRule>,
    certificates: Vec<PolicyRule>,
}

impl Rules {
    fn of(stage: &Stage, scrape: &Scrape) -> Result<Self> {
        let settings = config(stage.settings(), &refs(&scrape.settings()))?;
        let serving = settings.common.serving_authority(apigw_operator::NAME);
        let serving = serving.map_err(anyhow::Error::msg)?.context("its own")?;
        let mut certificates = Vec::new();
        for mut rules in [settings.self_signed()?.rules(), serving.rules()] {
            let here = rules.remove(stage.namespace.name());
            certificates.extend(here.context("its Secrets are in this namespace")?);
            ensure!(rules.is_empty(), "elsewhere: {rules:?}");
        }
        Ok(Self {
            watched: rbac::watched(),
            election: rbac::election(),
            metrics: rbac::metrics(),
            certificates,
        })
    }

    fn all(&self) -> BTreeSet<Permission> {
        let parts = [
            &self.watched,
            &self.election,
            &self.metrics,
            &self.certificates,
        ];
        parts.into_iter().flat_map(|rules| granted(rules)).collect()
    }

    fn without(&self, missing: &Permission) -> Self {
        let reduced = |rules: &[PolicyRule]| without(rules, missing);
        Self {
            watched: reduced(&self.watched),
            election: reduced(&self.election),
            metrics: reduced(&self.metrics),
            certificates: reduced(&self.certificates),
        }
    }

    /// A user who has them, and nothing else.
    async fn user(&self, stage: &Stage, reach: Reach) -> Result<User> {
        let (mut cluster, watched) = match reach {
            Reach::Cluster => (self.watched.clone(), Vec::new()),
            Reach::Namespace => (Vec::new(), self.watched.clone()),
        };
        cluster.extend(self.metrics.iter().cloned());
        let roles = [watched, self.election.clone(), self.certificates.clone()].concat();
        let rules = UserRules {
            cluster,
            namespaced: vec![(stage.namespace.name().to_owned(), roles)],
        };
        stage.cluster.user("rights", rules).await
    }
}

fn refs(settings: &[String]) -> Vec<&str> {
    settings.iter().map(String::as_str).collect()
}

fn scrape(stage: &Stage) -> Result<Scrape> {
    let namespace = stage.namespace.name();
    Scrape::of(&stage.cluster, namespace, apigw_operator::NAME)
}

/// An operator of the stage with metrics as by default, and with these rules and nothing else.
async fn starts(
    stage: &Stage,
    rules: &Rules,
    reach: Reach,
    scrape: &Scrape,
) -> Result<(User, Running)> {
    // Only an API server that streams none takes the right to list.
    stage.api.proxy().rule(no_streamed_lists());
    let user = rules.user(stage, reach).await?;
    found(stage).await?;
    let settings = scrape.settings();
    let mut settings = [UNHURRIED, &refs(&settings)].concat();
    if let Reach::Cluster = reach {
        settings.push("--watch-namespaces=");
    }
    let operator = stage.operator_as(&user.config(), &settings)?;
    Ok((user, operator))
}

async fn needs_exactly_its_rules(stage: &Stage, reach: Reach) -> Result<()> {
    let scrape = scrape(stage)?;
    let rules = Rules::of(stage, &scrape)?;
    let (_, operator) = starts(stage, &rules, reach, &scrape).await?;
    Box::pin(play(stage, &scrape, &operator)).await?;
    operator.stop().await?;

    let requests = stage.api.proxy().requests();
    let refused = forbidden(&requests);
    ensure!(refused.is_empty(), "missing rules: {refused:#?}");

    let (all, used) = (rules.all(), used(&requests));
    let unused: Vec<_> = all.difference(&used).collect();
    ensure!(unused.is_empty(), "rules that nothing needs: {unused:#?}");
    // What no rule gives, but any user may: that would not be seen above.
    let beyond: Vec<_> = used.difference(&all).collect();
    ensure!(beyond.is_empty(), "requests without a rule: {beyond:#?}");

    // No Secret but its own, though others lie there.
    let namespace = stage.namespace.name();
    let own: BTreeSet<_> = [AUTHORITY, GATEWAYS, scrape.secret(), ""]
        .map(|name| format!("{namespace}/{name}"))
        .into();
    for (whom, verb, _) in about_secrets(&requests) {
        let creates = verb == "create";
        ensure!(
            own.contains(&whom) && creates == whom.ends_with('/'),
            "{verb} of {whom}"
        );
    }
    Ok(())
}

/// Everything happens that the operator ever does in the cluster; each act waits for its effect.
async fn play(stage: &Stage, scrape: &Scrape, operator: &Running) -> Result<()> {
    let scraper = scrape.user(rbac::metrics_reader()).await?;
    let (status, text) = scrape.get(Some(scraper.token()), "/metrics").await?;
    ensure!(status == 200, "{status}: {text}");
    let options = stage.gateway_options("gw").await?;
    let clock = operator.clock.clone();
    let gateway = Gateway::start(Options { clock, ..options }).await?;
    let unlucky =
        |_, _: &str, spec: &serde_json::Value| spec["match"][0]["uri"]["prefix"] == "/unlucky";
    gateway.set(Behaviour {
        refuses: Some(Refusal::when(unlucky).because("no luck")),
        ..Behaviour::default()
    });
    documented_route(stage).await?;
    stage.backend("web", origin("web").await?).await?;
    stage.route("plain", "/plain", "web").await?;
    answers(&gateway, "/plain", 200, "web GET /plain").await?;
    stage.ready::<APIRoute>("plain").await?;
    stage.ready::<Backend>("web").await?;
    told(stage, "plain", "Reconciled").await?;

    let moved = |path| json!({ "spec": { "match": [{ "uri": { "prefix": path } }] } });
    stage.patch::<APIRoute>("plain", moved("/unlucky")).await?;
    stage
        .unready::<APIRoute>("plain", "RefusedByGateway")
        .await?;
    // Before time leaps: a write that is under way would count as unanswered.
    told(stage, "plain", "RefusedByGateway").await?;
    // It has become ready before: the event of it goes on as a series, but not more often than so.
    elapse(&operator.clock, &[&gateway], Duration::from_secs(61)).await?;
    stage.patch::<APIRoute>("plain", moved("/again")).await?;
    stage.ready::<APIRoute>("plain").await?;
    answers(&gateway, "/again", 200, "web GET /again").await?;
    asked(stage, "events", "patch").await?;
    asked(stage, "leases", "update").await?;

    leaves::<APIRoute>(stage, "plain", "apiroute.avapigw.io/finalizer").await?;
    leaves::<Backend>(stage, "web", "backend.avapigw.io/finalizer").await?;
    answers(&gateway, "/again", 404, "").await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

/// What the operator finds: one of its Secrets was emptied, the other one is yet to be made.
async fn found(stage: &Stage) -> Result<()> {
    secret(stage, AUTHORITY, apigw_operator::NAME).await?;
    secret(stage, "nobodys", "nobody").await
}

/// An empty Secret that is labelled as somebody's.
async fn secret(stage: &Stage, name: &str, whose: &str) -> Result<()> {
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": whose } },
    }))?;
    let secrets = stage.api_of::<Secret>();
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// A route with a document in a ConfigMap.
async fn documented_route(stage: &Stage) -> Result<()> {
    let text = json!({ "openapi": "3.0.0", "info": { "title": "t", "version": "1" }, "paths": {} });
    let map: ConfigMap = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "document" },
        "data": { "openapi.json": text.to_string() },
    }))?;
    let maps = stage.api_of::<ConfigMap>();
    maps.create(&PostParams::default(), &map).await?;
    let reference = json!({ "name": "document", "key": "openapi.json" });
    let spec = json!({
        "match": [{ "uri": { "prefix": "/documented" } }],
        "route": [{ "destination": { "host": "127.0.0.1", "port": 9 } }],
        "openAPIValidation": { "enabled": true, "specConfigMapRef": reference },
    });
    stage.create::<APIRoute>("documented", spec).await?;
    stage.ready::<APIRoute>("documented").await?;
    Ok(())
}

/// Waits for an event about an object, for this reason.
async fn told(stage: &Stage, name: &str, reason: &str) -> Result<()> {
    let events = stage.api_of::<Event>();
    wait::until("an event", PATIENCE, || async {
        let events = events.list(&ListParams::default()).await;
        let about = |event: &Event| {
            let regarding = event.regarding.as_ref();
            regarding.is_some_and(|it| it.name.as_deref() == Some(name))
                && event.reason.as_deref() == Some(reason)
        };
        events.is_ok_and(|events| events.items.iter().any(about))
    })
    .await
}

/// Deletes an object that bears an earlier operator's finalizer.
async fn leaves<K: Managed>(stage: &Stage, name: &str, finalizer: &str) -> Result<()> {
    let borne = json!({ "metadata": { "finalizers": [finalizer] } });
    stage.patch::<K>(name, borne).await?;
    stage.delete::<K>(name).await?;
    stage.gone::<K>(name).await
}

async fn asked(stage: &Stage, resource: &str, verb: &str) -> Result<()> {
    let asked = stage.api.proxy().settled(|call| {
        Attributes::of(call).is_some_and(|of| of.resource == resource && of.verb == verb)
    });
    let asked = timeout(PATIENCE, asked).await;
    asked.with_context(|| format!("nobody asked to {verb} {resource}"))?;
    Ok(())
}
