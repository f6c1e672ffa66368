//! How soon the operator finds by itself what somebody else has done, with the shortest interval that it can have.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use operator_core::decide::clock::Moment;
use tokio::time::sleep;

use super::{figures::Drift, stage::Stage};

/// The interval between two looks at a bucket.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// The same as settings.
pub const INTERVALS: [&str; 2] = ["--drift-interval=10s", "--reconcile-interval=10s"];
/// How many buckets are changed in each of the two ways.
pub const CHANGED: usize = 20;

/// What was changed.
enum Part {
    Tags,
    Versioning,
}

/// Changes buckets one after the other over an interval, and waits until all was set back.
pub async fn drift(stage: &mut Stage, buckets: usize) -> Result<Drift> {
    let each = CHANGED.min(buckets / 2);
    stage.aws.forget();
    let mut changed: HashMap<String, (Part, Moment)> = HashMap::new();
    for number in 0..each {
        sleep(INTERVAL / u32::try_from(each)?).await;
        let (one, other) = (
            stage.buckets.outside(number),
            stage.buckets.outside(each + number),
        );
        stage.aws.spoil_tags(&one)?;
        stage.aws.spoil_versioning(&other)?;
        let now = stage.clock.now();
        changed.insert(one, (Part::Tags, now));
        changed.insert(other, (Part::Versioning, now));
    }
    let mut drift = Drift::default();
    while !changed.is_empty() {
        let write = stage.aws.write().await?;
        // A bucket that is set back may be written to more than once.
        let Some((part, since)) = changed.remove(&write.bucket) else {
            continue;
        };
        let time = write.at.since(since);
        match part {
            Part::Tags => drift.tags.add(time),
            Part::Versioning => drift.versioning.add(time),
        }
    }
    Ok(drift)
}
