//! How long it takes from what a user wants to the write at AWS, among buckets that are as they should be.

use anyhow::Result;

use super::{figures::Way, stage::Stage};

/// How many edits are timed.
pub const EDITS: usize = 300;
/// How many looks that are asked for.
pub const REQUESTS: usize = 50;

/// Edits one bucket after the other, each when the one before is ready.
pub async fn edits(stage: &mut Stage, buckets: usize) -> Result<Way> {
    let mut way = Way::default();
    for edit in 0..EDITS {
        let number = edit % buckets;
        stage.aws.forget();
        let sent = stage.clock.now();
        let generation = stage.buckets.edit(number, edit + 1).await?;
        let stored = stage.clock.now();
        let written = stage.aws.written(&stage.buckets.outside(number)).await?;
        way.sent.add(written.since(sent));
        // It may be written before the API server's answer has reached us.
        way.stored.add(written.since(stored));
        stage.buckets.ready(number, generation).await?;
    }
    Ok(way)
}

/// Asks for a look at one bucket after the other, each of which somebody else has changed.
pub async fn requests(stage: &mut Stage, buckets: usize) -> Result<Way> {
    let mut way = Way::default();
    for request in 0..REQUESTS {
        let (number, value) = (request % buckets, request.to_string());
        let bucket = stage.buckets.outside(number);
        stage.aws.spoil_tags(&bucket)?;
        stage.aws.forget();
        let sent = stage.clock.now();
        stage.buckets.request(number, &value).await?;
        let stored = stage.clock.now();
        let written = stage.aws.written(&bucket).await?;
        way.sent.add(written.since(sent));
        way.stored.add(written.since(stored));
        stage.buckets.answered(number, &value).await?;
    }
    Ok(way)
}
