//! What all scenes have in common: a beginning, an end, and what happens when somebody is in a hurry.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::ground::Ground;
use crate::operator::Operator;
use crate::stage::Stage;
use crate::teller::Teller;

/// A story about one operator, told on a stage of its own.
pub trait Scene: Sized {
    /// The operator that it is about: its chart and its program.
    const OPERATOR: &str;
    /// The kinds that it is about, for kubectl.
    const KINDS: &str;

    /// Starts what it needs, and the operator.
    ///
    /// # Errors
    /// When something does not come up; the message has the end of its log.
    async fn set(stage: Stage, teller: &Teller) -> Result<Self>;

    /// The stage.
    fn stage(&self) -> &Stage;

    /// The operator.
    fn operator(&self) -> &Operator;

    /// Plays it.
    ///
    /// # Errors
    /// At the first step that does not happen in time.
    async fn play(&mut self, teller: &Teller) -> Result<()>;

    /// Applies the samples again, for somebody who wants to look around.
    ///
    /// # Errors
    /// When they do not become Ready in time.
    async fn leave_standing(&self, teller: &Teller) -> Result<()>;

    /// Stops what has to end before the operator does.
    ///
    /// # Errors
    /// When it does not end as it should.
    async fn end(&self, _: &Teller) -> Result<()> {
        Ok(())
    }

    /// What is known beside the objects and the operator's log, for a person who looks for a fault.
    fn evidence(&self) -> String {
        String::new()
    }
}

/// How a scene ended.
#[derive(PartialEq, Eq)]
pub enum Ended {
    /// It was told to its end.
    Played,
    /// Somebody had seen enough.
    ToldToStop,
}

/// Plays a scene, and leaves nothing of it behind, unless `keep` says that it shall stay until `told_to_stop`.
///
/// # Errors
/// When something does not happen as it should; the message has what is known about it.
pub async fn perform<S: Scene>(
    ground: &Arc<Ground>,
    teller: &Teller,
    keep: bool,
    mut told_to_stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Ended> {
    teller.chapter(S::OPERATOR);
    let stage = Stage::make(ground).await?;
    let namespace = stage.namespace().name().to_owned();
    let left = match ground.is_borrowed() {
        false => String::new(),
        true => format!("\nthe namespace {namespace} is still in the cluster"),
    };
    let scene = tokio::select! {
        scene = S::set(stage, teller) => scene,
        () = told_to_stop.as_mut() => match ground.is_borrowed() {
            false => return Ok(Ended::ToldToStop),
            true => bail!("stopped while the stage was set{left}"),
        },
    };
    let mut scene = match scene {
        Ok(scene) => scene,
        Err(error) => bail!("{error:#}{left}"),
    };
    let played = tokio::select! {
        played = play(&mut scene, teller, keep) => played.map(|()| Ended::Played),
        () = told_to_stop => match ground.is_borrowed() {
            // Our own cluster ends with us, and all that it holds.
            false => Ok(Ended::ToldToStop),
            true => clear(&scene, teller).await.map(|()| Ended::ToldToStop),
        },
    };
    match played {
        Ok(ended) => Ok(ended),
        Err(error) => {
            let evidence = evidence(&scene).await;
            bail!("{error:#}\n{evidence}{left}")
        }
    }
}

async fn play<S: Scene>(scene: &mut S, teller: &Teller, keep: bool) -> Result<()> {
    scene.play(teller).await?;
    if keep {
        teller.chapter("It stays up");
        scene.leave_standing(teller).await?;
        teller.chapter("Ctrl-C ends it.");
        return pending().await;
    }
    clear(scene, teller).await
}

/// Removes the objects, ends what was started, takes the operator away, and removes the namespace.
async fn clear<S: Scene>(scene: &S, teller: &Teller) -> Result<()> {
    teller.chapter("The end");
    let stage = scene.stage();
    let delete = ["delete", S::KINDS, "--all", "--timeout=60s"];
    stage.kubectl().show(teller, &delete).await?;
    scene.end(teller).await?;
    scene.operator().remove(S::KINDS, teller).await?;
    stage.remove(teller).await
}

async fn evidence<S: Scene>(scene: &S) -> String {
    let objects = scene.stage().evidence(S::KINDS).await;
    let operator = scene.operator().evidence().await;
    objects + &operator + &scene.evidence()
}
