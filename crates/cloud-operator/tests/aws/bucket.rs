//! The life of a bucket, call by call.

use aws_sdk_s3::types::{
    BucketVersioningStatus, PublicAccessBlockConfiguration, Tag, Tagging, VersioningConfiguration,
};
use crd_types::aws::v1alpha1::{
    Encryption, EncryptionAlgorithm, ObjectOwnership, OwnershipControls, PublicAccessBlock, Tags,
    Versioning,
};
use harness::proxy::Verb;
use operator_core::{
    decide::outcome::Class,
    engines::external::{External, Facets, Presence},
};

use crate::stage::{Stage, facets, somebody};

#[tokio::test]
async fn a_bucket_is_marked_from_its_first_moment_and_gone_in_the_end() {
    let stage = Stage::new().await;
    for region in ["eu-central-1", "us-east-1"] {
        let stage = stage.beside(region, crate::stage::ACCOUNT).await;
        let mut case = stage.case(&format!("life-{region}"));
        case.object.spec.tags = Tags::from_iter([("team", "a")]);
        assert!(matches!(
            case.observe(&Facets::new()).await.unwrap(),
            Presence::Gone
        ));

        case.create().await.unwrap();
        assert_eq!(
            stage.proxy().counts().of(Verb::Write),
            1,
            "tags and mark come with the creation"
        );
        assert!(matches!(
            case.observe(&Facets::new()).await.unwrap(),
            Presence::Ours(_)
        ));
        assert_eq!(case.diffs(&Facets::new()).await, []);

        case.delete().await.unwrap();
        assert!(matches!(
            case.observe(&Facets::new()).await.unwrap(),
            Presence::Gone
        ));
        case.delete()
            .await
            .expect("what is gone is as good as deleted");
        stage.proxy().clear();
    }
}

#[tokio::test]
async fn each_facet_is_set_changed_repaired_and_unset() {
    let stage = Stage::new().await;
    let mut case = stage.case("facets");
    case.create().await.unwrap();

    let spec = &mut case.object.spec;
    spec.tags = Tags::from_iter([("team", "a"), ("stage", "test")]);
    spec.versioning = Some(Versioning { enabled: true });
    spec.encryption = Some(Encryption {
        algorithm: EncryptionAlgorithm::Kms,
        kms_key_id: Some(
            "alias/ours"
                .parse::<crd_types::aws::v1alpha1::KmsKeyId>()
                .unwrap()
                .into(),
        ),
        bucket_key_enabled: true,
    });
    spec.public_access_block = Some(PublicAccessBlock {
        block_public_acls: true,
        ..Default::default()
    });
    spec.ownership_controls = Some(OwnershipControls {
        object_ownership: ObjectOwnership::ObjectWriter,
    });
    let owned = facets(&[
        "tags",
        "versioning",
        "encryption",
        "publicAccessBlock",
        "ownershipControls",
    ]);
    let (differed, left) = case.correct(&owned).await;
    assert_eq!(
        differed,
        [
            "tags.stage: unset → test",
            "tags.team: unset → a",
            "ownershipControls.objectOwnership: BucketOwnerEnforced → ObjectWriter",
            "publicAccessBlock.blockPublicPolicy: true → false",
            "publicAccessBlock.ignorePublicAcls: true → false",
            "publicAccessBlock.restrictPublicBuckets: true → false",
            "versioning.enabled: false → true",
            "encryption.algorithm: AES256 → aws:kms",
            "encryption.bucketKeyEnabled: false → true",
            "encryption.kmsKeyID: unset → alias/ours",
        ]
    );
    assert_eq!(left, [] as [&str; 0]);

    drift().await;
    let (differed, left) = case.correct(&owned).await;
    assert_eq!(
        differed,
        [
            "tags.team: b → a",
            "tags.stranger: here → unset",
            "publicAccessBlock.blockPublicAcls: false → true",
            "versioning.enabled: false → true",
            "encryption.algorithm: AES256 → aws:kms",
            "encryption.bucketKeyEnabled: false → true",
            "encryption.kmsKeyID: unset → alias/ours",
        ]
    );
    assert_eq!(left, [] as [&str; 0]);

    let spec = &mut case.object.spec;
    (spec.tags, spec.versioning, spec.encryption) = (Tags::default(), None, None);
    (spec.public_access_block, spec.ownership_controls) = (None, None);
    let (differed, left) = case.correct(&owned).await;
    assert_eq!(
        differed,
        [
            "tags.stage: test → unset",
            "tags.team: a → unset",
            "ownershipControls.objectOwnership: ObjectWriter → BucketOwnerEnforced",
            "publicAccessBlock.blockPublicPolicy: false → true",
            "publicAccessBlock.ignorePublicAcls: false → true",
            "publicAccessBlock.restrictPublicBuckets: false → true",
            "versioning.enabled: true → false",
            "encryption.algorithm: aws:kms → AES256",
            "encryption.bucketKeyEnabled: true → false",
            "encryption.kmsKeyID: alias/ours → unset",
        ]
    );
    assert_eq!(left, [] as [&str; 0]);
}

