//! What a status says of a bucket. Pure.

use crd_types::aws::v1alpha1::{FacetState, FacetStatus, S3BucketStatus};
use operator_core::engines::external::Trouble;

use super::desired::Desired;
use crate::aws::{Bucket, Session};

/// The longest message of a facet, in bytes; its schema allows as many characters.
const LONGEST_MESSAGE: usize = 1024;

/// The longest code of a facet, in bytes; its schema allows as many characters.
const LONGEST_CODE: usize = 128;

pub(super) fn report(
    session: &Session,
    bucket: &Bucket,
    desired: &Desired,
    trouble: &Trouble,
    status: &mut S3BucketStatus,
) {
    status.arn = Some(bucket.arn());
    status.region = Some(bucket.region.to_string());
    status.account_id = Some(bucket.account.to_string());
    status.bucket_domain_name = session.bucket_domain(bucket);
    let spoken_of = desired.facets.keys().copied();
    let unset = trouble
        .diffs
        .iter()
        .map(|diff| diff.facet)
        .chain(trouble.failed.iter().map(|(name, _)| *name))
        .filter(|name| !desired.facets.contains_key(name));
    let mut names: Vec<&'static str> = spoken_of.chain(unset).collect();
    names.sort_unstable();
    names.dedup();
    status.facets = names.into_iter().map(|name| facet(name, trouble)).collect();
}

fn facet(name: &'static str, trouble: &Trouble) -> FacetStatus {
    let differing: Vec<String> = trouble
        .diffs
        .iter()
        .filter(|diff| diff.facet == name)
        .map(ToString::to_string)
        .collect();
    let failed = trouble.failed.iter().find(|(failed, _)| *failed == name);
    let (state, message) = match failed {
        Some((_, fault)) => (FacetState::Failed, Some(fault.message.clone())),
        None if differing.is_empty() => (FacetState::InSync, None),
        None => (FacetState::Drifted, Some(differing.join("; "))),
    };
    let bounded = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
    FacetStatus {
        name: name.to_owned(),
        state,
        code: failed.map(|(_, fault)| bounded(&fault.code, LONGEST_CODE)),
        message: message.map(|text| bounded(&text, LONGEST_MESSAGE)),
    }
}

#[cfg(test)]
mod tests {
    use operator_core::{
        decide::{key::ObjectKey, outcome::Fault},
        engines::external::Diff,
    };
    use serde_json::json;

    use super::*;
    use crate::{aws::reasons::ACCESS_DENIED, s3bucket::facets::Values};

    fn reported(trouble: &Trouble) -> S3BucketStatus {
        let session = Session::idle(ObjectKey::new("platform", "main"), "123456789012");
        let bucket = Bucket {
            name: "logs".parse().unwrap(),
            account: session.caller.account.clone(),
            region: session.region.clone(),
            partition: session.caller.partition.clone(),
            store: None,
        };
        let facets = Values::from([
            ("tags", json!({})),
            ("versioning", json!({"enabled": true})),
        ]);
        let mut status = S3BucketStatus::default();
        report(
            &session,
            &bucket,
            &Desired {
                facets,
                ..Desired::default()
            },
            trouble,
            &mut status,
        );
        status
    }

    fn diff(facet: &'static str) -> Diff {
        Diff {
            facet,
            field: format!("{facet}.enabled"),
            from: "false".into(),
            to: "true".into(),
        }
    }

    fn facets(status: &S3BucketStatus) -> Vec<(&str, FacetState)> {
        status
            .facets
            .iter()
            .map(|facet| (facet.name.as_str(), facet.state))
            .collect()
    }

    #[test]
    fn names_are_of_the_accounts_partition() {
        let status = reported(&Trouble::default());
        assert_eq!(status.arn.as_deref(), Some("arn:aws-cn:s3:::logs"));
        assert_eq!(
            status.bucket_domain_name.as_deref(),
            Some("logs.s3.cn-north-1.amazonaws.com.cn")
        );
        assert_eq!(status.account_id.as_deref(), Some("123456789012"));
        assert_eq!(status.region.as_deref(), Some("cn-north-1"));
    }

    #[test]
    fn each_facet_that_is_spoken_of_has_its_state() {
        let status = reported(&Trouble::default());
        assert_eq!(
            facets(&status),
            [
                ("tags", FacetState::InSync),
                ("versioning", FacetState::InSync)
            ]
        );

        let fault = Fault::blocked(ACCESS_DENIED, "é".repeat(2000));
        let trouble = Trouble {
            diffs: vec![diff("encryption"), diff("tags")],
            failed: vec![("tags", fault)],
        };
        let status = reported(&trouble);
        assert_eq!(
            facets(&status),
            [
                ("encryption", FacetState::Drifted),
                ("tags", FacetState::Failed),
                ("versioning", FacetState::InSync),
            ],
            "a facet that is being unset is shown as well"
        );
        assert_eq!(
            status.facets[0].message.as_deref(),
            Some("encryption.enabled: false → true")
        );
        assert_eq!(
            status.facets[1].message.as_ref().map(String::len),
            Some(1024)
        );
    }
}
