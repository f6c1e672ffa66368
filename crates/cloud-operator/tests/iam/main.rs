//! The permissions that stand beside the operator's code: exactly what it needs in AWS, and a missing one is told.

#[allow(
    dead_code,
    reason = "what becomes of a facet is another test's business"
)]
#[path = "../facets/cases.rs"]
mod cases;
mod denied;
mod play;
mod record;
#[path = "../scene/mod.rs"]
mod scene;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cloud_operator::iam::{AWSPROVIDER, S3BUCKET, Statement, WITHOUT_PERMISSION, When};
use play::{Part, parts};
use record::{declared, differences, of_bucket, unpermitted, used};
use scene::Scene;

#[tokio::test]
async fn every_part_of_a_bucket_takes_what_is_declared_for_it_and_no_more() -> Result<()> {
    let scene = Scene::new("iam").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let parts = parts(&scene).await?;
    play::lives(&scene, &parts).await?;
    operator.stop().await?;

    let requests = scene.aws.proxy().requests();
    let mut differing = Vec::new();
    for Part { name, fields, .. } in &parts {
        let bucket = scene.bucket_name(name);
        let used = used(&of_bucket(&requests, &bucket))?;
        let of = |needed: &dyn Fn(&Statement) -> bool| {
            declared(S3BUCKET.iter().filter(|statement| needed(statement)))
        };
        let anyway = of(&|it| it.when == When::Always || it.sid == "Deletion");
        let names = |field: &str| fields.iter().any(|it| it == field);
        let own = of(&|it| matches!(it.when, When::Spec(field) if names(field)));
        // What every bucket may need, not every bucket does.
        let expected: BTreeSet<_> = used.intersection(&anyway).chain(&own).cloned().collect();
        let found = differences(&expected, &used);
        differing.extend(found.iter().map(|it| format!("{name} {fields:?}: {it}")));
    }
    ensure!(differing.is_empty(), "{differing:#?}");
    Ok(())
}

#[tokio::test]
async fn all_that_the_operator_ever_does_takes_what_is_declared_and_no_more() -> Result<()> {
    let requests = play::whole().await?;
    let declared = declared(S3BUCKET.iter().chain(AWSPROVIDER));
    let found = differences(&declared, &used(&requests)?);
    ensure!(found.is_empty(), "{found:#?}");

    let without: BTreeSet<&str> = WITHOUT_PERMISSION.iter().map(|(call, _)| *call).collect();
    let unpermitted = unpermitted(&requests)?;
    let unpermitted: BTreeSet<&str> = unpermitted.iter().map(String::as_str).collect();
    ensure!(unpermitted == without, "{unpermitted:?}");
    Ok(())
}

#[test]
fn a_permission_too_many_or_too_few_would_be_noticed() {
    let all = declared(S3BUCKET);
    let one = all.first().expect("there are some").clone();
    let fewer: BTreeSet<_> = all.iter().skip(1).cloned().collect();
    assert!(differences(&all, &all).is_empty());
    for (declared, used, fault) in [
        (&fewer, &all, "missing"),
        (&all, &fewer, "needed by nothing"),
    ] {
        let found = differences(declared, used);
        let [found] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(found.contains(fault) && found.contains(&one.0), "{found}");
    }
}
