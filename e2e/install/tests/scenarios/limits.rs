//! Two releases of one operator, each for a team.

use anyhow::{Result, ensure};
use charts::helms;
use crd_types::aws::v1alpha1::S3Bucket;
use install::{Ground, Release, Tenant, values};
use kube::api::Api;

use crate::review::{Deed, may};

const GROUP: &str = "aws-infra-operator.runner.codes";
/// What an operator does where it is at work.
const DEEDS: [Deed<'static>; 4] = [
    ("list", GROUP, "s3buckets"),
    ("patch", GROUP, "s3buckets"),
    ("get", "", "secrets"),
    ("list", "", "secrets"),
];

pub async fn side_by_side(ground: &Ground) -> Result<()> {
    let helm = &helms()?[0];
    let first = Release::new(ground, helm, "first").await?;
    let second = Release::new(ground, helm, "second").await?;
    let teams = [
        Tenant::new(ground, "team-a").await?,
        Tenant::new(ground, "team-b").await?,
    ];
    // Whom nobody looks after was there before all others.
    let outside = Tenant::new(ground, "outside").await?;
    outside.account_by_secret().await?;
    outside.apply(outside.wish("data")).await?;

    for (release, team) in [&first, &second].into_iter().zip(&teams) {
        let limited = values::limited(&[team.namespace().name()]);
        let values = values::with(values::cloud(ground), limited);
        release.roll_out("cloud-operator", values).await?;
    }
    for team in &teams {
        team.account_by_secret().await?;
        team.has_bucket("data").await?;
        team.edit("data", "once").await?;
    }

    let names = teams.each_ref().map(|team| team.namespace().name());
    for (release, own) in [&first, &second].into_iter().zip(names) {
        let account = release.namespace().name();
        let others = names.into_iter().filter(|name| *name != own);
        for deed in DEEDS {
            ensure!(
                may(ground, account, deed, own).await?,
                "{account} may not {deed:?} in {own}"
            );
            for other in others
                .clone()
                .chain([outside.namespace().name(), account, ""])
            {
                ensure!(
                    !may(ground, account, deed, other).await?,
                    "{account} may {deed:?} in {other:?}"
                );
            }
        }
    }
    let buckets: Api<S3Bucket> = outside.namespace().api()?;
    let untouched = buckets.get("data").await?;
    ensure!(
        untouched.status.is_none() && untouched.metadata.finalizers.is_none(),
        "{untouched:?}"
    );
    let made = outside.tags("data").await?;
    ensure!(made.is_none(), "AWS has its bucket: {made:?}");
    Ok(())
}
