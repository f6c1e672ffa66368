//! What is told of `cloud-operator` alone.

use cloud_operator::{NAME, aws, provider, s3bucket};
use crd_types::aws::v1alpha1::GROUP;
use operator_core::{
    cluster::{
        conditions::{DRIFTED, PAUSED},
        reasons::PAUSE,
    },
    engines::external,
};

use crate::conditions::{Section, page};

/// What its objects may say of themselves.
pub fn conditions() -> String {
    let sections = [
        Section {
            title: "AWSProvider",
            intro: "",
            tables: &[
                provider::reasons::REASONS,
                aws::reasons::PROVIDER,
                aws::reasons::ANY_CALL,
            ],
        },
        Section {
            title: "S3Bucket",
            intro: "`status.facets` says of each part of a bucket whether it is `InSync`, `Drifted` or `Failed`, and in the last case by which code of AWS's.",
            tables: &[s3bucket::reasons::REASONS, aws::reasons::S3],
        },
        Section {
            title: "Life and ownership of a bucket",
            intro: "",
            tables: &[external::reasons::REASONS],
        },
        Section {
            title: "Calls to AWS for a bucket",
            intro: "[errors.md](../errors.md) lists AWS's codes with the reason that each leads to. What is wrong with a provider each of its buckets repeats as `ProviderNotReady`.",
            tables: &[aws::reasons::RESOURCE, aws::reasons::ANY_CALL],
        },
        Section {
            title: "A pause",
            intro: "",
            tables: &[PAUSE],
        },
    ];
    let own = [
        (
            PAUSED,
            "True while the annotation `paused` holds everything; else it is not there",
        ),
        (
            DRIFTED,
            "True where something outside has changed though nobody edited the object; else it is not there",
        ),
    ];
    page(NAME, GROUP, &own, &sections)
}
