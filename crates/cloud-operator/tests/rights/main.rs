//! The rules that stand beside the operator's code: exactly what it needs, and a missing one is told.

mod log;
mod play;
mod record;
#[path = "../scene/mod.rs"]
mod scene;

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use harness::{ControlPlane, Scrape, User, proxy::kubernetes::no_streamed_lists, wait};
use k8s_openapi::api::rbac::v1::PolicyRule;
use play::{Reach, Rules, found, play, refs, rules};
use record::{Permission, about_secrets, forbidden, granted, used, without};
use scene::{PATIENCE, Running, Scene, hook::Hook};

#[tokio::test]
async fn roles_in_the_watched_namespace_are_what_it_needs_and_no_more() -> Result<()> {
    log::listen();
    let scene = Scene::new("rights").await?;
    needs_exactly_its_rules(&scene, Reach::Namespace).await
}

#[tokio::test]
async fn a_cluster_role_is_what_it_needs_and_no_more() -> Result<()> {
    log::listen();
    let own = ControlPlane::start().await?;
    let scene = Scene::on(&own, "rights").await?;
    needs_exactly_its_rules(&scene, Reach::Cluster).await?;
    own.stop().await;
    Ok(())
}

/// An operator of the scene with metrics as by default, and with these rules and nothing else.
async fn starts(
    scene: &Scene,
    rules: &Rules,
    reach: Reach,
    (scrape, hook): (&Scrape, &Hook),
) -> Result<(User, Running)> {
    // Only an API server that streams none takes the right to list.
    scene.api.proxy().rule(no_streamed_lists());
    let user = rules.user(scene, reach).await?;
    found(scene, scrape).await?;
    hook.register().await?;
    let mut settings = [scrape.settings(), hook.settings()].concat();
    if let Reach::Cluster = reach {
        settings.push("--watch-namespaces=".to_owned());
    }
    let operator = scene.operator_as(&user.config(), &refs(&settings))?;
    Ok((user, operator))
}

fn scrape(scene: &Scene) -> Result<Scrape> {
    let namespace = scene.namespace.name();
    Scrape::of(&scene.cluster, namespace, cloud_operator::NAME)
}

async fn needs_exactly_its_rules(scene: &Scene, reach: Reach) -> Result<()> {
    scene.keys("nobodys", "AKIDNOBODYSKEYS").await?;
    let (scrape, hook) = (scrape(scene)?, Hook::new(scene)?);
    let rules = rules(scene, &scrape, &hook)?;
    let (_, operator) = starts(scene, &rules, reach, (&scrape, &hook)).await?;
    play(scene, &scrape, &operator).await?;
    operator.stop().await?;

    let requests = scene.api.proxy().requests();
    let refused = forbidden(&requests);
    ensure!(refused.is_empty(), "missing rules: {refused:#?}");

    let all = granted(&rules.all());
    let used = used(&requests);
    let unused: Vec<_> = all.difference(&used).collect();
    ensure!(unused.is_empty(), "rules that nothing needs: {unused:#?}");
    // What no rule gives, but any user may: that would not be seen above.
    let beyond: Vec<_> = used.difference(&all).collect();
    ensure!(beyond.is_empty(), "requests without a rule: {beyond:#?}");

    secrets_are_read_by_name_only(scene, &scrape, &requests)
}

/// By `get` where they are referred to or its own, and only its own is written; of the others no more than that
/// they are there.
fn secrets_are_read_by_name_only(
    scene: &Scene,
    scrape: &Scrape,
    requests: &[harness::proxy::Recorded],
) -> Result<()> {
    let namespace = scene.namespace.name();
    let referenced = format!("{namespace}/account");
    let within = format!("{namespace}/");
    let own = format!("{namespace}/{}", scrape.secret());
    let asked = about_secrets(requests);
    for (whom, verb, metadata_only) in &asked {
        match *verb {
            "get" => ensure!(
                [&referenced, &own].contains(&whom),
                "read though nobody refers to it: {whom}"
            ),
            "list" | "watch" => {
                ensure!(
                    *whom == within,
                    "{verb} beyond the provider's namespace: {whom}"
                );
                ensure!(*metadata_only, "{verb} of Secrets with their contents");
            }
            "patch" => ensure!(*whom == own, "written: {whom}"),
            "create" => ensure!(*whom == within, "made elsewhere: {whom}"),
            _ => bail!("{verb} of Secret {whom}"),
        }
    }
    let verbs: BTreeSet<_> = asked.iter().map(|(_, verb, _)| *verb).collect();
    ensure!(verbs.len() == 5, "the play is not whole: {verbs:?}");
    Ok(())
}

#[tokio::test]
async fn a_rule_too_many_or_too_few_would_be_noticed() -> Result<()> {
    let rules = cloud_operator::rbac::watched();
    let all = granted(&rules);
    let one = all.first().expect("it has rules").clone();
    let fewer = granted(&without(&rules, &one));
    assert_eq!(all.difference(&fewer).collect::<Vec<_>>(), [&one]);
    assert_eq!(used(&[]).len(), 0);
    Ok(())
}

/// How many instances play at once.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn each_missing_permission_is_told_by_name() -> Result<()> {
    log::listen();
    let scene = Scene::new("rights").await?;
    let rules = rules(&scene, &scrape(&scene)?, &Hook::new(&scene)?)?;
    let all = granted(&rules.all());
    ensure!(all.len() >= 21, "{all:?}");
    stream::iter(all)
        .map(|missing| async move {
            let told = is_told(&missing).await;
            told.map_err(|error| error.context(format!("without {missing:?}")))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn is_told(missing: &Permission) -> Result<()> {
    let scene = Scene::new("lacking").await?;
    let (scrape, hook) = (scrape(&scene)?, Hook::new(&scene)?);
    let rules = lacking(missing, rules(&scene, &scrape, &hook)?);
    let started = starts(&scene, &rules, Reach::Namespace, (&scrape, &hook));
    let (user, operator) = started.await?;
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
            if told || ended {
                Ok(())
            } else {
                Err(format!("said so far: {lines:#?}"))
            }
        }
    });
    let acting = async {
        // It comes as far as the missing permission lets it.
        let _ = play(&scene, &scrape, &operator).await;
        std::future::pending().await
    };
    tokio::select! {
        told = told => told?,
        () = acting => {}
    }
    if operator.has_ended() {
        let why = operator.stop().await.err().map(|why| format!("{why:#}"));
        ensure!(
            why.as_ref().is_some_and(|why| why.contains(&complaint)),
            "it ended: {why:?}"
        );
    }
    Ok(())
}

fn lacking(missing: &Permission, whole: Rules) -> Rules {
    let reduced = |rules: Vec<PolicyRule>| without(&rules, missing);
    Rules {
        watched: reduced(whole.watched),
        election: reduced(whole.election),
        installation: reduced(whole.installation),
        namespaces: reduced(whole.namespaces),
        metrics: reduced(whole.metrics),
        admission: reduced(whole.admission),
        certificate: reduced(whole.certificate),
    }
}
