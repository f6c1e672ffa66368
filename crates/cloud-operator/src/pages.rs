//! The pages of `docs/` that are made of this crate.

use crd_types::aws::v1alpha1::GROUP;
use operator_core::{
    cluster::conditions::{DRIFTED, PAUSED},
    engines::{
        controller::reasons::PAUSE,
        external,
        reasons::{self, Section},
    },
    process::config,
};

use crate::{Config, NAME, aws, provider, s3bucket};

/// What its objects may say of themselves.
pub fn conditions() -> String {
    let sections = [
        Section {
            title: "AWSProvider",
            intro: "",
            reasons: provider::reasons::OWN,
        },
        Section {
            title: "S3Bucket",
            intro: "`status.facets` says of each part of a bucket whether it is `InSync`, `Drifted` or `Failed`, and in the last case by which code of AWS's.",
            reasons: s3bucket::reasons::OWN,
        },
        Section {
            title: "Life and ownership of a bucket",
            intro: "",
            reasons: external::reasons::REASONS,
        },
        Section {
            title: "AWS",
            intro: "Of buckets and providers alike; what is the provider's is shown by each of its buckets, too. [errors.md](../errors.md) lists AWS's codes with the reason that each leads to.",
            reasons: aws::REASONS,
        },
        Section {
            title: "A pause",
            intro: "",
            reasons: PAUSE,
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
    reasons::page(NAME, GROUP, &own, &sections)
}

/// Its settings.
pub fn settings() -> String {
    config::page::<Config>()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use operator_core::engines::{controller, reasons::Reason};

    use super::*;

    #[test]
    fn every_reason_is_told_and_each_that_is_told_is_given() {
        let names = |tables: &[&'static [Reason]]| -> BTreeSet<&str> {
            tables.iter().copied().flatten().map(|it| it.name).collect()
        };
        let own = names(&[provider::reasons::OWN, s3bucket::reasons::OWN, aws::REASONS]);
        let core = names(&[
            controller::reasons::REASONS,
            PAUSE,
            external::reasons::REASONS,
        ]);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        harness::reasons::told(&[&sources], &own, &core).unwrap();
    }
}
