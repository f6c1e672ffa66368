//! What is said of an AWSProvider or an S3Bucket before it is stored: what only other objects tell, and warnings.
//!
//! Nothing rests on it, as passes judge again: an S3Bucket whose bucket is another object's says so in its status,
//! and an AWSProvider stays for as long as it is needed.

mod awsprovider;
mod deletion;
mod public;
mod s3bucket;

use std::sync::Arc;

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, ValidatingWebhook, ValidatingWebhookConfiguration,
    WebhookClientConfig,
};
use kube::{Resource, api::ObjectMeta};
use operator_core::{
    cluster::cache::{Cache, Whole},
    process::webhook::Validators,
};

pub(crate) use self::deletion::Inherited;
use crate::{provider::Users, s3bucket::Namesakes};

/// Where S3Buckets are judged.
const S3BUCKET: &str = "/validate-s3bucket";
/// Where AWSProviders are judged.
const AWSPROVIDER: &str = "/validate-awsprovider";

/// The functions that judge, by these caches, which must not run yet.
pub(crate) fn validators(
    providers: Arc<Cache<Whole<AWSProvider>>>,
    buckets: Arc<Cache<Whole<S3Bucket>>>,
    namesakes: Namesakes,
    users: impl Users,
    inherited: Inherited,
) -> Validators {
    let mut validators = Validators::default();
    validators.add(S3BUCKET, {
        let buckets = buckets.clone();
        move |asked| s3bucket::judge(asked, &providers, &buckets, &namesakes, &inherited)
    });
    validators.add(AWSPROVIDER, move |asked| {
        awsprovider::judge(asked, &users, &buckets)
    });
    validators
}

/// The configuration that has the API server ask the operator; `reached` says how a path of it is reached. The
/// leader puts the authorities in.
pub fn configuration(
    name: &str,
    reached: impl Fn(&str) -> WebhookClientConfig,
) -> ValidatingWebhookConfiguration {
    // Status and metadata are not judged: for most of what the operator itself writes nobody is asked.
    let of_the_spec = MatchCondition {
        name: "spec".to_owned(),
        expression: "request.operation != 'UPDATE' || object.spec != oldObject.spec".to_owned(),
    };
    let webhooks = [
        webhook::<S3Bucket>(&["CREATE", "UPDATE"], reached(S3BUCKET)),
        webhook::<AWSProvider>(&["CREATE", "UPDATE", "DELETE"], reached(AWSPROVIDER)),
    ];
    let webhooks = webhooks.map(|webhook| ValidatingWebhook {
        match_conditions: Some(vec![of_the_spec.clone()]),
        ..webhook
    });
    ValidatingWebhookConfiguration {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        webhooks: Some(webhooks.into()),
    }
}

fn webhook<K: Resource<DynamicType = ()>>(
    operations: &[&str],
    client_config: WebhookClientConfig,
) -> ValidatingWebhook {
    let list = |text: &str| Some(vec![text.to_owned()]);
    let operations = operations.iter().map(|&it| it.to_owned()).collect();
    ValidatingWebhook {
        name: format!("{}.{}", K::kind(&()).to_ascii_lowercase(), K::group(&())),
        client_config,
        rules: Some(vec![RuleWithOperations {
            api_groups: list(&K::group(&())),
            api_versions: list(&K::version(&())),
            operations: Some(operations),
            resources: list(&K::plural(&())),
            scope: Some("Namespaced".to_owned()),
        }]),
        admission_review_versions: vec!["v1".to_owned()],
        side_effects: "None".to_owned(),
        // Never required: passes judge again.
        failure_policy: Some("Ignore".to_owned()),
        match_policy: Some("Equivalent".to_owned()),
        timeout_seconds: Some(5),
        ..ValidatingWebhook::default()
    }
}