/// Somebody changes what the test above has set, past the operator.
async fn drift() {
    let s3 = somebody().await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let mut tags = s3
        .get_bucket_tagging()
        .bucket("facets")
        .send()
        .await
        .unwrap()
        .tag_set;
    tags.retain(|tag| tag.key() != "team");
    tags.extend([tag("team", "b"), tag("stranger", "here")]);
    let tagging = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
    s3.put_bucket_tagging()
        .bucket("facets")
        .tagging(tagging)
        .send()
        .await
        .unwrap();
    let suspended = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Suspended)
        .build();
    s3.put_bucket_versioning()
        .bucket("facets")
        .versioning_configuration(suspended)
        .send()
        .await
        .unwrap();
    s3.delete_bucket_encryption()
        .bucket("facets")
        .send()
        .await
        .unwrap();
    let open = PublicAccessBlockConfiguration::builder()
        .block_public_acls(false)
        .build();
    s3.put_public_access_block()
        .bucket("facets")
        .public_access_block_configuration(open)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn what_the_spec_never_spoke_of_is_neither_read_nor_touched() {
    let stage = Stage::new().await;
    let case = stage.case("silent");
    case.create().await.unwrap();
    let s3 = somebody().await;
    let enabled = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    s3.put_bucket_versioning()
        .bucket("silent")
        .versioning_configuration(enabled)
        .send()
        .await
        .unwrap();
    stage.proxy().clear();

    assert_eq!(case.diffs(&Facets::new()).await, []);
    let counts = stage.proxy().counts();
    assert_eq!(
        counts.of(Verb::Read),
        2,
        "HeadBucket and GetBucketTagging: {counts:?}"
    );
    assert_eq!(counts.of(Verb::Write), 0);
}

#[tokio::test]
async fn a_false_versioning_on_a_bucket_that_never_had_it_needs_no_write() {
    let stage = Stage::new().await;
    let mut case = stage.case("never-versioned");
    case.create().await.unwrap();
    case.object.spec.versioning = Some(Versioning { enabled: false });
    assert_eq!(case.diffs(&facets(&["versioning"])).await, []);
}

#[tokio::test]
async fn the_ownership_that_the_spec_asks_for_comes_with_the_creation() {
    let stage = Stage::new().await;
    let mut case = stage.case("owned-at-creation");
    case.object.spec.ownership_controls = Some(OwnershipControls {
        object_ownership: ObjectOwnership::BucketOwnerPreferred,
    });
    case.create().await.unwrap();
    assert_eq!(case.diffs(&Facets::new()).await, []);
}

#[tokio::test]
async fn a_bucket_that_is_not_empty_is_not_deleted() {
    let stage = Stage::new().await;
    let case = stage.case("not-empty");
    case.create().await.unwrap();
    let s3 = somebody().await;
    s3.put_object()
        .bucket("not-empty")
        .key("k")
        .send()
        .await
        .unwrap();
    let fault = case.delete().await.expect_err("refused");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "BucketNotEmpty")
    );
    for word in ["old versions", "delete markers", "Retain", "Orphan"] {
        assert!(fault.message.contains(word), "{fault}");
    }
}

#[tokio::test]
async fn unmarking_leaves_every_other_tag() {
    let stage = Stage::new().await;
    let mut case = stage.case("unmarked-again");
    case.object.spec.tags = Tags::from_iter([("team", "a")]);
    case.create().await.unwrap();
    let observed = case.ours(&Facets::new()).await;
    stage
        .buckets
        .unmark(&stage.leading, &stage.tenant, &case.bucket, &observed)
        .await
        .unwrap();
    assert!(matches!(
        case.observe(&Facets::new()).await.unwrap(),
        Presence::Unmarked(_)
    ));
    let tags = somebody()
        .await
        .get_bucket_tagging()
        .bucket("unmarked-again")
        .send()
        .await
        .unwrap()
        .tag_set;
    assert_eq!(tags.len(), 1);
    assert_eq!((tags[0].key(), tags[0].value()), ("team", "a"));
}
