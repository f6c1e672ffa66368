//! What one bucket's life costs: it is created, edited and deleted.

use anyhow::Result;

use super::{aws::Calls, figures::Life, stage::Stage};

/// Lets the only bucket live.
pub async fn live(stage: &mut Stage) -> Result<Life> {
    stage.aws.forget();
    stage.buckets.create(0..1).await?;
    stage.buckets.ready(0, 1).await?;
    let created = taken(stage);
    let edited = stage.buckets.edit(0, 0).await?;
    stage.buckets.ready(0, edited).await?;
    let edited = taken(stage);
    stage.buckets.delete(0).await?;
    let deleted = taken(stage);
    Ok(Life {
        created,
        edited,
        deleted,
    })
}

fn taken(stage: &mut Stage) -> Calls {
    let calls = stage.aws.calls();
    stage.aws.forget();
    calls
}
