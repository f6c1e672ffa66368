//! What buckets cost that nobody touches, in an hour that passes faster: all intervals are shorter by the same factor.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{figures::Hour, operator::Operator, stage::Stage};

/// How many times as fast the hour passes.
pub const FASTER: u32 = 30;
/// The operator's interval between two looks at a bucket, which is its default.
const HOUR: Duration = Duration::from_secs(3600);
/// The operator's interval between two passes, which is its default.
const PASSES: Duration = Duration::from_secs(300);

/// The operator's settings for such an hour.
pub fn intervals() -> [String; 2] {
    let faster = |interval: Duration| (interval / FASTER).as_secs();
    [
        format!("--drift-interval={}s", faster(HOUR)),
        format!("--reconcile-interval={}s", faster(PASSES)),
    ]
}

/// Measures one, after every bucket was looked at.
pub async fn hour(stage: &mut Stage, operator: &Operator) -> Result<Hour> {
    let hour = HOUR / FASTER;
    // A look comes a little after its interval has passed: an hour that began at once would miss the last.
    sleep(hour / 10).await;
    stage.aws.forget();
    let idle = operator.idle(hour).await?;
    Ok(Hour {
        calls: stage.aws.calls(),
        core: idle.core,
    })
}
