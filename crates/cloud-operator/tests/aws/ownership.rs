//! Whose a bucket is.

use crd_types::aws::v1alpha1::{ObjectOwnership, OwnershipControls};
use harness::proxy::{Action, Call, Rule, Verb};
use operator_core::{
    decide::outcome::Class,
    engines::external::{External, Facets, Mark, Presence},
};

use crate::stage::{ACCOUNT, OTHER_ACCOUNT, REGION, Stage, shown, somebody};

#[tokio::test]
async fn the_mark_tells_ours_earlier_and_foreign_apart() {
    let stage = Stage::new().await;
    let mut case = stage.case("marked");
    case.create().await.unwrap();
    let created = case.mark.clone();

    case.mark = Mark {
        uid: "uid-2".into(),
        ..created.clone()
    };
    assert!(matches!(
        case.observe(&Facets::new()).await.unwrap(),
        Presence::OursEarlier { .. }
    ));
    case.mark = Mark {
        installation: "another".into(),
        ..created.clone()
    };
    match case.observe(&Facets::new()).await.unwrap() {
        Presence::Foreign { owner, .. } => assert_eq!(owner, Some(created)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn taking_over_writes_the_mark_before_anything_else() {
    let stage = Stage::new().await;
    let s3 = somebody().await;
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
        .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuCentral1)
        .build();
    s3.create_bucket()
        .bucket("strangers")
        .create_bucket_configuration(place)
        .send()
        .await
        .unwrap();

    let mut case = stage.case("strangers");
    case.object.spec.ownership_controls = Some(OwnershipControls {
        object_ownership: ObjectOwnership::ObjectWriter,
    });
    let Presence::Unmarked(observed) = case.observe(&Facets::new()).await.unwrap() else {
        panic!("unmarked")
    };
    let desired = case.desired();
    let diffs = stage
        .buckets
        .diff(&desired, Some(&observed), &Facets::new());
    let steps: Vec<_> = stage
        .buckets
        .plan(&desired, &diffs)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        steps,
        ["set tags", "set ownershipControls"],
        "{:?}",
        shown(&diffs)
    );

    let step = &stage.buckets.plan(&desired, &diffs)[0];
    stage
        .buckets
        .perform(&stage.leading, &stage.tenant, &case.bucket, step)
        .await
        .unwrap();
    assert!(matches!(
        case.observe(&Facets::new()).await.unwrap(),
        Presence::Ours(_)
    ));
}

#[tokio::test]
async fn a_bucket_of_another_account_is_foreign_and_its_name_taken() {
    let stage = Stage::new().await;
    let theirs = stage.beside(REGION, OTHER_ACCOUNT).await;
    assert_eq!(theirs.tenant.caller.account.as_ref(), OTHER_ACCOUNT);
    theirs.case("in-another-account").create().await.unwrap();

    let case = stage.case("in-another-account");
    match case.observe(&Facets::new()).await.unwrap() {
        Presence::Foreign { owner: None, seen } => {
            assert!(seen.contains("another AWS account"), "{seen}")
        }
        other => panic!("{other:?}"),
    }
    let fault = case.create().await.expect_err("taken");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "BucketNameTaken")
    );
}

/// CreateBucket cannot say whose the bucket is to be.
#[tokio::test]
async fn no_bucket_is_made_with_credentials_that_have_become_another_accounts() {
    let stage = Stage::new().await;
    let answer = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{OTHER_ACCOUNT}:user/operator</Arn><UserId>AIDA</UserId>\
         <Account>{OTHER_ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let identity = |call: &Call| call.about == "GetCallerIdentity";
    let answer = Action::Answer(http::Response::new(answer.into()));
    stage.proxy().rule(Rule::when(identity, answer));
    let fault = stage.case("no-mans").create().await.expect_err("refused");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "AccountChanged")
    );
    assert_eq!(stage.proxy().counts().of(Verb::Write), 0);
}

#[tokio::test]
async fn every_call_names_the_account_that_must_own_the_bucket() {
    let stage = Stage::new().await;
    let case = stage.case("expected-owner");
    case.create().await.unwrap();
    stage.proxy().clear();
    case.ours(&Facets::new()).await;
    case.delete().await.unwrap();
    let requests = stage.proxy().requests();
    assert!(requests.len() >= 3, "{requests:?}");
    for request in requests {
        let owner = request
            .call
            .headers
            .get("x-amz-expected-bucket-owner")
            .and_then(|owner| owner.to_str().ok());
        assert_eq!(owner, Some(ACCOUNT), "{}", request.call.about);
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_is_named_with_it() {
    let stage = Stage::new().await;
    let elsewhere = stage.beside("ap-southeast-2", ACCOUNT).await;
    elsewhere.case("elsewhere").create().await.unwrap();
    stage.proxy().clear();
    let fault = stage
        .case("elsewhere")
        .observe(&Facets::new())
        .await
        .expect_err("not here");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Terminal, "WrongRegion")
    );
    assert!(fault.message.contains("ap-southeast-2"), "{fault}");
    assert_eq!(stage.proxy().counts().of(Verb::Write), 0);
}

#[tokio::test]
async fn a_bucket_is_found_in_the_region_where_it_was_recorded() {
    let stage = Stage::new().await;
    let moved = stage.beside("us-west-2", ACCOUNT).await;
    let case = stage.case("moved-provider");
    case.create().await.unwrap();
    let found = moved
        .buckets
        .observe(&moved.tenant, &case.bucket, &case.claim(), &Facets::new())
        .await
        .unwrap();
    assert!(matches!(found, Presence::Ours(_)), "{found:?}");
    moved
        .buckets
        .delete(
            &moved.leading,
            &moved.tenant,
            &case.bucket,
            &case.object,
            &mut Default::default(),
            true,
        )
        .await
        .unwrap();
    assert!(matches!(
        case.observe(&Facets::new()).await.unwrap(),
        Presence::Gone
    ));
}
