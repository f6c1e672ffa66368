//! What an account may do, by the word of the API server.

use anyhow::{Context, Result};
use install::Ground;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};

/// A verb, a group and a resource.
pub type Deed<'a> = (&'a str, &'a str, &'a str);

/// Whether cloud-operator's account of one namespace may do that in another, `""` for all of them.
pub async fn may(
    ground: &Ground,
    installed: &str,
    (verb, group, resource): Deed<'_>,
    namespace: &str,
) -> Result<bool> {
    let deed = ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{installed}:cloud-operator")),
            resource_attributes: Some(deed),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(ground.cluster().client()?);
    let answer = reviews.create(&PostParams::default(), &review).await?;
    let status = answer.status.context("an answer without a status")?;
    Ok(status.allowed)
}
