//! Scenarios as tests that leave the cluster to each other.

use std::sync::Arc;

use anyhow::{Context, Result};
use libtest_mimic::Trial;
use node::trials::Shared;

use crate::Ground;

/// A scenario that has the cluster for itself, with an operator that looks after all of it.
pub fn alone<S, A>(ground: &Arc<Shared<Ground, S>>, name: &str, test: A) -> Trial
where
    S: AsyncFn() -> Result<Ground> + Send + Sync + 'static,
    A: AsyncFnOnce(&Ground) -> Result<()> + Send + 'static,
{
    ground.trial(name, async move |ground: &Ground| {
        let ended = test(ground).await;
        let cleared = ground.clear().await;
        // What went wrong first explains the rest.
        ended.and(cleared.context("it leaves something to the next one"))
    })
}

/// A scenario beside others, with operators for namespaces of its own.
pub fn limited<S, A>(ground: &Arc<Shared<Ground, S>>, name: &str, test: A) -> Trial
where
    S: AsyncFn() -> Result<Ground> + Send + Sync + 'static,
    A: AsyncFnOnce(&Ground) -> Result<()> + Send + 'static,
{
    ground.trial(name, async move |ground: &Ground| {
        // As another release would have left them.
        ground.cluster().install_crds(crd_types::crds()).await?;
        test(ground).await
    })
}
